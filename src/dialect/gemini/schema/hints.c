/*
 * dialect/gemini/schema/hints.c - limits that the message Schema has no field for, or that the API
 * refuses all the same, are said to the model in words.
 */
#include "dialect/gemini/schema/pass.h"

void schema_closed(struct schema *s, struct tree *node)
{
    const struct tree *more = tree_get(node, S("additionalProperties"));
    if (more && more->kind == JSON_FALSE && tree_has(node, S("properties")))
        schema_hint(s, node, S("no other properties"));
}

static const str limits[] = {
    S("minLength"),        S("maxLength"),     S("exclusiveMinimum"), S("exclusiveMaximum"),
    S("pattern"),          S("minItems"),      S("maxItems"),         S("multipleOf"),
    S("minProperties"),    S("maxProperties"), S("uniqueItems"),      S("format"),
    S("contentMediaType"), S("default"),       S("examples"),         S("example"),
};

/* "only 'enum' and 'date-time' are supported for STRING type"; numbers have their widths. */
static bool format_stays(const struct tree *node, const struct tree *format)
{
    static const str taken[][2] = {
        {S("string"), S("enum")},   {S("string"), S("date-time")}, {S("number"), S("float")},
        {S("number"), S("double")}, {S("integer"), S("int32")},    {S("integer"), S("int64")},
    };
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        if (str_eq(tree_get_str(node, S("type")), taken[i][0]) && format->kind == JSON_STRING &&
            str_eq(format->text, taken[i][1]))
            return true;
    }
    return false;
}

enum { HINT_MAX = 300 }; /* an example may be a whole document */

void schema_constraints(struct schema *s, struct tree *node)
{
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct tree *value = tree_get(node, limits[i]);
        if (!value || (str_eq(limits[i], S("format")) && format_stays(node, value)))
            continue;
        tree_drop(node, limits[i]);
        str text = value->kind == JSON_STRING ? value->text : tree_text(value, s->arena);
        if (text.n > HINT_MAX)
            continue;
        str parts[] = {limits[i], S(": "), text};
        schema_hint(s, node, str_join(s->arena, parts, 3));
    }
}
