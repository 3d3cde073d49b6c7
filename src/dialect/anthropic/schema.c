#include "dialect/anthropic/schema.h"

/* Recursion goes down one level of a tree at a time, and trees are never deeper than
 * JSON_DEPTH_MAX. Names are looked up by walking lists, so lists too long for a person are not. */
enum { MERGE_DEPTH = 8, MERGE_NODES = 64, NAMES_MAX = 512 };

static const str no_schema = S("{\"type\":\"object\",\"properties\":{}}");

static bool one_of(str key, const char *const *list)
{
    for (; *list; list++) {
        if (str_eq(key, str_c(*list)))
            return true;
    }
    return false;
}

/* ---- the root of a tool's schema ---- */

static const char *const branchings[] = {"allOf", "anyOf", "oneOf", NULL};

/* The schema nodes that make up the root: itself, and all branches below it. */
struct root {
    yyjson_val *schema, *nodes[MERGE_NODES];
    bool binds[MERGE_NODES]; /* its `required` holds whichever branch is taken */
    size_t n;
};

/* "#/$defs/Name" and "#/definitions/Name". */
static yyjson_val *local_ref(yyjson_val *root, str ref)
{
    str rest = ref, head = str_split(&rest, '/'), list = str_split(&rest, '/');
    if (!str_eq(head, S("#")) || !rest.p)
        return NULL;
    if (!str_eq(list, S("$defs")) && !str_eq(list, S("definitions")))
        return NULL;
    return yyjson_obj_getn(yyjson_obj_getn(root, list.p, list.n), rest.p, rest.n);
}

static bool too_long(yyjson_val *node)
{
    return yyjson_obj_size(yyjson_obj_get(node, "properties")) > NAMES_MAX ||
           yyjson_arr_size(yyjson_obj_get(node, "required")) > NAMES_MAX;
}

static void gather(struct root *r, yyjson_val *node, bool binds, unsigned depth)
{
    if (!yyjson_is_obj(node) || depth > MERGE_DEPTH || r->n == MERGE_NODES || too_long(node))
        return;
    r->nodes[r->n] = node;
    r->binds[r->n++] = binds;
    gather(r, local_ref(r->schema, jv_get_str(node, "$ref")), binds, depth + 1);
    for (size_t i = 0; branchings[i]; i++) {
        size_t at, max;
        yyjson_val *branch, *list = jv_get(node, branchings[i]);
        yyjson_arr_foreach (list, at, max, branch) {
            gather(r, branch, binds && i == 0, depth + 1);
        }
    }
}

/* Whether a node before the i-th has the property already. */
static bool seen_property(const struct root *r, size_t i, str key)
{
    while (i-- > 0) {
        if (yyjson_obj_getn(jv_get(r->nodes[i], "properties"), key.p, key.n))
            return true;
    }
    return false;
}

static void write_properties(const struct root *r, struct json_writer *w)
{
    jw_key(w, S("properties"));
    jw_object(w);
    for (size_t i = 0; i < r->n; i++) {
        yyjson_obj_iter it = yyjson_obj_iter_with(jv_get(r->nodes[i], "properties"));
        for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
            if (seen_property(r, i, jv_str(k)))
                continue;
            jw_key(w, jv_str(k));
            jw_value(w, yyjson_obj_iter_get_val(k));
        }
    }
    jw_object_end(w);
}

static bool lists(yyjson_val *list, str name)
{
    size_t at, max;
    yyjson_val *v;
    yyjson_arr_foreach (list, at, max, v) {
        if (yyjson_is_str(v) && str_eq(jv_str(v), name))
            return true;
    }
    return false;
}

static bool seen_required(const struct root *r, size_t i, str name)
{
    while (i-- > 0) {
        if (r->binds[i] && lists(jv_get(r->nodes[i], "required"), name))
            return true;
    }
    return false;
}

static void write_required(const struct root *r, struct json_writer *w)
{
    bool any = false;
    for (size_t i = 0; i < r->n; i++) {
        size_t at, max;
        yyjson_val *v, *list = r->binds[i] ? jv_get(r->nodes[i], "required") : NULL;
        yyjson_arr_foreach (list, at, max, v) {
            if (!yyjson_is_str(v) || seen_required(r, i, jv_str(v)))
                continue;
            if (!any)
                jw_key(w, S("required")), jw_array(w);
            any = true;
            jw_str(w, jv_str(v));
        }
    }
    if (any)
        jw_array_end(w);
}

