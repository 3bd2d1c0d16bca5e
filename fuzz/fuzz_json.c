/* What the parser accepts, the writer must write so that it is accepted again. */
#include "base/json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json *root;
    struct json *again;
    assay_error error;
    if (json_parse(&root, (const char *)data, size, "fuzz", &error))
        return 0;
    struct buffer out = {0};
    struct json_writer writer = {.out = &out, .indent = size % 2 ? 2 : 0};
    json_put_value(&writer, root);
    if (writer.failed || json_parse(&again, out.bytes, out.length, NULL, &error))
        abort();
    if (json_kind(again) != json_kind(root) && json_kind(again) != JSON_NULL)
        abort();
    int64_t integer = 0;
    double number = 0;
    const char *string = "";
    bool boolean = false;
    (void)json_read_integer(&integer, root, "a", -5, 5, true, &error);
    (void)json_read_number(&number, root, "a", true, &error);
    (void)json_read_string(&string, root, "a", true, &error);
    (void)json_read_boolean(&boolean, root, "a", true, &error);
    json_free(again);
    json_free(root);
    buffer_free(&out);
    return 0;
}
