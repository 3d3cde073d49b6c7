/*
 * What all readers of requests share: typed access to members, refusals in each provider's words,
 * the bookkeeping of turns, and counting.
 */
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/hash.h"
#include "channel/sim_priv.h"

yyjson_val *sim_get(yyjson_val *obj, const char *key, const char *other)
{
    yyjson_val *v = yyjson_obj_get(obj, key);

    return v || !other ? v : yyjson_obj_get(obj, other);
}

/* ---- Refusals ---- */

static enum dialect_id style(const struct sim_ask *a)
{
    return a->rq->dialect;
}

static bool refuse(struct sim_ask *a, const char *path, const char *code, str message)
{
    a->no = (struct sim_no){.status = 400, .code = code, .param = path, .message = message};
    return false;
}

bool sim_no_missing(struct sim_ask *a, const char *path)
{
    str message;

    if (style(a) == DIALECT_ANTHROPIC)
        message = arena_printf(a->arena, "%s: Field required", path);
    else if (style(a) == DIALECT_GEMINI)
        message =
            arena_printf(a->arena, "* GenerateContentRequest.%s: %s is not specified", path, path);
    else
        message = arena_printf(a->arena, "Missing required parameter: '%s'.", path);
    return refuse(a, path, "missing_required_parameter", message);
}

static const char *kind_of(yyjson_val *v)
{
    switch (yyjson_get_type(v)) {
    case YYJSON_TYPE_NULL: return "null";
    case YYJSON_TYPE_BOOL: return "a boolean";
    case YYJSON_TYPE_NUM: return yyjson_is_int(v) ? "an integer" : "a decimal";
    case YYJSON_TYPE_STR: return "a string";
    case YYJSON_TYPE_ARR: return "an array";
    case YYJSON_TYPE_OBJ: return "an object";
    default: return "nothing";
    }
}

bool sim_no_type(struct sim_ask *a, const char *path, const char *want, yyjson_val *got)
{
    const char *kind = kind_of(got);
    str message;

    if (style(a) == DIALECT_ANTHROPIC)
        message = arena_printf(a->arena, "%s: Input should be %s", path, want);
    else if (style(a) == DIALECT_GEMINI)
        message = arena_printf(a->arena, "Invalid value at '%s': expected %s, but got %s", path,
                               want, kind);
    else
        message = arena_printf(a->arena, "Invalid type for '%s': expected %s, but got %s instead.",
                               path, want, kind);
    return refuse(a, path, "invalid_type", message);
}

bool sim_no_value(struct sim_ask *a, const char *path, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    str message;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    message = style(a) == DIALECT_ANTHROPIC
                  ? arena_printf(a->arena, "%s: %s", path, text)
                  : arena_printf(a->arena, "Invalid '%s': %s", path, text);
    return refuse(a, path, "invalid_value", message);
}

bool sim_no_range(struct sim_ask *a, const char *path, double least, double most, double got)
{
    bool low = got < least;
    double bound = low ? least : most;

    if (style(a) == DIALECT_ANTHROPIC)
        return refuse(a, path, NULL,
                      arena_printf(a->arena, "%s: Input should be %s than or equal to %g", path,
                                   low ? "greater" : "less", bound));
    if (style(a) == DIALECT_GEMINI)
        return refuse(a, path, NULL,
                      arena_printf(a->arena, "%s must be in the range [%g, %g], but got %g", path,
                                   least, most, got));
    return refuse(a, path, low ? "integer_below_min_value" : "integer_above_max_value",
                  arena_printf(a->arena,
                               "Invalid '%s': %s value. Expected a value %s %g, but got %g "
                               "instead.",
                               path, low ? "below minimum" : "above maximum",
                               low ? ">=" : "<=", bound, got));
}

const char *sim_path(struct sim_ask *a, const char *list, size_t i, const char *member)
{
    const char *dot = member ? "." : "";
    char text[256];

    member = member ? member : "";
    if (style(a) == DIALECT_ANTHROPIC)
        snprintf(text, sizeof(text), "%s.%zu%s%s", list, i, dot, member);
    else
        snprintf(text, sizeof(text), "%s[%zu]%s%s", list, i, dot, member);
    return str_dup(a->arena, str_c(text)).p;
}

