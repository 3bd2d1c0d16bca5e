/* Graphs that are wrong are refused when planned, with a reason, and never computed. */
#include "test_kernels.h"

#include "graph_fixture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct parts {
    struct graph *graph;
    struct value *x;        /* (TOKENS, WIDTH) */
    struct value *integers; /* (TOKENS) */
    struct value *deep;     /* (2, 5, WIDTH) */
    struct value *narrow;   /* (TOKENS, 5) */
};

static void linear_other_width(struct parts *p)
{
    op_linear(p->graph, "classifier", WEIGHT_OUT_IN, CLASSES, p->narrow);
}
static void linear_other_outputs(struct parts *p)
{
    op_linear(p->graph, "classifier", WEIGHT_OUT_IN, CLASSES + 1, p->x);
}
static void linear_other_layout(struct parts *p)
{
    op_linear(p->graph, "up", WEIGHT_IN_OUT, 2 * WIDTH, p->x);
}
static void linear_missing(struct parts *p)
{
    op_linear(p->graph, "nowhere", WEIGHT_OUT_IN, CLASSES, p->x);
}
static void linear_of_integers(struct parts *p)
{
    op_linear_named(p->graph, "one", WEIGHT_OUT_IN, 1, p->integers, "one.weight", NULL);
}
static void linear_of_a_vector(struct parts *p)
{
    op_linear_named(p->graph, "norm", WEIGHT_OUT_IN, 1, p->x, "norm.weight", NULL);
}
static void linear_negative(struct parts *p)
{
    op_linear(p->graph, "classifier", WEIGHT_OUT_IN, -1, p->x);
}
static void embedding_of_floats(struct parts *p)
{
    op_embedding(p->graph, "embeddings", WORDS, WIDTH, p->x);
}
static void embedding_other_entries(struct parts *p)
{
    op_embedding(p->graph, "embeddings", WORDS + 1, WIDTH, p->integers);
}
static void norm_other_width(struct parts *p)
{
    op_layer_norm(p->graph, "norm", p->narrow, 1e-5f);
}
static void norm_missing(struct parts *p)
{
    op_rms_norm(p->graph, "nothing", p->x, 1e-5f);
}
static void norm_of_integers(struct parts *p)
{
    op_layer_norm(p->graph, "one", p->integers, 1e-5f);
}
static void activation_of_integers(struct parts *p)
{
    op_activation(p->graph, ACTIVATION_TANH, p->integers);
}
static void add_two_shapes(struct parts *p)
{
    op_add(p->graph, p->x, p->narrow);
}
static void add_two_ranks(struct parts *p)
{
    op_add(p->graph, p->x, p->deep);
}
static void dropout_beyond_one(struct parts *p)
{
    op_dropout(p->graph, "place", p->x, 1.5f, &layout);
}
static void dropout_not_a_number(struct parts *p)
{
    op_dropout(p->graph, "place", p->x, NAN, &layout);
}
static void dropout_other_rows(struct parts *p)
{
    op_dropout(p->graph, "place", p->x, 0.5f, &(struct row_layout){1, 4, 4, offsets, NULL});
}
static void pool_empty_row(struct parts *p)
{
    static const int32_t empty[] = {0, 4, 4, 10};
    op_pool(p->graph, POOL_MEAN, p->x, &(struct row_layout){ROWS, TOKENS, 6, empty, NULL});
}
static void pool_beyond_the_end(struct parts *p)
{
    static const int32_t far_off[] = {0, 4, 5, 1000};
    op_pool(p->graph, POOL_MEAN, p->x, &(struct row_layout){ROWS, TOKENS, 5, far_off, NULL});
}
static void normalize_of_integers(struct parts *p)
{
    op_normalize(p->graph, p->integers);
}

