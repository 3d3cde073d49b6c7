/* json/scan.h accepts exactly what yyjson accepts, and finds the members yyjson finds. */
#include <stdint.h>
#include <stdlib.h>

#include <yyjson.h>

#include "base/must.h"
#include "json/scan.h"

static const str keys[] = {S("a"), S("model"), S("")};
enum { KEYS = 3 };

static bool span_is(str doc, struct json_span m, yyjson_val *want)
{
    yyjson_doc *part = yyjson_read(doc.p + m.at, m.n, 0);
    bool same = part && yyjson_equals(yyjson_doc_get_root(part), want);
    if (m.kind == JSON_STRING) {
        char *out = malloc(m.n);
        size_t n = json_unescape(json_text(doc, m), out);
        same = same && yyjson_equals_strn(want, out, n);
        same = same && json_string_is(json_text(doc, m), str_of(out, n));
        free(out);
    }
    yyjson_doc_free(part);
    return same;
}

static void check_members(str doc, yyjson_val *root, enum err err, const struct json_span *found)
{
    size_t counts[KEYS] = {0}, i, max;
    yyjson_val *k, *v;
    bool twice = false;
    yyjson_obj_foreach (root, i, max, k, v) {
        for (size_t j = 0; j < KEYS; j++) {
            if (!yyjson_equals_strn(k, keys[j].p, keys[j].n))
                continue;
            twice = twice || counts[j]++ > 0;
            must(err != OK || span_is(doc, found[j], v));
            must(err != OK || json_string_is(str_from(doc, found[j].key_at), keys[j]) == false ||
                 doc.p[found[j].key_at] == '"');
        }
    }
    must(twice == (err == ERR_DUPLICATE_KEY));
    for (size_t j = 0; j < KEYS && err == OK; j++)
        must((counts[j] == 0) == (found[j].kind == JSON_ABSENT));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str doc = str_of((const char *)data, size);
    struct json_span found[KEYS];
    struct fail f = {0};
    enum json_kind kind;
    enum err any = json_validate(doc, 1024, &kind, &f);
    enum err object = json_scan_object(doc, keys, found, KEYS, 1024, &f);
    yyjson_doc *d = yyjson_read((char *)(uintptr_t)data, size, YYJSON_READ_NOFLAG);
    if (any != ERR_TOO_DEEP)
        must((any == OK) == (d != NULL));
    if (object != ERR_TOO_DEEP && object != ERR_DUPLICATE_KEY)
        must((object == OK) == (d && yyjson_is_obj(yyjson_doc_get_root(d))));
    if (d && object != ERR_TOO_DEEP && kind == JSON_OBJECT)
        check_members(doc, yyjson_doc_get_root(d), object, found);
    yyjson_doc_free(d);
    return 0;
}
