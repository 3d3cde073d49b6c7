#include "config/options.h"

#include "config/file.h"
#include "config/value.h"
#include "http/url.h"

enum { VALUE_TEXT_MAX = 4096 };

#define HOT     OPTION_HOT
#define RESTART OPTION_RESTART
#define CLAMP   OPTION_CLAMP

/* Refuses to compile a row whose type does not fit its member. */
#define FITS(type, m)                                                        \
    _Generic(((struct config *)0)->m, str                                    \
             : OPTION_##type == OPTION_STR || OPTION_##type == OPTION_URL || \
                   OPTION_##type == OPTION_PATH,                             \
               int64_t                                                       \
             : OPTION_##type == OPTION_INT, bool                             \
             : OPTION_##type == OPTION_BOOL, uint64_t                        \
             : OPTION_##type == OPTION_MS || OPTION_##type == OPTION_BYTES, default : 0)
#define OPTION(path, type, m, def, min, max, unit, flags, help) \
    _Static_assert(FITS(type, m), "options.def: " path);
#include "config/options.def"
#undef OPTION

const struct option options[] = {
#define OPTION(path, type, m, def, min, max, unit, flags, help) \
    {path, OPTION_##type, offsetof(struct config, m), def, min, max, unit, flags, help},
#include "config/options.def"
#undef OPTION
};

const size_t n_options = sizeof options / sizeof *options;

const struct option *option_find(str path)
{
    for (size_t i = 0; i < n_options; i++)
        if (str_eq(path, str_c(options[i].path)))
            return &options[i];
    return NULL;
}

const char *option_type_name(enum option_type t)
{
    static const char *const names[] = {
        [OPTION_STR] = "string",  [OPTION_URL] = "URL",      [OPTION_PATH] = "path",
        [OPTION_INT] = "integer", [OPTION_BOOL] = "boolean", [OPTION_MS] = "duration",
        [OPTION_BYTES] = "size",
    };
    return names[t];
}

enum err option_check_proxy(str url, struct fail *f)
{
    static const char *const schemes[] = {"http", "https", "socks5", "socks5h"};
    struct url u;
    if (!url.n || str_eq_nocase(url, S("direct")) || str_eq_nocase(url, S("none")))
        return OK;
    enum err e = url_parse(url, &u, f);
    for (size_t i = 0; !e && i < sizeof schemes / sizeof *schemes; i++)
        if (str_eq_nocase(u.scheme, str_c(schemes[i])))
            return OK;
    return e ? e
             : fail_set(f, ERR_CONFIG,
                        "must begin with http://, https://, socks5:// or socks5h://, or be direct");
}

void option_put_url(struct buf *out, str url)
{
    size_t scheme = str_find(url, S("://"));
    str rest = str_from(url, scheme == url.n ? 0 : scheme + 3);
    size_t at = str_find_last(rest, '@');
    if (at == rest.n) {
        buf_put(out, url);
        return;
    }
    buf_put(out, str_head(url, url.n - rest.n));
    buf_lit(out, "***");
    buf_put(out, str_from(rest, at));
}

static bool refuse(char *why, size_t size, const char *text)
{
    snprintf(why, size, "%s", text);
    return false;
}

/* "must be between 1 and 65535", in the option's own spelling. */
static bool refuse_bounds(const struct option *o, char *why, size_t size)
{
    struct buf b;
    void (*put)(struct buf *, uint64_t) = o->type == OPTION_MS ? value_put_ms : value_put_bytes;
    if (o->type == OPTION_INT)
        put = buf_put_u64;
    buf_init(&b, 200);
    buf_lit(&b, "must be between ");
    put(&b, (uint64_t)o->min);
    buf_lit(&b, " and ");
    put(&b, (uint64_t)o->max);
    snprintf(why, size, "%s", buf_c(&b));
    buf_fini(&b);
    return false;
}

static bool set_number(const struct option *o, void *at, str text, char *why, size_t size)
{
    uint64_t u;
    int64_t i = 0;
    if (o->type == OPTION_INT && !value_int(text, &i))
        return refuse(why, size, "must be a whole number");
    if (o->type == OPTION_MS) {
        if (!value_ms(text, &u))
            return refuse(why, size, "must be a duration like 250ms, 30s, 5m, 1h, or seconds");
        i = u > INT64_MAX ? INT64_MAX : (int64_t)u;
    } else if (o->type == OPTION_BYTES) {
        if (!value_bytes(text, &u))
            return refuse(why, size, "must be a size like 64KiB, 64MiB, 1GiB, or bytes");
        i = u > INT64_MAX ? INT64_MAX : (int64_t)u;
    }
    if (o->flags & CLAMP)
        i = i < o->min ? o->min : i > o->max ? o->max : i;
    if (i < o->min || i > o->max)
        return refuse_bounds(o, why, size);
    if (o->type == OPTION_INT)
        *(int64_t *)at = i;
    else
        *(uint64_t *)at = (uint64_t)i;
    return true;
}

static bool set_text(const struct option *o, struct config *c, str text, char *why, size_t size)
{
    str *at = (str *)((char *)c + o->at);
    struct fail f = {0};
    text = str_trim(text);
    if (text.n > VALUE_TEXT_MAX)
        return refuse(why, size, "is too long");
    if (o->type == OPTION_URL && option_check_proxy(text, &f))
        return refuse(why, size, fail_text(&f));
    *at = o->type == OPTION_PATH ? path_expand_home(&c->arena, text) : str_dup(&c->arena, text);
    return true;
}

bool option_set(const struct option *o, struct config *c, str text, char *why, size_t size)
{
    void *at = (char *)c + o->at;
    switch (o->type) {
    case OPTION_STR:
    case OPTION_URL:
    case OPTION_PATH: return set_text(o, c, text, why, size);
    case OPTION_BOOL: return value_bool(text, at) || refuse(why, size, "must be true or false");
    default: return set_number(o, at, text, why, size);
    }
}

void options_default(struct config *c)
{
    char why[128];
    for (size_t i = 0; i < n_options; i++)
        must(option_set(&options[i], c, str_c(options[i].fallback), why, sizeof why));
}

void option_put(const struct option *o, const struct config *c, struct buf *out)
{
    const void *at = (const char *)c + o->at;
    switch (o->type) {
    case OPTION_STR:
    case OPTION_PATH:
        if (((const str *)at)->n)
            buf_put(out, *(const str *)at);
        else
            buf_lit(out, "\"\"");
        break;
    case OPTION_URL:
        if (((const str *)at)->n)
            option_put_url(out, *(const str *)at);
        else
            buf_lit(out, "\"\"");
        break;
    case OPTION_INT: buf_put_i64(out, *(const int64_t *)at); break;
    case OPTION_BOOL: buf_put(out, *(const bool *)at ? S("true") : S("false")); break;
    case OPTION_MS: value_put_ms(out, *(const uint64_t *)at); break;
    case OPTION_BYTES: value_put_bytes(out, *(const uint64_t *)at); break;
    }
}