/* ---- Typed members ---- */

static bool absent(yyjson_val *v)
{
    return !v || yyjson_is_null(v);
}

bool sim_want_int(struct sim_ask *a, yyjson_val *v, const char *path, int64_t least, int64_t most,
                  int64_t *out)
{
    int64_t n;

    if (absent(v))
        return true;
    if (!yyjson_is_int(v))
        return sim_no_type(a, path, "an integer", v);
    n = yyjson_is_uint(v) && yyjson_get_uint(v) > INT64_MAX ? INT64_MAX : yyjson_get_sint(v);
    if (n < least || n > most)
        return sim_no_range(a, path, (double)least, (double)most, (double)n);
    *out = n;
    return true;
}

bool sim_want_num(struct sim_ask *a, yyjson_val *v, const char *path, double least, double most)
{
    double n;

    if (absent(v))
        return true;
    if (!yyjson_is_num(v))
        return sim_no_type(a, path, "a number", v);
    n = yyjson_get_num(v);
    return n >= least && n <= most ? true : sim_no_range(a, path, least, most, n);
}

bool sim_want_bool(struct sim_ask *a, yyjson_val *v, const char *path, bool *out)
{
    if (absent(v))
        return true;
    if (!yyjson_is_bool(v))
        return sim_no_type(a, path, "a boolean", v);
    *out = yyjson_get_bool(v);
    return true;
}

bool sim_want_str(struct sim_ask *a, yyjson_val *v, const char *path, str *out)
{
    if (absent(v))
        return true;
    if (!yyjson_is_str(v))
        return sim_no_type(a, path, "a string", v);
    *out = sim_str(v);
    return true;
}

bool sim_want_strs(struct sim_ask *a, yyjson_val *v, const char *path, size_t max, const str **out,
                   size_t *n_out)
{
    size_t i, n;
    yyjson_val *one;
    str *list;

    if (absent(v))
        return true;
    if (yyjson_is_str(v)) {
        list = arena_array(a->arena, str, 1);
        list[0] = sim_str(v);
        *out = list;
        *n_out = 1;
        return true;
    }
    if (!yyjson_is_arr(v))
        return sim_no_type(a, path, "a string or an array of strings", v);
    n = yyjson_arr_size(v);
    if (n > max)
        return sim_no_value(a, path, "array too long. Expected at most %zu entries, but got %zu.",
                            max, n);
    list = arena_array(a->arena, str, n ? n : 1);
    yyjson_arr_foreach (v, i, n, one) {
        if (!yyjson_is_str(one))
            return sim_no_type(a, sim_path(a, path, i, NULL), "a string", one);
        list[i] = sim_str(one);
    }
    *out = list;
    *n_out = n;
    return true;
}

bool sim_want_list(struct sim_ask *a, yyjson_val *v, const char *path)
{
    if (absent(v))
        return sim_no_missing(a, path);
    if (!yyjson_is_arr(v))
        return sim_no_type(a, path, "an array of objects", v);
    if (!yyjson_arr_size(v))
        return sim_no_value(a, path, "empty array. Expected at least one entry.");
    return true;
}

/* ---- Turns ---- */

void sim_saw_user(struct sim_ask *a, str text)
{
    a->user = text;
    a->n_results = 0;
}

void sim_saw_assistant(struct sim_ask *a)
{
    a->n_results = 0;
}

void sim_saw_result(struct sim_ask *a, yyjson_val *content)
{
    if (a->n_results == a->cap_results) {
        size_t cap = a->cap_results ? a->cap_results * 2 : 8;
        struct sim_result *more = arena_array(a->arena, struct sim_result, cap);

        if (a->n_results)
            memcpy(more, a->results, a->n_results * sizeof(*more));
        a->results = more;
        a->cap_results = cap;
    }
    a->results[a->n_results++].text = sim_text_of(a, content);
}

