#include "data_show.h"
#include "output.h"

static void put_integer(struct json_out *out, const char *key, int64_t value)
{
    out_key(out, key);
    out_integer(out, value);
}

static void put_double(struct json_out *out, const char *key, double value)
{
    out_key(out, key);
    out_double(out, value);
}

static void put_text(struct json_out *out, const char *key, const char *value)
{
    out_key(out, key);
    out_text(out, value);
}

static void put_boolean(struct json_out *out, const char *key, bool value)
{
    out_key(out, key);
    out_boolean(out, value);
}

static void open(struct json_out *out, const char *key, char bracket)
{
    out_key(out, key);
    out_begin(out, bracket);
}

static void put_lengths(struct json_out *out, const char *key, const assay_data_lengths *lengths)
{
    open(out, key, '{');
    put_double(out, "least", lengths->least);
    put_double(out, "q05", lengths->q05);
    put_double(out, "q25", lengths->q25);
    put_double(out, "median", lengths->median);
    put_double(out, "q75", lengths->q75);
    put_double(out, "q95", lengths->q95);
    put_double(out, "most", lengths->most);
    put_double(out, "mean", lengths->mean);
    out_end(out, '}');
}

static void put_files(struct json_out *out, const assay_data_summary *summary)
{
    open(out, "files", '[');
    for (int32_t i = 0; i < summary->file_count; i++) {
        const assay_data_file *file = &summary->files[i];
        out_begin(out, '{');
        put_text(out, "path", file->path);
        put_integer(out, "rows", file->rows);
        put_integer(out, "broken", file->broken);
        put_integer(out, "empty", file->empty);
        put_integer(out, "unlabelled", file->unlabelled);
        put_integer(out, "bytes", (int64_t)file->bytes);
        out_end(out, '}');
    }
    out_end(out, ']');
}

static void put_labels(struct json_out *out, const assay_data_summary *summary)
{
    open(out, "labels", '[');
    for (int32_t i = 0; i < summary->label_count; i++) {
        const assay_data_label *label = &summary->labels[i];
        out_begin(out, '{');
        put_text(out, "name", label->name);
        put_integer(out, "rows", label->rows);
        put_integer(out, "groups", label->groups);
        put_lengths(out, "characters", &label->characters);
        put_lengths(out, "words", &label->words);
        out_end(out, '}');
    }
    out_end(out, ']');
    put_boolean(out, "labels_cut", summary->labels_cut);
}

static void put_scripts(struct json_out *out, const assay_data_summary *summary)
{
    open(out, "scripts", '[');
    for (int32_t i = 0; i < summary->script_count; i++) {
        out_begin(out, '{');
        put_text(out, "name", summary->scripts[i].name);
        put_integer(out, "rows", summary->scripts[i].rows);
        put_integer(out, "letters", summary->scripts[i].letters);
        out_end(out, '}');
    }
    out_end(out, ']');
}

static void put_broken(struct json_out *out, const assay_data_summary *summary)
{
    open(out, "broken_rows", '[');
    for (int32_t i = 0; i < summary->broken_row_count; i++) {
        out_begin(out, '{');
        put_text(out, "file", summary->broken_rows[i].file);
        put_integer(out, "line", summary->broken_rows[i].line);
        put_text(out, "reason", summary->broken_rows[i].reason);
        out_end(out, '}');
    }
    out_end(out, ']');
}

static void put_repeats(struct json_out *out, const char *key, const assay_data_repeats *repeats)
{
    open(out, key, '{');
    put_integer(out, "different", repeats->different);
    put_integer(out, "repeated", repeats->repeated);
    put_integer(out, "rows", repeats->rows);
    put_integer(out, "across", repeats->across);
    put_integer(out, "rows_across", repeats->rows_across);
    put_integer(out, "disagreeing", repeats->disagreeing);
    out_end(out, '}');
}

static void put_trait(struct json_out *out, const assay_data_trait *trait)
{
    bool files = trait->kind == ASSAY_DATA_TRAIT_FILES;
    out_begin(out, '{');
    put_text(out, "name", trait->name);
    put_text(out, "kind", data_trait_kind_name(trait->kind));
    put_text(out, "description", trait->description);
    put_boolean(out, "leak", trait->leak);
    put_text(out, "string", trait->string);
    if (files) {
        put_integer(out, "rows", (int64_t)trait->of_label);
        put_double(out, "share", trait->of_others);
    } else {
        put_text(out, "label", trait->label);
        put_boolean(out, "higher", trait->higher);
        put_double(out, "auroc", trait->auroc);
        put_double(out, "low", trait->low);
        put_double(out, "high", trait->high);
        put_double(out, "bound", trait->bound);
        put_double(out, "bar", trait->bar);
        put_double(out, "of_label", trait->of_label);
        put_double(out, "of_others", trait->of_others);
    }
    put_text(out, "fix", trait->fix);
    open(out, "examples", '[');
    for (int32_t i = 0; i < trait->example_count; i++) {
        const assay_data_place *place = &trait->examples[i];
        out_begin(out, '{');
        put_text(out, "file", place->file);
        put_integer(out, "row", place->row);
        put_text(out, "id", place->id);
        put_text(out, "label", place->label);
        put_text(out, "excerpt", place->excerpt);
        out_end(out, '}');
    }
    out_end(out, ']');
    out_end(out, '}');
}

static void put_audit(struct json_out *out, const assay_data_summary *summary)
{
    open(out, "audit", '{');
    put_text(out, "left_out", summary->audit_left_out);
    put_text(out, "positive", summary->positive);
    put_integer(out, "sampled", summary->sampled);
    put_integer(out, "candidates", summary->candidates);
    put_integer(out, "short_by", summary->short_by);
    open(out, "bars", '{');
    for (int kind = 0; kind < ASSAY_DATA_TRAIT_FILES; kind++)
        put_double(out, data_trait_kind_name((assay_data_trait_kind)kind), summary->bars[kind]);
    out_end(out, '}');
    put_integer(out, "leaks", summary->leak_count);
    open(out, "traits", '[');
    for (int32_t i = 0; i < summary->trait_count; i++)
        put_trait(out, &summary->traits[i]);
    out_end(out, ']');
    out_end(out, '}');
}

void data_show_json(const assay_data_summary *summary)
{
    struct json_out out = {.file = stdout};
    out_begin(&out, '{');
    put_integer(&out, "rows", summary->rows);
    put_integer(&out, "broken", summary->broken);
    put_integer(&out, "empty", summary->empty);
    put_integer(&out, "unlabelled", summary->unlabelled);
    put_integer(&out, "bytes", (int64_t)summary->bytes);
    put_text(&out, "group_field", summary->group_field);
    put_files(&out, summary);
    put_labels(&out, summary);
    put_lengths(&out, "characters", &summary->characters);
    put_lengths(&out, "words", &summary->words);
    put_scripts(&out, summary);
    put_broken(&out, summary);
    put_repeats(&out, "texts", &summary->texts);
    put_repeats(&out, "alike", &summary->alike);
    put_repeats(&out, "ids", &summary->ids);
    put_repeats(&out, "groups", &summary->groups);
    put_audit(&out, summary);
    out_end(&out, '}');
    out_line(&out);
}