static void attend(struct parts *p, int64_t heads, int64_t width, int64_t k_column,
                   const struct row_layout *keys, struct value *bias, float dropout)
{
    struct attention_options options = {
        .heads = heads, .scale = 1.0f, .k_column = k_column, .bias = bias, .dropout = dropout};
    op_attention(p->graph, "attention", p->x, p->x, p->x, width, &layout, keys, &options);
}
static void attention_no_heads(struct parts *p)
{
    attend(p, 0, WIDTH, 0, &layout, NULL, 0.0f);
}
static void attention_uneven_heads(struct parts *p)
{
    attend(p, 5, WIDTH, 0, &layout, NULL, 0.0f);
}
static void attention_too_wide(struct parts *p)
{
    attend(p, 2, 2 * WIDTH, 0, &layout, NULL, 0.0f);
}
static void attention_column_outside(struct parts *p)
{
    attend(p, 2, WIDTH, 1, &layout, NULL, 0.0f);
}
static void attention_negative_column(struct parts *p)
{
    attend(p, 2, 4, -1, &layout, NULL, 0.0f);
}
static void attention_other_rows(struct parts *p)
{
    static const int32_t two[] = {0, 4, 10};
    attend(p, 2, WIDTH, 0, &(struct row_layout){2, TOKENS, 6, two, NULL}, NULL, 0.0f);
}
static void attention_longest_too_short(struct parts *p)
{
    struct row_layout short_one = layout;
    short_one.longest = 3;
    attend(p, 2, WIDTH, 0, &short_one, NULL, 0.0f);
}
static void attention_falling_offsets(struct parts *p)
{
    static const int32_t falling[] = {0, 6, 5, 10};
    attend(p, 2, WIDTH, 0, &(struct row_layout){ROWS, TOKENS, 6, falling, NULL}, NULL, 0.0f);
}
static void attention_no_bucket(struct parts *p)
{
    attend(p, 2, WIDTH, 0, &layout, p->x, 0.0f);
}
static void attention_wild_dropout(struct parts *p)
{
    attend(p, 2, WIDTH, 0, &layout, NULL, -0.5f);
}
static void cross_entropy_other_rows(struct parts *p)
{
    op_cross_entropy(p->graph, op_pool(p->graph, POOL_MEAN, p->x, &layout), p->integers, NULL,
                     0.0f);
}
static void cross_entropy_float_labels(struct parts *p)
{
    struct value *column = graph_input(p->graph, DTYPE_F32, 1, (const int64_t[]){TOKENS}, seed);
    op_cross_entropy(p->graph, p->x, column, NULL, 0.0f);
}
static void cross_entropy_other_classes(struct parts *p)
{
    struct value *three = graph_input(p->graph, DTYPE_F32, 1, (const int64_t[]){ROWS}, seed);
    op_cross_entropy(p->graph, p->x, p->integers, three, 0.0f);
}
static void cross_entropy_deep(struct parts *p)
{
    op_cross_entropy(p->graph, p->deep, p->integers, NULL, 0.0f);
}
static void cross_entropy_wild_smoothing(struct parts *p)
{
    op_cross_entropy(p->graph, p->x, p->integers, NULL, 2.0f);
}
static void squared_error_two_shapes(struct parts *p)
{
    op_squared_error(p->graph, p->x, p->narrow);
}

static void score(struct parts *p, struct value *hidden, const char *weight, struct value *targets)
{
    struct vocabulary_options options = {
        .scoring = {hidden, weight, NULL}, .targets = targets, .scores = 1u << SCORE_RANK};
    struct value *scores[SCORE_COUNT];
    assert_false(op_vocabulary(p->graph, "head", &options, scores));
}
static void vocabulary_other_width(struct parts *p)
{
    score(p, p->narrow, "embeddings.weight", p->integers);
}
static void vocabulary_missing(struct parts *p)
{
    score(p, p->x, "head.weight", p->integers);
}
static void vocabulary_without_targets(struct parts *p)
{
    score(p, p->x, "embeddings.weight", NULL);
}
static void vocabulary_float_targets(struct parts *p)
{
    struct value *column = graph_input(p->graph, DTYPE_F32, 1, (const int64_t[]){TOKENS}, seed);
    score(p, p->x, "embeddings.weight", column);
}
static void vocabulary_other_rows(struct parts *p)
{
    struct value *three = graph_input(p->graph, DTYPE_I32, 1, (const int64_t[]){ROWS}, labels);
    score(p, p->x, "embeddings.weight", three);
}
static void input_without_data(struct parts *p)
{
    op_normalize(p->graph, graph_input(p->graph, DTYPE_F32, 2, (const int64_t[]){2, 2}, NULL));
}
static void input_too_large(struct parts *p)
{
    graph_input(p->graph, DTYPE_F32, 2, (const int64_t[]){INT64_MAX / 2, 64}, NULL);
}
static void input_negative(struct parts *p)
{
    graph_input(p->graph, DTYPE_F32, 1, (const int64_t[]){-3}, NULL);
}
static void input_rank_six(struct parts *p)
{
    graph_input(p->graph, DTYPE_F32, 6, (const int64_t[]){1, 1, 1, 1, 1, 1}, seed);
}
static void seed_without_tape(struct parts *p)
{
    graph_seed(p->graph, op_normalize(p->graph, p->x), seed);
}
static void name_too_long(struct parts *p)
{
    char text[2000];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    graph_name(p->graph, "%s", text);
}

#define REFUSAL(function, status)                                                                  \
    {                                                                                              \
#function, function, ASSAY_ERROR_##status                                                  \
    }