bool sim_saw_tool(struct sim_ask *a, struct sim_tool t, const char *path)
{
    if (!t.name.n)
        return sim_no_missing(a, path);
    if (a->n_tools == a->cap_tools) {
        size_t cap = a->cap_tools ? a->cap_tools * 2 : 16;
        struct sim_tool *more = arena_array(a->arena, struct sim_tool, cap);

        if (a->n_tools)
            memcpy(more, a->tools, a->n_tools * sizeof(*more));
        a->tools = more;
        a->cap_tools = cap;
    }
    a->tools[a->n_tools++] = t;
    return true;
}

bool sim_pending_add(struct sim_ask *a, yyjson_val *id, const char *path, size_t max)
{
    if (!id)
        return sim_no_missing(a, path);
    if (!yyjson_is_str(id))
        return sim_no_type(a, path, "a string", id);
    if (yyjson_get_len(id) > max)
        return sim_no_value(a, path,
                            "string too long. Expected a string with maximum length %zu, but got a "
                            "string with length %zu instead.",
                            max, yyjson_get_len(id));
    if (!a->pending)
        a->pending = arena_array(a->arena, str, SIM_PENDING_MAX);
    if (a->n_pending == SIM_PENDING_MAX)
        return sim_no_value(a, path, "too many tool calls without results.");
    a->pending[a->n_pending++] = sim_str(id);
    return true;
}

bool sim_pending_take(struct sim_ask *a, str id)
{
    for (size_t i = 0; i < a->n_pending; i++)
        if (str_eq(a->pending[i], id)) {
            memmove(a->pending + i, a->pending + i + 1,
                    (a->n_pending - i - 1) * sizeof(a->pending[0]));
            a->n_pending--;
            return true;
        }
    return false;
}

void sim_force_tool(struct sim_ask *a, str name)
{
    str *only = arena_array(a->arena, str, 1);

    only[0] = name;
    a->only = only;
    a->n_only = 1;
    a->tool_choice = SIM_TOOLS_REQUIRED;
}

/* The text of one part, whichever dialect it is of; n == 0 if it has none. */
static str part_text(yyjson_val *part)
{
    return yyjson_is_str(part) ? sim_str(part) : sim_str(yyjson_obj_get(part, "text"));
}

str sim_text_of(struct sim_ask *a, yyjson_val *content)
{
    struct buf b;
    size_t i, n;
    yyjson_val *part;
    str out;

    if (!yyjson_is_arr(content))
        return part_text(content);
    buf_init(&b, SIM_BODY_MAX);
    yyjson_arr_foreach (content, i, n, part) {
        str t = part_text(part);

        if (t.n && b.n)
            buf_put_char(&b, ' ');
        buf_put(&b, t);
    }
    out = str_dup(a->arena, buf_str(&b));
    buf_fini(&b);
    return out;
}

/* ---- Counting ---- */

enum { BINARY_BYTES = 1024 }; /* what a picture or a file counts */

static bool is_binary(yyjson_val *key, yyjson_val *v)
{
    str k = sim_str(key);

    return str_eq(k, S("data")) || str_eq(k, S("file_data")) || str_starts(sim_str(v), S("data:"));
}

static bool is_opaque(yyjson_val *key)
{
    str k = sim_str(key);

    return str_eq(k, S("signature")) || str_eq(k, S("encrypted_content")) ||
           str_eq(k, S("thoughtSignature"));
}

static size_t weigh(yyjson_val *v, unsigned depth)
{
    size_t i, n, sum = 0;
    yyjson_val *key, *one;

    if (yyjson_is_str(v))
        return yyjson_get_len(v);
    if (depth == 0)
        return 0;
    yyjson_arr_foreach (v, i, n, one)
        sum += weigh(one, depth - 1);
    if (!yyjson_is_obj(v))
        return sum;
    yyjson_obj_foreach (v, i, n, key, one) {
        if (yyjson_is_str(one) && is_opaque(key))
            continue;
        sum += yyjson_is_str(one) && is_binary(key, one) ? BINARY_BYTES : weigh(one, depth - 1);
    }
    return sum;
}

size_t sim_weigh(yyjson_val *v)
{
    return weigh(v, 128);
}

uint64_t sim_tokens(size_t bytes)
{
    return bytes / 4 + (bytes % 4 != 0);
}

/* ---- Seals ---- */

