#include "channel/operation.h"

static const struct operation operations[OP_COUNT] = {
#define OP(name, path_, dialect_, channels_, suffix_, flags_) \
    [OP_##name] = {.id = OP_##name,                           \
                   .path = path_,                             \
                   .dialect = DIALECT_##dialect_,             \
                   .channels = channels_,                     \
                   .suffix = suffix_,                         \
                   .flags = flags_},
#include "channel/operation.def"
#undef OP
};

const struct operation *operation_get(enum operation_id id)
{
    must((unsigned)id < OP_COUNT);
    return &operations[id];
}

const struct operation *operation_of_verb(str verb)
{
    for (size_t i = 0; i < OP_COUNT; i++) {
        if (operations[i].dialect == DIALECT_GEMINI && str_eq(verb, str_c(operations[i].path)))
            return &operations[i];
    }
    return NULL;
}

const struct operation *operation_in(const struct operation *op, enum dialect_id to, bool stream)
{
    static const enum operation_id generate[] = {[DIALECT_CHAT] = OP_CHAT,
                                                 [DIALECT_RESPONSES] = OP_RESPONSES,
                                                 [DIALECT_ANTHROPIC] = OP_MESSAGES,
                                                 [DIALECT_GEMINI] = OP_GENERATE};
    static const enum operation_id count[] = {[DIALECT_CHAT] = OP_COUNT,
                                              [DIALECT_RESPONSES] = OP_RESPONSES_COUNT,
                                              [DIALECT_ANTHROPIC] = OP_MESSAGES_COUNT,
                                              [DIALECT_GEMINI] = OP_GEMINI_COUNT};
    must((unsigned)to < DIALECT_COUNT);
    if (op->flags & OP_COUNTS)
        return count[to] == OP_COUNT ? NULL : &operations[count[to]];
    if (!(op->flags & OP_GENERATES) && op->id != OP_COMPLETIONS)
        return NULL;
    return &operations[to == DIALECT_GEMINI && stream ? OP_STREAM_GENERATE : generate[to]];
}

/* Percent-encodes what may not stand in a path segment (RFC 3986 3.3); '/' stays, for ids such
 * as `tuned/abc`. */
static void put_segment(struct buf *out, str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     strchr("-._~!$&'()*+,;=@/", c) != NULL;
        if (plain && c) {
            buf_put_char(out, (char)c);
        } else {
            buf_put_char(out, '%');
            buf_put_char(out, "0123456789ABCDEF"[c >> 4]);
            buf_put_char(out, "0123456789ABCDEF"[c & 15]);
        }
    }
}

/* `models/{model}:verb`; three bytes for one at the most. */
static str model_path(const struct operation *op, enum channel_kind kind, str model,
                      struct arena *a)
{
    struct buf segment = {.max = 3 * model.n, .cap = 3 * model.n};
    segment.p = arena_alloc(a, segment.cap);
    put_segment(&segment, model);
    str parts[] = {kind == CHANNEL_VERTEX ? S("/v1/publishers/google/models/")
                                          : S("/v1beta/models/"),
                   buf_str(&segment), S(":"), str_c(op->path)};
    return str_join(a, parts, sizeof parts / sizeof *parts);
}

str operation_path(const struct operation *op, enum channel_kind kind, str base_path, str model,
                   str query, struct arena *a)
{
    str behind = op->dialect == DIALECT_GEMINI ? model_path(op, kind, model, a) : str_c(op->suffix);
    str parts[] = {base_path, behind, query.n ? S("?") : S(""), query};
    return str_join(a, parts, sizeof parts / sizeof *parts);
}

struct http_field operation_authorization(enum channel_kind kind, const struct http_origin *o,
                                          str key, struct arena *a)
{
    if (key.n == 0)
        return (struct http_field){{NULL, 0}, {NULL, 0}};
    if (kind == CHANNEL_GEMINI || kind == CHANNEL_VERTEX)
        return (struct http_field){S("x-goog-api-key"), key};
    /* Anthropic-compatible servers elsewhere expect a bearer token (SPEC 2.4). */
    if (kind == CHANNEL_CLAUDE && str_eq(o->host, S("api.anthropic.com")))
        return (struct http_field){S("x-api-key"), key};
    str parts[] = {S("Bearer "), key};
    return (struct http_field){S("Authorization"), str_join(a, parts, 2)};
}

str operation_query(str query, struct arena *a)
{
    if (query.n == 0)
        return query;
    char *out = arena_alloc(a, query.n);
    size_t n = 0;
    str rest = query;
    while (rest.p) {
        str pair = str_split(&rest, '&');
        str name = str_head(pair, str_find_char(pair, '='));
        if (pair.n == 0 || str_eq(name, S("key")) || str_eq(name, S("auth_token")))
            continue;
        if (n)
            out[n++] = '&';
        memcpy(out + n, pair.p, pair.n);
        n += pair.n;
    }
    return str_of(out, n);
}
