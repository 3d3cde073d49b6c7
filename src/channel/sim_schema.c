/*
 * Made-up values that fit a JSON Schema: arguments of tool calls and structured answers.
 *
 * Deterministic: numbers are taken in order from the user's text, strings become its last
 * capitalised word, so that "What is the weather in Paris?" calls get_weather with Paris. Schemas
 * are the client's, so nesting and size are bounded; what cannot be satisfied within the bounds
 * is left out.
 */
#include <stdlib.h>

#include "channel/sim_priv.h"

enum { DEPTH_MAX = 12, VALUES_MAX = 2000, ITEMS_MAX = 20, STRING_MAX = 4096 };

/* ---- The muse ---- */

static bool word_char(char c)
{
    return (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || (c >= '0' && c <= '9') ||
           (unsigned char)c >= 0x80;
}

struct sim_muse sim_muse(str text)
{
    struct sim_muse m = {.text = str_head(text, 4096), .name = S("example"), .budget = VALUES_MAX};
    bool first = true; /* a sentence begins with a capital anyway */

    for (size_t i = 0; i < m.text.n;) {
        size_t end = i;

        while (end < m.text.n && word_char(m.text.p[end]))
            end++;
        if (end == i) {
            if (m.text.p[i] == '.' || m.text.p[i] == '!' || m.text.p[i] == '?')
                first = true;
            i++;
            continue;
        }
        if (!first && m.text.p[i] >= 'A' && m.text.p[i] <= 'Z' && end - i > 1 && end - i <= 40)
            m.name = str_of(m.text.p + i, end - i);
        first = false;
        i = end;
    }
    return m;
}

/* The next number of the text, or otherwise. */
static int64_t next_number(struct sim_muse *m, int64_t otherwise)
{
    while (m->at < m->text.n) {
        size_t start = m->at;
        int64_t v = 0;

        while (m->at < m->text.n && m->text.p[m->at] >= '0' && m->text.p[m->at] <= '9') {
            if (v < 1000000000)
                v = v * 10 + (m->text.p[m->at] - '0');
            m->at++;
        }
        if (m->at > start)
            return start > 0 && m->text.p[start - 1] == '-' ? -v : v;
        m->at++;
    }
    return otherwise;
}

/* ---- Choosing among the ways a schema can be met ---- */

/* A JSON pointer below "#/"; NULL if it leads nowhere. */
static yyjson_val *follow(struct sim_muse *m, str ref)
{
    if (!m->root || !str_starts(ref, S("#")))
        return NULL;
    return ref.n == 1 ? m->root : yyjson_ptr_getn(m->root, ref.p + 1, ref.n - 1);
}

static bool is_type(yyjson_val *type, const char *name)
{
    return yyjson_is_str(type) && str_eq_nocase(sim_str(type), str_c(name));
}

/* The type to write, lower or upper case as the schema has it (Gemini: "STRING"). */
static yyjson_val *type_of(yyjson_val *schema)
{
    yyjson_val *type = yyjson_obj_get(schema, "type"), *one;
    size_t i, n;

    yyjson_arr_foreach (type, i, n, one) {
        if (!is_type(one, "null"))
            return one;
    }
    return type;
}

/* The first branch that is not null. */
static yyjson_val *branch(yyjson_val *schema)
{
    static const char *const keys[] = {"anyOf", "oneOf", "any_of"};
    yyjson_val *one;
    size_t i, n;

    for (size_t k = 0; k < 3; k++)
        yyjson_arr_foreach (yyjson_obj_get(schema, keys[k]), i, n, one) {
            if (!is_type(yyjson_obj_get(one, "type"), "null"))
                return one;
        }
    return NULL;
}

/* ---- Scalars ---- */

static double limit(yyjson_val *schema, const char *key, double otherwise)
{
    yyjson_val *v = yyjson_obj_get(schema, key);

    if (yyjson_is_num(v))
        return yyjson_get_num(v);
    /* Gemini writes 64-bit limits as strings. */
    return yyjson_is_str(v) ? strtod(yyjson_get_str(v), NULL) : otherwise;
}

static int64_t whole(double v)
{
    return v > 9e15 ? (int64_t)9e15 : v < -9e15 ? (int64_t)-9e15 : (int64_t)v;
}

static void write_integer(struct sim_muse *m, yyjson_val *schema, struct json_writer *w)
{
    int64_t least = whole(limit(schema, "minimum", -9e15));
    int64_t most = whole(limit(schema, "maximum", 9e15));
    int64_t step = whole(limit(schema, "multipleOf", 1));
    int64_t v;

    if (yyjson_is_num(yyjson_obj_get(schema, "exclusiveMinimum")))
        least = whole(limit(schema, "exclusiveMinimum", 0)) + 1;
    if (yyjson_is_num(yyjson_obj_get(schema, "exclusiveMaximum")))
        most = whole(limit(schema, "exclusiveMaximum", 0)) - 1;
    v = next_number(m, 1);
    if (v < least)
        v = least;
    if (v > most)
        v = most;
    if (step > 1) { /* up to the next multiple, or down if that is too much */
        v = v >= 0 ? (v + step - 1) / step * step : v / step * step;
        if (v > most)
            v -= step;
    }
    jw_i64(w, v);
}

static void write_number(struct sim_muse *m, yyjson_val *schema, struct json_writer *w)
{
    double least = limit(schema, "minimum", limit(schema, "exclusiveMinimum", -9e15));
    double most = limit(schema, "maximum", limit(schema, "exclusiveMaximum", 9e15));
    int64_t v = next_number(m, 1);
    char text[40];
    int n;

    if ((double)v > least && (double)v < most) {
        jw_i64(w, v);
        return;
    }
    n = snprintf(text, sizeof(text), "%.6g",
                 least <= -9e15 ? most - 0.5
                 : most >= 9e15 ? least + 0.5
                                : least + (most - least) / 2);
    jw_raw(w, str_of(text, (size_t)n));
}

static str formatted(str format)
{
    static const struct {
        str format, value;
    } known[] = {
        {S("date-time"), S("2026-01-02T03:04:05Z")},
        {S("date"), S("2026-01-02")},
        {S("time"), S("03:04:05Z")},
        {S("duration"), S("PT1H")},
        {S("email"), S("someone@example.com")},
        {S("hostname"), S("example.com")},
        {S("ipv4"), S("192.0.2.1")},
        {S("ipv6"), S("2001:db8::1")},
        {S("uri"), S("https://example.com/")},
        {S("uuid"), S("00000000-0000-4000-8000-000000000000")},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (str_eq(format, known[i].format))
            return known[i].value;
    return (str){NULL, 0};
}

/* At most n bytes, not in the middle of a character. */
static str cut_utf8(str s, size_t n)
{
    if (s.n <= n)
        return s;
    while (n > 0 && ((unsigned char)s.p[n] & 0xC0) == 0x80)
        n--;
    return str_head(s, n);
}

static void write_string(struct sim_muse *m, yyjson_val *schema, struct json_writer *w)
{
    str v = formatted(sim_str(yyjson_obj_get(schema, "format")));
    double least = limit(schema, "minLength", 0), most = limit(schema, "maxLength", STRING_MAX);
    size_t want = least < 0 ? 0 : least > STRING_MAX ? STRING_MAX : (size_t)least;
    struct buf b;

    if (!v.n)
        v = m->name;
    v = cut_utf8(v, most < 0 ? 0 : most > STRING_MAX ? STRING_MAX : (size_t)most);
    buf_init(&b, STRING_MAX + 64);
    buf_put(&b, v);
    while (b.n < want)
        buf_put_char(&b, 'x');
    jw_str(w, buf_str(&b));
    buf_fini(&b);
}

/* ---- Containers ---- */

static void write_value(struct sim_muse *m, yyjson_val *schema, struct json_writer *w,
                        unsigned depth);

static bool is_required(yyjson_val *schema, str name)
{
    yyjson_val *list = yyjson_obj_get(schema, "required"), *one;
    size_t i, n;

    if (!yyjson_is_arr(list))
        return true; /* nothing said: show them all */
    yyjson_arr_foreach (list, i, n, one) {
        if (str_eq(sim_str(one), name))
            return true;
    }
    return false;
}

static void write_members(struct sim_muse *m, yyjson_val *schema, struct json_writer *w,
                          unsigned depth)
{
    yyjson_val *props = yyjson_obj_get(schema, "properties"), *key, *one;
    size_t i, n;

    if (yyjson_is_obj(props))
        yyjson_obj_foreach (props, i, n, key, one) {
            if (!is_required(schema, sim_str(key)) || m->budget == 0)
                continue;
            jw_key(w, sim_str(key));
            write_value(m, one, w, depth);
        }
    if (depth == 0)
        return;
    yyjson_arr_foreach (yyjson_obj_get(schema, "allOf"), i, n, one) {
        yyjson_val *ref = yyjson_obj_get(one, "$ref");

        write_members(m, ref ? follow(m, sim_str(ref)) : one, w, depth - 1);
    }
}

static void write_object(struct sim_muse *m, yyjson_val *schema, struct json_writer *w,
                         unsigned depth)
{
    jw_object(w);
    write_members(m, schema, w, depth);
    jw_object_end(w);
}

static void write_array(struct sim_muse *m, yyjson_val *schema, struct json_writer *w,
                        unsigned depth)
{
    yyjson_val *items = yyjson_obj_get(schema, "items");
    yyjson_val *fixed = yyjson_obj_get(schema, "prefixItems"), *one;
    double least = limit(schema, "minItems", limit(schema, "min_items", 1));
    double most = limit(schema, "maxItems", limit(schema, "max_items", ITEMS_MAX));
    size_t i, n, want = least < 1 ? 1 : least > ITEMS_MAX ? ITEMS_MAX : (size_t)least;

    if (most < (double)want)
        want = most < 0 ? 0 : (size_t)most;
    jw_array(w);
    yyjson_arr_foreach (fixed, i, n, one)
        write_value(m, one, w, depth);
    for (i = yyjson_arr_size(fixed); i < want && m->budget && items; i++)
        write_value(m, items, w, depth);
    jw_array_end(w);
}

/* A value the schema lists itself. */
static bool write_given(yyjson_val *schema, struct json_writer *w)
{
    yyjson_val *v = yyjson_obj_get(schema, "const");
    size_t n;
    char *text;

    if (!v)
        v = yyjson_arr_get_first(yyjson_obj_get(schema, "enum"));
    if (!v)
        return false;
    text = yyjson_val_write(v, 0, &n);
    if (!text)
        return false;
    jw_raw(w, str_of(text, n));
    free(text);
    return true;
}

static void write_typed(struct sim_muse *m, yyjson_val *schema, struct json_writer *w,
                        unsigned depth)
{
    yyjson_val *type = type_of(schema);

    if (is_type(type, "string"))
        write_string(m, schema, w);
    else if (is_type(type, "integer"))
        write_integer(m, schema, w);
    else if (is_type(type, "number"))
        write_number(m, schema, w);
    else if (is_type(type, "boolean"))
        jw_bool(w, true);
    else if (is_type(type, "null"))
        jw_null(w);
    else if (is_type(type, "array"))
        write_array(m, schema, w, depth);
    else if (is_type(type, "object") || yyjson_obj_get(schema, "properties") ||
             yyjson_obj_get(schema, "allOf"))
        write_object(m, schema, w, depth);
    else
        write_string(m, schema, w);
}

static void write_value(struct sim_muse *m, yyjson_val *schema, struct json_writer *w,
                        unsigned depth)
{
    yyjson_val *next;

    if (depth == 0 || m->budget == 0) {
        jw_null(w);
        return;
    }
    m->budget--;
    if (write_given(schema, w))
        return;
    next = yyjson_obj_get(schema, "$ref");
    next = next ? follow(m, sim_str(next)) : branch(schema);
    if (next)
        write_value(m, next, w, depth - 1);
    else
        write_typed(m, schema, w, depth - 1);
}

void sim_schema_value(struct sim_muse *m, yyjson_val *schema, struct json_writer *w)
{
    m->root = schema;
    if (!yyjson_is_obj(schema) || !yyjson_obj_size(schema)) {
        jw_object(w);
        jw_object_end(w);
        return;
    }
    write_value(m, schema, w, DEPTH_MAX);
}
