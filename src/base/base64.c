#include "base/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static size_t encode_group(const unsigned char *in, size_t n, char *out)
{
    unsigned bits = in[0] << 16 | (n > 1 ? in[1] << 8 : 0) | (n > 2 ? in[2] : 0);
    out[0] = alphabet[bits >> 18];
    out[1] = alphabet[bits >> 12 & 63];
    out[2] = n > 1 ? alphabet[bits >> 6 & 63] : '=';
    out[3] = n > 2 ? alphabet[bits & 63] : '=';
    return 4;
}

str base64_encode(str bytes, struct arena *a)
{
    must(bytes.n < SIZE_MAX / 2);
    char *p = arena_alloc(a, (bytes.n + 2) / 3 * 4 + 1);
    const unsigned char *in = (const unsigned char *)bytes.p;
    size_t n = 0;
    for (size_t at = 0; at < bytes.n; at += 3)
        n += encode_group(in + at, bytes.n - at, p + n);
    p[n] = 0;
    return str_of(p, n);
}

/* The digit's value, or 64. */
static unsigned digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (unsigned)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (unsigned)(c - 'a') + 26;
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0') + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : 64;
}

/* What may follow the digits: nothing, or padding up to a whole group. */
static bool is_padding(str rest, size_t digits)
{
    for (size_t i = 0; i < rest.n; i++) {
        if (rest.p[i] != '=')
            return false;
    }
    return rest.n == 0 || (rest.n < 3 && (digits + rest.n) % 4 == 0);
}

bool base64_decode(str text, char *out, size_t *n)
{
    unsigned bits = 0, d;
    size_t at = 0;
    *n = 0;
    for (; at < text.n && (d = digit(text.p[at])) < 64; at++) {
        bits = bits << 6 | d;
        if (at % 4)
            out[(*n)++] = (char)(bits >> (6 - 2 * (at % 4)));
    }
    return at % 4 != 1 && is_padding(str_from(text, at), at);
}
