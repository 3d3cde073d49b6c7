/*
 * base/str.h - a slice of bytes, passed by value.
 *
 * A str borrows: it never owns what it points at and need not end in NUL. A function that takes a
 * str may use it during the call only; to keep the bytes it copies them into a named arena.
 * The empty slice has n == 0; p may then be NULL.
 */
#ifndef CLIPROXY_BASE_STR_H
#define CLIPROXY_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const char *p;
    size_t n;
} str;

/* A str of a string literal; the size is known at compile time. */
#define S(lit) ((str){"" lit, sizeof(lit) - 1})

/* For printf's %.*s. */
#define STR_FMT(s) (int)(s).n, (s).p ? (s).p : ""

static inline str str_of(const char *p, size_t n)
{
    return (str){p, n};
}

/* A C string (NULL counts as empty) without its NUL. */
static inline str str_c(const char *z)
{
    return (str){z, z ? strlen(z) : 0};
}

static inline bool str_eq(str a, str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_starts(str s, str head)
{
    return s.n >= head.n && (head.n == 0 || memcmp(s.p, head.p, head.n) == 0);
}

static inline bool str_ends(str s, str tail)
{
    return s.n >= tail.n && (tail.n == 0 || memcmp(s.p + s.n - tail.n, tail.p, tail.n) == 0);
}

/* Everything from byte at on; at may be past the end. */
static inline str str_from(str s, size_t at)
{
    if (at >= s.n)
        return (str){s.p ? s.p + s.n : NULL, 0};
    return (str){s.p + at, s.n - at};
}

/* The first n bytes at most. */
static inline str str_head(str s, size_t n)
{
    return (str){s.p, s.n < n ? s.n : n};
}

static inline char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static inline bool ascii_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Offset of the first c in s, or s.n. */
size_t str_find_char(str s, char c);

/* Offset of the last c in s, or s.n. */
size_t str_find_last(str s, char c);

/* Offset of the first needle in s, or s.n; an empty needle is found at 0. */
size_t str_find(str s, str needle);

/* Equality and order without regard to ASCII case. */
bool str_eq_nocase(str a, str b);
bool str_starts_nocase(str s, str head);

/* Byte order, shorter first: <0, 0, >0. */
int str_cmp(str a, str b);

/* Without leading and trailing ASCII white space. */
str str_trim(str s);

/*
 * Takes the part before the next sep off *rest and returns it; *rest becomes what follows, or
 * empty with p == NULL when there was no sep left. Loop while rest.p.
 */
str str_split(str *rest, char sep);

/* Decimal digits only, no sign, no space; false on anything else or overflow. */
bool str_u64(str s, uint64_t *out);

/* Edit distance (Levenshtein, ASCII case ignored), at most max + 1. For "did you mean". */
size_t str_distance(str a, str b, size_t max);

/* Match with '*' standing for any run of bytes; ASCII case ignored. Linear in time. */
bool str_glob(str pattern, str s);

/* Characters (code points) of well-formed UTF-8. */
size_t str_chars(str s);

/* Well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool str_utf8(str s);

#endif
