#include "data_show.h"
#include "output.h"

static void open(struct json_out *out, const char *key, char bracket)
{
    out_key(out, key);
    out_begin(out, bracket);
}

static void put_lengths(struct json_out *out, const char *key, const assay_data_lengths *lengths)
{
    open(out, key, '{');
    out_put_double(out, "least", lengths->least);
    out_put_double(out, "q05", lengths->q05);
    out_put_double(out, "q25", lengths->q25);
    out_put_double(out, "median", lengths->median);
    out_put_double(out, "q75", lengths->q75);
    out_put_double(out, "q95", lengths->q95);
    out_put_double(out, "most", lengths->most);
    out_put_double(out, "mean", lengths->mean);
    out_end(out, '}');
}

static void put_files(struct json_out *out, const assay_data_summary *summary)
{
    open(out, "files", '[');
    for (int32_t i = 0; i < summary->file_count; i++) {
        const assay_data_file *file = &summary->files[i];
        out_begin(out, '{');
        out_put_text(out, "path", file->path);
        out_put_integer(out, "rows", file->rows);
        out_put_integer(out, "broken", file->broken);
        out_put_integer(out, "empty", file->empty);
        out_put_integer(out, "unlabelled", file->unlabelled);
        out_put_integer(out, "bytes", (int64_t)file->bytes);
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
        out_put_text(out, "name", label->name);
        out_put_integer(out, "rows", label->rows);
        out_put_integer(out, "groups", label->groups);
        put_lengths(out, "characters", &label->characters);
        put_lengths(out, "words", &label->words);
        out_end(out, '}');
    }
    out_end(out, ']');
    out_put_boolean(out, "labels_cut", summary->labels_cut);
}

static void put_scripts(struct json_out *out, const assay_data_summary *summary)
{
    open(out, "scripts", '[');
    for (int32_t i = 0; i < summary->script_count; i++) {
        out_begin(out, '{');
        out_put_text(out, "name", summary->scripts[i].name);
        out_put_integer(out, "rows", summary->scripts[i].rows);
        out_put_integer(out, "letters", summary->scripts[i].letters);
        out_end(out, '}');
    }
    out_end(out, ']');
}

static void put_broken(struct json_out *out, const assay_data_summary *summary)
{
    open(out, "broken_rows", '[');
    for (int32_t i = 0; i < summary->broken_row_count; i++) {
        out_begin(out, '{');
        out_put_text(out, "file", summary->broken_rows[i].file);
        out_put_integer(out, "line", summary->broken_rows[i].line);
        out_put_text(out, "reason", summary->broken_rows[i].reason);
        out_end(out, '}');
    }
    out_end(out, ']');
}

static void put_repeats(struct json_out *out, const char *key, const assay_data_repeats *repeats)
{
    open(out, key, '{');
    out_put_integer(out, "different", repeats->different);
    out_put_integer(out, "repeated", repeats->repeated);
    out_put_integer(out, "rows", repeats->rows);
    out_put_integer(out, "across", repeats->across);
    out_put_integer(out, "rows_across", repeats->rows_across);
    out_put_integer(out, "disagreeing", repeats->disagreeing);
    out_end(out, '}');
}

static void put_trait(struct json_out *out, const assay_data_trait *trait)
{
    bool files = trait->kind == ASSAY_DATA_TRAIT_FILES;
    out_begin(out, '{');
    out_put_text(out, "name", trait->name);
    out_put_text(out, "kind", data_trait_kind_name(trait->kind));
    out_put_text(out, "description", trait->description);
    out_put_boolean(out, "leak", trait->leak);
    out_put_text(out, "string", trait->string);
    if (files) {
        out_put_integer(out, "rows", (int64_t)trait->of_label);
        out_put_double(out, "share", trait->of_others);
    } else {
        out_put_text(out, "label", trait->label);
        out_put_boolean(out, "higher", trait->higher);
        out_put_double(out, "auroc", trait->auroc);
        out_put_double(out, "low", trait->low);
        out_put_double(out, "high", trait->high);
        out_put_double(out, "bound", trait->bound);
        out_put_double(out, "bar", trait->bar);
        out_put_double(out, "of_label", trait->of_label);
        out_put_double(out, "of_others", trait->of_others);
    }
    out_put_text(out, "fix", trait->fix);
    open(out, "examples", '[');
    for (int32_t i = 0; i < trait->example_count; i++) {
        const assay_data_place *place = &trait->examples[i];
        out_begin(out, '{');
        out_put_text(out, "file", place->file);
        out_put_integer(out, "row", place->row);
        out_put_text(out, "id", place->id);
        out_put_text(out, "label", place->label);
        out_put_text(out, "excerpt", place->excerpt);
        out_end(out, '}');
    }
    out_end(out, ']');
    out_end(out, '}');
}

static void put_audit(struct json_out *out, const assay_data_summary *summary)
{
    open(out, "audit", '{');
    out_put_text(out, "left_out", summary->audit_left_out);
    out_put_text(out, "positive", summary->positive);
    out_put_integer(out, "sampled", summary->sampled);
    out_put_integer(out, "candidates", summary->candidates);
    out_put_integer(out, "short_by", summary->short_by);
    open(out, "bars", '{');
    for (int kind = 0; kind < ASSAY_DATA_TRAIT_FILES; kind++)
        out_put_double(out, data_trait_kind_name((assay_data_trait_kind)kind), summary->bars[kind]);
    out_end(out, '}');
    out_put_integer(out, "leaks", summary->leak_count);
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
    out_put_integer(&out, "rows", summary->rows);
    out_put_integer(&out, "broken", summary->broken);
    out_put_integer(&out, "empty", summary->empty);
    out_put_integer(&out, "unlabelled", summary->unlabelled);
    out_put_integer(&out, "bytes", (int64_t)summary->bytes);
    out_put_text(&out, "group_field", summary->group_field);
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