static void write_merged(yyjson_val *schema, struct json_writer *w)
{
    static const char *const merged[] = {"type",  "properties", "required", "$ref",
                                         "allOf", "anyOf",      "oneOf",    NULL};
    struct root r = {.schema = schema};
    gather(&r, schema, true, 0);
    jw_object(w);
    jw_kstr(w, "type", S("object"));
    write_properties(&r, w);
    write_required(&r, w);
    yyjson_obj_iter it = yyjson_obj_iter_with(schema);
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
        if (one_of(jv_str(k), merged))
            continue;
        jw_key(w, jv_str(k));
        jw_value(w, yyjson_obj_iter_get_val(k));
    }
    jw_object_end(w);
}

bool anthropic_plain_object(yyjson_val *schema)
{
    return jv_is(yyjson_obj_get(schema, "type"), "object") && !yyjson_obj_get(schema, "$ref") &&
           !yyjson_obj_get(schema, "allOf") && !yyjson_obj_get(schema, "anyOf") &&
           !yyjson_obj_get(schema, "oneOf");
}

void anthropic_write_input_schema(yyjson_val *schema, struct json_writer *w)
{
    if (!yyjson_is_obj(schema) || yyjson_obj_size(schema) == 0)
        jw_raw(w, no_schema);
    else if (anthropic_plain_object(schema))
        jw_value(w, schema);
    else
        write_merged(schema, w);
}

/* ---- the subset ---- */

/* Members whose value is a schema, a list of schemas, or an object of schemas by name. */
static const char *const single[] = {"items", NULL};
static const char *const listed[] = {"anyOf", "allOf", NULL};
static const char *const named[] = {"properties", "$defs", "definitions", NULL};
static const char *const kept[] = {"type",  "enum",    "const",    "$ref",
                                   "title", "default", "required", NULL};
/* Says nothing about what is valid, or only what we say ourselves. */
static const char *const dropped[] = {
    "$schema",    "$id",      "$comment",  "$anchor",     "id",
    "deprecated", "readOnly", "writeOnly", "description", "additionalProperties",
    NULL};
static const char *const formats[] = {"date-time", "time", "date", "duration", "email", "hostname",
                                      "uri",       "ipv4", "ipv6", "uuid",     NULL};

/* "{3}", "{2,16}": counts of two digits at most. */
static bool small_count(str p)
{
    str inner = str_head(p, str_find_char(p, '}')), high = inner, low = str_split(&high, ',');
    uint64_t n;
    return inner.n < p.n && low.n <= 2 && str_u64(low, &n) &&
           (!high.n || (high.n <= 2 && str_u64(high, &n)));
}

/* Groups that begin with a question mark look around, and \b and digits after a backslash refer
 * to places: none of that is in the API's regular expressions. Large counts are not either. */
static bool plain_pattern(str p)
{
    for (size_t i = 0; i < p.n; i++) {
        if (p.p[i] == '{' && !small_count(str_from(p, i + 1)))
            return false;
        if (p.p[i] == '(' && i + 1 < p.n && p.p[i + 1] == '?')
            return false;
        if (p.p[i] == '\\' && ++i < p.n && !strchr("dwsDWS.^$*+?()[]{}|\\/-", p.p[i]))
            return false;
    }
    return p.n > 0;
}

static bool plain_enum(yyjson_val *list)
{
    size_t at, max;
    yyjson_val *v;
    yyjson_arr_foreach (list, at, max, v) {
        if (yyjson_is_ctn(v))
            return false;
    }
    return yyjson_arr_size(list) > 0;
}

static bool in_subset(str key, yyjson_val *v)
{
    if (str_eq(key, S("enum")))
        return plain_enum(v);
    if (str_eq(key, S("format")))
        return yyjson_is_str(v) && one_of(jv_str(v), formats);
    if (str_eq(key, S("pattern")))
        return yyjson_is_str(v) && plain_pattern(jv_str(v));
    if (str_eq(key, S("minItems")))
        return str_eq(jv_num(v), S("0")) || str_eq(jv_num(v), S("1"));
    return one_of(key, kept);
}

static void write_node(yyjson_val *v, struct arena *a, struct json_writer *w);

static void write_list(yyjson_val *list, struct arena *a, struct json_writer *w)
{
    size_t at, max;
    yyjson_val *v;
    jw_array(w);
    yyjson_arr_foreach (list, at, max, v) {
        write_node(v, a, w);
    }
    jw_array_end(w);
}

static void write_named(yyjson_val *obj, struct arena *a, struct json_writer *w)
{
    yyjson_obj_iter it = yyjson_obj_iter_with(obj);
    jw_object(w);
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
        jw_key(w, jv_str(k));
        write_node(yyjson_obj_iter_get_val(k), a, w);
    }
    jw_object_end(w);
}