str sim_base64(struct arena *arena, str bytes)
{
    char *out = arena_alloc(arena, (bytes.n + 2) / 3 * 4 + 1);
    int n = EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)bytes.p, (int)bytes.n);

    return str_of(out, (size_t)n);
}

/* Base64 of the mark is 20 characters without padding, so a seal is known by its beginning. */
static const char seal_mark[] = "cliproxy-sim:1:";

str sim_seal(struct arena *arena, str text)
{
    struct buf b;
    str out;

    buf_init(&b, 128);
    buf_printf(&b, "%s%016llx", seal_mark, (unsigned long long)hash_siphash(1, 2, text));
    out = sim_base64(arena, buf_str(&b));
    buf_fini(&b);
    return out;
}

bool sim_seal_ok(str sealed)
{
    char head[32];
    size_t i;

    EVP_EncodeBlock((unsigned char *)head, (const unsigned char *)seal_mark,
                    (int)(sizeof(seal_mark) - 1));
    if (!str_starts(sealed, str_c(head)))
        return false;
    for (i = 0; i < sealed.n; i++) {
        char c = sealed.p[i];

        if (!((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && !(c >= '0' && c <= '9') && c != '+' &&
            c != '/' && c != '=')
            return false;
    }
    return true;
}

/* ---- The entry ---- */

static bool read_operation(struct sim_ask *a)
{
    if (a->rq->operation == SIM_COMPLETIONS)
        return sim_read_completions(a);
    if (a->rq->operation != SIM_GENERATE && a->rq->operation != SIM_COUNT_TOKENS)
        return sim_read_small(a);
    switch (style(a)) {
    case DIALECT_CHAT: return sim_read_chat(a);
    case DIALECT_RESPONSES: return sim_read_responses(a);
    case DIALECT_ANTHROPIC: return sim_read_anthropic(a);
    case DIALECT_GEMINI: return sim_read_gemini(a);
    default: return sim_no_value(a, "dialect", "unknown");
    }
}

static bool has_tool(const struct sim_ask *a, str name)
{
    for (size_t i = 0; i < a->n_tools; i++)
        if (str_eq(a->tools[i].name, name))
            return true;
    return false;
}

/* Tools that a choice or a directive names must be there. */
static bool check_tools(struct sim_ask *a)
{
    for (size_t i = 0; i < a->n_only; i++)
        if (!has_tool(a, a->only[i]))
            return sim_no_value(a, "tool_choice", "tool '%.*s' not found in 'tools'.",
                                STR_FMT(str_head(a->only[i], 64)));
    if (a->tool_choice == SIM_TOOLS_REQUIRED && !a->n_tools && a->rq->dialect != DIALECT_RESPONSES)
        return sim_no_value(a, "tool_choice", "only allowed when 'tools' are specified.");
    if (a->say.tool.n && !has_tool(a, a->say.tool))
        return sim_no_value(a, "tools", "the directive names tool '%.*s', which is not there.",
                            STR_FMT(str_head(a->say.tool, 64)));
    return true;
}

bool sim_read(const struct sim_request *rq, struct arena *arena, struct sim_ask *a)
{
    yyjson_read_err e;
    str rest;

    *a = (struct sim_ask){.rq = rq, .arena = arena, .n = 1, .parallel = true};
    a->say.latency_ms = -1;
    /* A picture to edit comes as a form, which nobody here needs to understand. */
    if (rq->operation == SIM_IMAGE && (!rq->body.n || rq->body.p[0] != '{'))
        return true;
    /* Without the in-place flag the text is only read. */
    a->doc = yyjson_read_opts((char *)(uintptr_t)rq->body.p, rq->body.n, 0, NULL, &e);
    if (!a->doc) {
        return refuse(a, NULL, "invalid_json",
                      arena_printf(arena,
                                   "We could not parse the JSON body of your request: %s at byte "
                                   "%zu.",
                                   e.msg, e.pos));
    }
    a->root = yyjson_doc_get_root(a->doc);
    if (!yyjson_is_obj(a->root))
        return sim_no_type(a, "body", "an object", a->root);
    if (!read_operation(a) || !sim_directives_read(a, a->user, &rest))
        return false;
    a->user = rest;
    return check_tools(a);
}
