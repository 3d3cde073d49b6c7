#include "base/str.h"

size_t str_find_char(str s, char c)
{
    const char *hit = s.n ? memchr(s.p, c, s.n) : NULL;
    return hit ? (size_t)(hit - s.p) : s.n;
}

size_t str_find_last(str s, char c)
{
    for (size_t i = s.n; i > 0; i--) {
        if (s.p[i - 1] == c)
            return i - 1;
    }
    return s.n;
}

size_t str_find(str s, str needle)
{
    if (needle.n == 0)
        return 0;
    const char *hit = s.n >= needle.n ? memmem(s.p, s.n, needle.p, needle.n) : NULL;
    return hit ? (size_t)(hit - s.p) : s.n;
}

bool str_eq_nocase(str a, str b)
{
    if (a.n != b.n)
        return false;
    size_t i = 0;
    /* Letters differ from their other case in one bit; any other difference decides at once. */
    for (; i + 8 <= a.n; i += 8) {
        uint64_t x, y;
        memcpy(&x, a.p + i, 8);
        memcpy(&y, b.p + i, 8);
        if ((x ^ y) & UINT64_C(0xdfdfdfdfdfdfdfdf))
            return false;
    }
    for (; i < a.n; i++) {
        if ((a.p[i] ^ b.p[i]) & 0xdf)
            return false;
    }
    for (i = 0; i < a.n; i++) {
        if (a.p[i] != b.p[i] && ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
            return false;
    }
    return true;
}

bool str_starts_nocase(str s, str head)
{
    return s.n >= head.n && str_eq_nocase(str_head(s, head.n), head);
}

int str_cmp(str a, str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    if (c)
        return c;
    return a.n < b.n ? -1 : a.n > b.n;
}

str str_trim(str s)
{
    while (s.n && ascii_space(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n && ascii_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

str str_split(str *rest, char sep)
{
    size_t at = str_find_char(*rest, sep);
    str head = str_head(*rest, at);
    *rest = at < rest->n ? str_from(*rest, at + 1) : (str){NULL, 0};
    return head;
}

bool str_u64(str s, uint64_t *out)
{
    uint64_t v = 0;
    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        uint64_t d = (uint64_t)(s.p[i] - '0');
        if (v > (UINT64_MAX - d) / 10)
            return false;
        v = v * 10 + d;
    }
    *out = v;
    return true;
}

enum { DISTANCE_MAX_LEN = 128 };

size_t str_distance(str a, str b, size_t max)
{
    size_t row[DISTANCE_MAX_LEN + 1];
    if (a.n > DISTANCE_MAX_LEN || b.n > DISTANCE_MAX_LEN)
        return max + 1;
    for (size_t j = 0; j <= b.n; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t up = row[j];
            size_t best = diagonal + (ascii_lower(a.p[i - 1]) != ascii_lower(b.p[j - 1]));
            if (up + 1 < best)
                best = up + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
            diagonal = up;
        }
    }
    return row[b.n] <= max ? row[b.n] : max + 1;
}

bool str_glob(str pattern, str s)
{
    size_t p = 0, i = 0, star = pattern.n, mark = 0;
    while (i < s.n) {
        if (p < pattern.n && pattern.p[p] == '*') {
            star = p++;
            mark = i;
        } else if (p < pattern.n && ascii_lower(pattern.p[p]) == ascii_lower(s.p[i])) {
            p++;
            i++;
        } else if (star < pattern.n) {
            /* Let the last star swallow one byte more and try again. */
            p = star + 1;
            i = ++mark;
        } else {
            return false;
        }
    }
    while (p < pattern.n && pattern.p[p] == '*')
        p++;
    return p == pattern.n;
}

/* Length of the well-formed UTF-8 sequence at p (n > 0 bytes are there), or 0. */
static size_t utf8_sequence(const unsigned char *p, size_t n)
{
    unsigned char lead = p[0];
    if (lead < 0x80)
        return 1;
    size_t need = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || n < need)
        return 0;
    /* RFC 3629 section 4: the second byte's range depends on the first. */
    unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < need; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    return need;
}

/* Every byte but the continuations, 10xxxxxx, begins one; eight are looked at in one go. */
size_t str_chars(str s)
{
    const uint64_t each = UINT64_C(0x0101010101010101);
    size_t i = 0, n = s.n;
    for (; s.n - i >= 8; i += 8) {
        uint64_t w;
        memcpy(&w, s.p + i, 8);
        n -= ((w >> 7 & ~w >> 6 & each) * each) >> 56;
    }
    for (; i < s.n; i++)
        n -= ((unsigned char)s.p[i] & 0xc0) == 0x80;
    return n;
}

bool str_utf8(str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    for (size_t i = 0; i < s.n;) {
        size_t step = utf8_sequence(p + i, s.n - i);
        if (step == 0)
            return false;
        i += step;
    }
    return true;
}