/* Writes the member if the subset has it; else false. */
static bool write_member(str key, yyjson_val *v, struct arena *a, struct json_writer *w)
{
    /* oneOf is not there; anyOf accepts all it does. */
    str as = str_eq(key, S("oneOf")) ? S("anyOf") : key;
    if (one_of(as, listed) && yyjson_is_arr(v)) {
        jw_key(w, as);
        write_list(v, a, w);
    } else if (one_of(key, named) && yyjson_is_obj(v)) {
        jw_key(w, key);
        write_named(v, a, w);
    } else if (one_of(key, single) && yyjson_is_obj(v)) {
        jw_key(w, key);
        write_node(v, a, w);
    } else if (in_subset(key, v)) {
        jw_key(w, key);
        jw_value(w, v);
    } else {
        return false;
    }
    return true;
}

/* "description", with what could not be said otherwise behind it: "{minimum: 1, maxLength: 20}". */
static void write_description(str text, str lost, struct arena *a, struct json_writer *w)
{
    str parts[] = {text, text.n && lost.n ? S("\n\n") : S(""), lost};
    if (text.n || lost.n)
        jw_kstr(w, "description", str_join(a, parts, 3));
}

static void add_lost(str key, yyjson_val *v, struct arena *a, str *lost)
{
    str text = json_text_of(v, a);
    str parts[] = {lost->n ? str_head(*lost, lost->n - 1) : S("{"),
                   lost->n ? S(", ") : S(""),
                   key,
                   S(": "),
                   text,
                   S("}")};
    *lost = str_join(a, parts, 6);
}

static bool is_object_schema(yyjson_val *v)
{
    yyjson_val *type = yyjson_obj_get(v, "type");
    return jv_is(type, "object") || lists(type, S("object")) ||
           (!type && yyjson_obj_get(v, "properties"));
}

/* Nodes that are no object (true, false) stay what they are: the API names them in its error. */
static void write_node(yyjson_val *v, struct arena *a, struct json_writer *w)
{
    str lost = S("");
    if (!yyjson_is_obj(v)) {
        jw_value(w, v);
        return;
    }
    bool object = is_object_schema(v);
    jw_object(w);
    yyjson_obj_iter it = yyjson_obj_iter_with(v);
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
        str key = jv_str(k);
        yyjson_val *member = yyjson_obj_iter_get_val(k);
        if (!one_of(key, dropped) && !write_member(key, member, a, w))
            add_lost(key, member, a, &lost);
        else if (str_eq(key, S("additionalProperties")) && yyjson_is_obj(member))
            add_lost(key, member, a, &lost);
    }
    if (object && !yyjson_obj_get(v, "properties"))
        jw_kraw(w, "properties", S("{}"));
    if (object)
        jw_kbool(w, "additionalProperties", false);
    write_description(jv_get_str(v, "description"), lost, a, w);
    jw_object_end(w);
}

void anthropic_write_strict_schema(yyjson_val *schema, struct arena *a, struct json_writer *w)
{
    if (yyjson_is_obj(schema) && yyjson_obj_size(schema))
        write_node(schema, a, w);
    else
        jw_raw(w, S("{\"type\":\"object\",\"properties\":{},\"additionalProperties\":false}"));
}

/* ---- what it costs ---- */

static void count_node(yyjson_val *v, struct anthropic_cost *c);

static void count_parameters(yyjson_val *schema, struct anthropic_cost *c)
{
    yyjson_val *required = jv_get(schema, "required");
    if (too_long(schema)) {
        c->optional += NAMES_MAX;
        return;
    }
    yyjson_obj_iter it = yyjson_obj_iter_with(jv_get(schema, "properties"));
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
        yyjson_val *v = yyjson_obj_iter_get_val(k);
        c->optional += !lists(required, jv_str(k));
        c->unions += yyjson_obj_get(v, "anyOf") || yyjson_obj_get(v, "oneOf") ||
                     yyjson_is_arr(yyjson_obj_get(v, "type"));
    }
}

static void count_node(yyjson_val *v, struct anthropic_cost *c)
{
    if (yyjson_is_arr(v)) {
        yyjson_arr_iter it = yyjson_arr_iter_with(v);
        for (yyjson_val *e; (e = yyjson_arr_iter_next(&it));)
            count_node(e, c);
        return;
    }
    if (yyjson_is_obj(jv_get(v, "properties")))
        count_parameters(v, c);
    yyjson_obj_iter it = yyjson_obj_iter_with(v);
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));)
        count_node(yyjson_obj_iter_get_val(k), c);
}

struct anthropic_cost anthropic_schema_cost(yyjson_val *schema)
{
    struct anthropic_cost c = {0, 0};
    count_node(schema, &c);
    return c;
}
