#include "config/value.h"

#include <math.h>
#include <stdlib.h>

enum { NUMBER_TEXT_MAX = 40 };

struct unit {
    str name;
    uint64_t factor;
};

/* Longest first where one begins like another. */
static const struct unit durations[] = {
    {{"ms", 2}, 1}, {{"s", 1}, 1000}, {{"m", 1}, 60000}, {{"h", 1}, 3600000}, {{"d", 1}, 86400000},
};

static const struct unit sizes[] = {
    {{"KiB", 3}, 1ull << 10}, {{"MiB", 3}, 1ull << 20},
    {{"GiB", 3}, 1ull << 30}, {{"kB", 2}, 1000},
    {{"MB", 2}, 1000000},     {{"GB", 2}, 1000000000},
    {{"K", 1}, 1ull << 10},   {{"M", 1}, 1ull << 20},
    {{"G", 1}, 1ull << 30},   {{"B", 1}, 1},
};

bool value_bool(str s, bool *out)
{
    static const char *const yes[] = {"true", "yes", "on", "y"};
    static const char *const no[] = {"false", "no", "off", "n"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        bool is = str_eq_nocase(s, str_c(yes[i]));
        if (is || str_eq_nocase(s, str_c(no[i]))) {
            *out = is;
            return true;
        }
    }
    return false;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

/* Digits in the base with single '_' between them, as YAML 1.1 and Go write long numbers. */
static bool digits(str s, unsigned base, uint64_t *out)
{
    uint64_t v = 0;
    bool gap = true;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '_' && !gap) {
            gap = true;
            continue;
        }
        unsigned d = (unsigned)digit_of(s.p[i]);
        if (d >= base || v > (UINT64_MAX - d) / base)
            return false;
        v = v * base + d;
        gap = false;
    }
    if (gap)
        return false;
    *out = v;
    return true;
}

bool value_int(str s, int64_t *out)
{
    bool minus = str_starts(s, S("-"));
    unsigned base = 10;
    uint64_t v;
    if (minus || str_starts(s, S("+")))
        s = str_from(s, 1);
    if (str_starts_nocase(s, S("0x")))
        base = 16;
    else if (str_starts_nocase(s, S("0o")))
        base = 8;
    else if (str_starts_nocase(s, S("0b")))
        base = 2;
    if (!digits(base == 10 ? s : str_from(s, 2), base, &v) || v > INT64_MAX)
        return false;
    *out = minus ? -(int64_t)v : (int64_t)v;
    return true;
}

bool value_double(str s, double *out)
{
    char z[NUMBER_TEXT_MAX];
    char *end;
    if (s.n == 0 || s.n >= sizeof z)
        return false;
    /* strtod knows more than decimals: hexadecimal, inf, nan. */
    for (size_t i = 0; i < s.n; i++)
        if (!strchr("0123456789.eE+-", s.p[i]) || !s.p[i])
            return false;
    memcpy(z, s.p, s.n);
    z[s.n] = 0;
    double v = strtod(z, &end);
    if (end != z + s.n || !isfinite(v))
        return false;
    *out = v;
    return true;
}

static size_t number_length(str s)
{
    size_t n = 0;
    while (n < s.n && ((s.p[n] >= '0' && s.p[n] <= '9') || s.p[n] == '.'))
        n++;
    return n;
}

/* number * factor, rounded; false when it does not fit. */
static bool scaled(str number, uint64_t factor, uint64_t *out)
{
    double d;
    uint64_t whole;
    if (str_u64(number, &whole)) {
        if (whole > UINT64_MAX / factor)
            return false;
        *out = whole * factor;
        return true;
    }
    if (number.n == 0 || !value_double(number, &d) || d * (double)factor > 1e15)
        return false;
    *out = (uint64_t)(d * (double)factor + 0.5);
    return true;
}

static const struct unit *unit_at(str s, const struct unit *table, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_starts_nocase(s, table[i].name))
            return &table[i];
    return NULL;
}

bool value_ms(str s, uint64_t *out)
{
    uint64_t total = 0, part;
    size_t n = number_length(s);
    if (n == s.n)
        return scaled(s, 1000, out);
    while (s.n) {
        n = number_length(s);
        str rest = str_from(s, n);
        const struct unit *u = unit_at(rest, durations, sizeof durations / sizeof *durations);
        if (!u || !scaled(str_head(s, n), u->factor, &part) || part > UINT64_MAX - total)
            return false;
        total += part;
        s = str_from(rest, u->name.n);
    }
    *out = total;
    return true;
}

bool value_bytes(str s, uint64_t *out)
{
    size_t n = number_length(s);
    str rest = str_trim(str_from(s, n));
    if (!rest.n)
        return str_u64(s, out);
    const struct unit *u = unit_at(rest, sizes, sizeof sizes / sizeof *sizes);
    return u && u->name.n == rest.n && scaled(str_head(s, n), u->factor, out);
}

/* The largest unit that divides the value. */
static void put_in_units(struct buf *out, uint64_t v, const struct unit *table, size_t n,
                         const char *none)
{
    const struct unit *best = NULL;
    for (size_t i = 0; i < n; i++)
        if (v && v % table[i].factor == 0 && (!best || table[i].factor > best->factor))
            best = &table[i];
    buf_put_u64(out, best ? v / best->factor : v);
    buf_put(out, best ? best->name : str_c(none));
}

void value_put_ms(struct buf *out, uint64_t ms)
{
    put_in_units(out, ms, durations, 4, "");
}

void value_put_bytes(struct buf *out, uint64_t bytes)
{
    put_in_units(out, bytes, sizes, 3, "");
}
