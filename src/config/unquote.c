#include "config/unquote.h"

/* out has room for the result: no escape is shorter than the bytes it stands for, but \L, \P, \N
 * and \_, which are two bytes for up to three. */
struct reader {
    str in;
    size_t at;
    char *out;
    size_t n;
    size_t keep; /* bytes of out that a fold may not take back: they were escaped */
};

static struct reader reader_new(struct arena *a, str source)
{
    return (struct reader){.in = source, .out = arena_alloc(a, source.n / 2 * 3 + 4)};
}

static str reader_end(struct reader *r)
{
    r->out[r->n] = 0;
    return str_of(r->out, r->n);
}

static bool at_break(const struct reader *r)
{
    return r->at < r->in.n && (r->in.p[r->at] == '\n' || r->in.p[r->at] == '\r');
}

/* Moves past a run of white space; returns how many line breaks were in it. */
static size_t skip_breaks(struct reader *r)
{
    size_t breaks = 0;
    for (; r->at < r->in.n && ascii_space(r->in.p[r->at]); r->at++)
        breaks += r->in.p[r->at] == '\n' ||
                  (r->in.p[r->at] == '\r' && !str_starts(str_from(r->in, r->at), S("\r\n")));
    return breaks;
}

/* YAML 1.2, 6.5: one break becomes a space, each further one a line feed. */
static void fold(struct reader *r)
{
    while (r->n > r->keep && (r->out[r->n - 1] == ' ' || r->out[r->n - 1] == '\t'))
        r->n--;
    size_t breaks = skip_breaks(r);
    if (breaks == 1)
        r->out[r->n++] = ' ';
    for (size_t i = 1; i < breaks; i++)
        r->out[r->n++] = '\n';
}

str yaml_unquote_single(struct arena *a, str source)
{
    struct reader r = reader_new(a, source);
    while (r.at < source.n) {
        if (at_break(&r)) {
            fold(&r);
            continue;
        }
        r.out[r.n++] = source.p[r.at];
        r.at += str_starts(str_from(source, r.at), S("''")) ? 2 : 1;
    }
    return reader_end(&r);
}

/* ---- escapes of double-quoted scalars -------------------------------------------------------- */

static void put_utf8(struct reader *r, uint32_t c)
{
    char *out = r->out + r->n;
    if (c < 0x80) {
        out[0] = (char)c;
        r->n += 1;
    } else if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        r->n += 2;
    } else if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        r->n += 3;
    } else {
        out[0] = (char)(0xf0 | (c >> 18 & 7));
        out[1] = (char)(0x80 | (c >> 12 & 0x3f));
        out[2] = (char)(0x80 | (c >> 6 & 0x3f));
        out[3] = (char)(0x80 | (c & 0x3f));
        r->n += 4;
    }
}

/* The number in the n digits at at; false if they are not all hexadecimal. */
static bool hex(str s, size_t at, size_t n, uint32_t *out)
{
    uint32_t v = 0;
    if (n > s.n || at > s.n - n)
        return false;
    for (size_t i = at; i < at + n; i++) {
        char c = ascii_lower(s.p[i]);
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
            return false;
        v = v << 4 | (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    *out = v;
    return true;
}

/* \xHH, \uHHHH, \UHHHHHHHH; two \u of a surrogate pair, as JSON writes them, are one character.
 * r->at is behind the letter. */
static bool put_number(struct reader *r, size_t digits)
{
    uint32_t c, low;
    if (!hex(r->in, r->at, digits, &c) || c > 0x10ffff)
        return false;
    r->at += digits;
    if (c >= 0xd800 && c < 0xdc00 && str_starts(str_from(r->in, r->at), S("\\u")) &&
        hex(r->in, r->at + 2, 4, &low) && low >= 0xdc00 && low < 0xe000) {
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        r->at += 6;
    }
    put_utf8(r, c);
    return true;
}

static void put_escape(struct reader *r)
{
    static const struct {
        char letter;
        uint16_t code;
    } letters[] = {
        {'0', 0},  {'a', 7},  {'b', 8},  {'t', 9},    {'\t', 9},   {'n', 10},     {'v', 11},
        {'f', 12}, {'r', 13}, {'e', 27}, {'N', 0x85}, {'_', 0xa0}, {'L', 0x2028}, {'P', 0x2029},
    };
    char c = r->in.p[r->at++];
    size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (digits && put_number(r, digits))
        return;
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
        if (c == letters[i].letter) {
            put_utf8(r, letters[i].code);
            return;
        }
    r->out[r->n++] = c;
}

/* A backslash at the end of a line joins it with the next, without a space. */
static void join_lines(struct reader *r)
{
    size_t breaks = skip_breaks(r);
    for (size_t i = 1; i < breaks; i++)
        r->out[r->n++] = '\n';
}

str yaml_unquote_double(struct arena *a, str source)
{
    struct reader r = reader_new(a, source);
    while (r.at < source.n) {
        if (at_break(&r)) {
            fold(&r);
        } else if (source.p[r.at] == '\\' && r.at + 1 < source.n) {
            r.at++;
            if (at_break(&r))
                join_lines(&r);
            else
                put_escape(&r);
            r.keep = r.n;
        } else {
            r.out[r.n++] = source.p[r.at++];
        }
    }
    return reader_end(&r);
}