static const struct {
    const char *name;
    void (*build)(struct parts *);
    assay_status status;
} refusals[] = {
    REFUSAL(linear_other_width, SHAPE),
    REFUSAL(linear_other_outputs, SHAPE),
    REFUSAL(linear_other_layout, SHAPE),
    REFUSAL(linear_missing, NOT_FOUND),
    REFUSAL(linear_of_integers, SHAPE),
    REFUSAL(linear_of_a_vector, SHAPE),
    REFUSAL(linear_negative, SHAPE),
    REFUSAL(embedding_of_floats, SHAPE),
    REFUSAL(embedding_other_entries, SHAPE),
    REFUSAL(norm_other_width, SHAPE),
    REFUSAL(norm_missing, NOT_FOUND),
    REFUSAL(norm_of_integers, SHAPE),
    REFUSAL(activation_of_integers, SHAPE),
    REFUSAL(add_two_shapes, SHAPE),
    REFUSAL(add_two_ranks, SHAPE),
    REFUSAL(dropout_beyond_one, ARGUMENT),
    REFUSAL(dropout_not_a_number, ARGUMENT),
    REFUSAL(dropout_other_rows, SHAPE),
    REFUSAL(pool_empty_row, ARGUMENT),
    REFUSAL(pool_beyond_the_end, SHAPE),
    REFUSAL(normalize_of_integers, SHAPE),
    REFUSAL(attention_no_heads, SHAPE),
    REFUSAL(attention_uneven_heads, SHAPE),
    REFUSAL(attention_too_wide, SHAPE),
    REFUSAL(attention_column_outside, SHAPE),
    REFUSAL(attention_negative_column, SHAPE),
    REFUSAL(attention_other_rows, SHAPE),
    REFUSAL(attention_longest_too_short, SHAPE),
    REFUSAL(attention_falling_offsets, SHAPE),
    REFUSAL(attention_no_bucket, SHAPE),
    REFUSAL(attention_wild_dropout, ARGUMENT),
    REFUSAL(cross_entropy_other_rows, SHAPE),
    REFUSAL(cross_entropy_float_labels, SHAPE),
    REFUSAL(cross_entropy_other_classes, SHAPE),
    REFUSAL(cross_entropy_deep, SHAPE),
    REFUSAL(cross_entropy_wild_smoothing, ARGUMENT),
    REFUSAL(squared_error_two_shapes, SHAPE),
    REFUSAL(vocabulary_other_width, SHAPE),
    REFUSAL(vocabulary_missing, NOT_FOUND),
    REFUSAL(vocabulary_without_targets, SHAPE),
    REFUSAL(vocabulary_float_targets, SHAPE),
    REFUSAL(vocabulary_other_rows, SHAPE),
    REFUSAL(input_without_data, ARGUMENT),
    REFUSAL(input_too_large, SHAPE),
    REFUSAL(input_negative, SHAPE),
    REFUSAL(input_rank_six, SHAPE),
    REFUSAL(seed_without_tape, ARGUMENT),
    REFUSAL(name_too_long, LIMIT),
};

static void wrong_graphs_are_refused(void **state)
{
    struct fixture *f = *state;
    static const float data[TOKENS * WIDTH];
    assert_int_equal(
        parameter_set_add(f->set, "one.weight", 1, (const int64_t[]){TOKENS}, data, NULL),
        ASSAY_OK);
    assert_int_equal(
        parameter_set_add(f->set, "one.bias", 1, (const int64_t[]){TOKENS}, data, NULL), ASSAY_OK);
    int wrong = 0;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct graph_options options = plain_options(f);
        options.training = true;
        graph_reset(f->graph, &options);
        struct parts parts = {
            f->graph,
            graph_input(f->graph, DTYPE_F32, 2, (const int64_t[]){TOKENS, WIDTH}, data),
            graph_input(f->graph, DTYPE_I32, 1, (const int64_t[]){TOKENS}, ids),
            graph_input(f->graph, DTYPE_F32, 3, (const int64_t[]){2, 5, WIDTH}, data),
            graph_input(f->graph, DTYPE_F32, 2, (const int64_t[]){TOKENS, 5}, data),
        };
        refusals[i].build(&parts);
        assay_error error = {0};
        assay_status status = graph_plan(f->graph, NULL, &error);
        if (status == refusals[i].status && error.status == status && *error.message)
            continue;
        wrong++;
        fprintf(stderr, "%s: %s, \"%s\"\n", refusals[i].name, assay_status_name(status),
                error.message);
    }
    assert_int_equal(wrong, 0);
}

/* The first failure is the one reported, with what was expected and found. */
static void refusals_say_what_and_where(void **state)
{
    struct fixture *f = *state;
    struct graph_options options = plain_options(f);
    graph_reset(f->graph, &options);
    static const float data[TOKENS * 5];
    struct value *x = graph_input(f->graph, DTYPE_F32, 2, (const int64_t[]){TOKENS, 5}, data);
    struct value *y = op_linear(f->graph, "classifier", WEIGHT_OUT_IN, CLASSES, x);
    assert_null(y);
    assert_null(op_linear(f->graph, "nowhere", WEIGHT_OUT_IN, CLASSES, y));
    assert_int_equal(graph_plan(f->graph, NULL, &f->error), ASSAY_ERROR_SHAPE);
    assert_string_equal(f->error.place, "classifier.weight");
    assert_string_equal(f->error.expected, "(3, 5)");
    assert_string_equal(f->error.found, "(3, 12)");
    /* A graph that failed works again after a reset. */
    graph_reset(f->graph, &options);
    f->error = (assay_error){0};
    build_model(f->graph);
    assert_int_equal(graph_plan(f->graph, NULL, NULL), ASSAY_OK);
    assert_int_equal(graph_forward(f->graph, NULL), ASSAY_OK);
    assert_int_equal(graph_backward(f->graph, &f->error), ASSAY_ERROR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(wrong_graphs_are_refused),
        WITH_FIXTURE(refusals_say_what_and_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
