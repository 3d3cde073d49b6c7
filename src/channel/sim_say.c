/*
 * Directives: `[[sim: error=429, latency=2s]]` in the last user text makes the simulator do what
 * a test needs. Entries are separated by blanks or commas; an unknown one is refused by name, so
 * that a typing error does not look like a passing test.
 */
#include "channel/sim_priv.h"

static bool number(str s, uint64_t most, uint64_t *out)
{
    return str_u64(s, out) && *out <= most;
}

/* 250ms, 2s, 1m, or plain seconds. */
static bool duration_ms(str s, int64_t *out)
{
    uint64_t n, unit = 1000;

    if (str_ends(s, S("ms")))
        unit = 1, s.n -= 2;
    else if (str_ends(s, S("s")))
        s.n -= 1;
    else if (str_ends(s, S("m")))
        unit = 60000, s.n -= 1;
    if (!number(s, SIM_LATENCY_MAX_MS / unit, &n))
        return false;
    *out = (int64_t)(n * unit);
    return true;
}

static bool obey_value(struct sim_directives *d, str key, str value)
{
    uint64_t n;

    if (str_eq(key, S("error"))) {
        if (!number(value, 599, &n) || n < 400)
            return false;
        d->error = (int)n;
        return true;
    }
    if (str_eq(key, S("latency")))
        return duration_ms(value, &d->latency_ms);
    if (str_eq(key, S("words"))) {
        if (!number(value, SIM_WORDS_MAX, &n) || n == 0)
            return false;
        d->words = (size_t)n;
        return true;
    }
    if (str_eq(key, S("tool"))) {
        d->tool = value;
        return value.n > 0;
    }
    return false;
}

static bool obey_flag(struct sim_directives *d, str key)
{
    struct {
        str name;
        bool *flag;
    } flags[] = {
        {S("cut"), &d->cut},
        {S("reset"), &d->reset},
        {S("hang"), &d->hang},
        {S("stream-error"), &d->stream_error},
        {S("reasoning"), &d->reasoning},
        {S("refuse"), &d->refuse},
        {S("filter"), &d->filter},
        {S("echo"), &d->echo},
    };

    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
        if (str_eq(key, flags[i].name)) {
            *flags[i].flag = true;
            return true;
        }
    return false;
}

static bool obey(struct sim_ask *a, str entry)
{
    size_t eq = str_find_char(entry, '=');
    bool known = eq < entry.n ? obey_value(&a->say, str_head(entry, eq), str_from(entry, eq + 1))
                              : obey_flag(&a->say, entry);

    if (!known) {
        entry = str_head(entry, 100);
        a->no = (struct sim_no){.status = 400, .code = "invalid_value"};
        a->no.message =
            arena_printf(a->arena, "Unknown simulator directive '%.*s'.", STR_FMT(entry));
    }
    return known;
}

static bool obey_list(struct sim_ask *a, str list)
{
    while (list.n) {
        size_t end = 0;

        while (end < list.n && list.p[end] != ',' && !ascii_space(list.p[end]))
            end++;
        if (end && !obey(a, str_head(list, end)))
            return false;
        list = str_from(list, end + 1);
    }
    return true;
}

bool sim_directives_read(struct sim_ask *a, str text, str *rest)
{
    struct buf kept;
    bool good = true;

    *rest = text;
    if (str_find(text, S("[[sim:")) == text.n)
        return true;
    buf_init(&kept, text.n);
    while (good) {
        size_t at = str_find(text, S("[[sim:"));
        str body = str_from(text, at + 6);
        size_t end = str_find(body, S("]]"));

        buf_put(&kept, str_head(text, at));
        if (at == text.n)
            break;
        if (end == body.n) { /* never closed: ordinary text */
            buf_put(&kept, str_from(text, at));
            break;
        }
        good = obey_list(a, str_head(body, end));
        text = str_from(body, end + 2);
    }
    *rest = str_trim(str_dup(a->arena, buf_str(&kept)));
    buf_fini(&kept);
    return good;
}
