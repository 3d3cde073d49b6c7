/*
 * json/scan.c - the strict scanner.
 *
 * One loop reads values; opening a container makes the next round read its first value, and
 * after_value() closes whatever ends, so nesting costs one bit instead of a stack frame. What is
 * accepted is exactly what yyjson accepts with no flags set, numbers beyond the range of a double
 * included (refused), because other parts read the same text with it.
 */
#include "json/scan.h"

#include "json/plain.h"

#ifdef JSON_SSE2
#include <immintrin.h>
#endif

enum { DEPTH_MAX = 1024 };

struct scanner {
    const json_byte *begin, *end; /* begin is the document's, for offsets in errors */
    unsigned depth, max_depth;
    bool escaped;           /* a backslash was met since this was last cleared */
    struct json_span *open; /* the watched member whose value is being read */
    const str *keys;
    struct json_span *found;
    size_t n_keys;
    struct fail *f;
    enum err err;
    uint64_t objects[DEPTH_MAX / 64]; /* bit set: that level is an object */
};

/* Notes what is wrong and where; returns NULL for the caller to pass on. */
static const json_byte *bad(struct scanner *s, const json_byte *at, const char *why)
{
    size_t offset = (size_t)(at - s->begin);
    if (at == s->end)
        why = "unexpected end";
    s->err = fail_set(s->f, ERR_BAD_JSON, "invalid JSON at byte %zu: %s", offset, why);
    return NULL;
}

static inline const json_byte *skip_space(const json_byte *p, const json_byte *end)
{
    while (p < end && *p <= ' ' && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}

/* ---- strings ---- */

static int hex_digit(json_byte c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four hex digits at p, or -1. */
static int hex4(const json_byte *p, const json_byte *end)
{
    if (end - p < 4)
        return -1;
    int v = 0;
    for (int i = 0; i < 4; i++) {
        int d = hex_digit(p[i]);
        if (d < 0)
            return -1;
        v = v << 4 | d;
    }
    return v;
}

static bool is_high(int unit)
{
    return unit >= 0xd800 && unit < 0xdc00;
}

static bool is_low(int unit)
{
    return unit >= 0xdc00 && unit < 0xe000;
}

/* Past a \u escape (or a surrogate pair of two) whose backslash is at p. */
static const json_byte *unicode_end(struct scanner *s, const json_byte *p)
{
    int unit = hex4(p + 2, s->end);
    if (unit < 0)
        return bad(s, p, "malformed \\u escape");
    if (is_low(unit))
        return bad(s, p, "low surrogate without a high one");
    if (!is_high(unit))
        return p + 6;
    p += 6;
    if (s->end - p < 6 || p[0] != '\\' || p[1] != 'u' || !is_low(hex4(p + 2, s->end)))
        return bad(s, p, "high surrogate without a low one");
    return p + 6;
}

static const json_byte *escape_end(struct scanner *s, const json_byte *p)
{
    s->escaped = true;
    if (s->end - p < 2)
        return bad(s, s->end, "");
    switch (p[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't': return p + 2;
    case 'u': return unicode_end(s, p);
    default: return bad(s, p, "unknown escape");
    }
}

/*
 * Long strings: runs of plain bytes and short escapes are passed in blocks, up to whatever is due
 * a second look: the closing quote, another escape, a control byte, another script. Source text
 * has an escape in fifteen bytes; stopping at each would cost more than all the rest.
 */
#ifdef JSON_SSE2

static const json_byte *long_run_none(const json_byte *p, const json_byte *end)
{
    (void)end;
    return p;
}

/* Which bytes of a block are what; bit i is byte i. */
struct block {
    uint64_t quote, backslash, odd, escapable;
};

/* Bytes that may follow a backslash and end the escape ("/\\bfnrt): both nibbles agree on a bit. */
__attribute__((target("avx2"))) static inline __m256i escapable_bytes(__m256i v)
{
    const __m256i low_bits = _mm256_set1_epi8(0x0f);
    const __m256i by_low = _mm256_setr_epi8(0, 0, 13, 0, 8, 0, 4, 0, 0, 0, 0, 0, 2, 0, 4, 1, 0, 0,
                                            13, 0, 8, 0, 4, 0, 0, 0, 0, 0, 2, 0, 4, 1);
    const __m256i by_high = _mm256_setr_epi8(0, 0, 1, 0, 0, 2, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                             1, 0, 0, 2, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0);
    __m256i low = _mm256_shuffle_epi8(by_low, _mm256_and_si256(v, low_bits));
    __m256i high =
        _mm256_shuffle_epi8(by_high, _mm256_and_si256(_mm256_srli_epi16(v, 4), low_bits));
    return _mm256_cmpeq_epi8(_mm256_and_si256(low, high), _mm256_setzero_si256());
}

__attribute__((target("avx2"))) static inline void half_block(const json_byte *p, unsigned shift,
                                                              struct block *b)
{
    __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)p);
    __m256i quote = _mm256_cmpeq_epi8(v, _mm256_set1_epi8('"'));
    __m256i backslash = _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\\'));
    __m256i odd = _mm256_cmpgt_epi8(_mm256_set1_epi8(0x20), v); /* signed: 0x80 and up as well */
    b->quote |= (uint64_t)(uint32_t)_mm256_movemask_epi8(quote) << shift;
    b->backslash |= (uint64_t)(uint32_t)_mm256_movemask_epi8(backslash) << shift;
    b->odd |= (uint64_t)(uint32_t)_mm256_movemask_epi8(odd) << shift;
    b->escapable |= (uint64_t)(uint32_t)~_mm256_movemask_epi8(escapable_bytes(v)) << shift;
}

/*
 * The bytes that a backslash escapes. A run of backslashes escapes every second byte, counted from
 * where it starts; the sum carries that parity to the run's end (Langdale and Lemire 2019, 3.1.1).
 * *carry: the block's first byte is escaped by the last one of the block before; then the same for
 * the next.
 */
static inline uint64_t escaped_bytes(uint64_t backslash, uint64_t *carry)
{
    const uint64_t even = UINT64_C(0x5555555555555555);
    backslash &= ~*carry;
    uint64_t follows = backslash << 1 | *carry;
    uint64_t starts_odd = backslash & ~even & ~follows;
    uint64_t sum;
    *carry = __builtin_add_overflow(starts_odd, backslash, &sum);
    return (even ^ sum << 1) & follows;
}

__attribute__((target("avx2"))) static const json_byte *long_run_avx2(const json_byte *p,
                                                                      const json_byte *end)
{
    uint64_t carry = 0;
    while (end - p >= 64) {
        struct block b = {0};
        half_block(p, 0, &b);
        half_block(p + 32, 32, &b);
        uint64_t escaped = escaped_bytes(b.backslash, &carry);
        uint64_t other_escape = escaped & ~b.escapable;
        uint64_t stop = (b.quote & ~escaped) | b.odd | other_escape;
        if (stop) {
            uint64_t first = stop & -stop;
            /* An escape is looked at from its backslash on. */
            return p + __builtin_ctzll(stop) - ((other_escape & first) != 0);
        }
        p += 64;
    }
    return p - carry;
}

static const json_byte *(*long_run)(const json_byte *, const json_byte *) = long_run_none;

__attribute__((constructor)) static void choose_long_run(void)
{
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2"))
        long_run = long_run_avx2;
}

#endif

#ifdef JSON_SSE2
/* Keys and the like: not worth a block. */
static inline bool ends_soon(const json_byte *p)
{
    uint64_t odd = json_odd16(p);
    return odd && p[__builtin_ctzll(odd)] == '"';
}
#endif

/* Past the closing quote of the string whose first byte is at p. */
static const json_byte *string_end(struct scanner *s, const json_byte *p)
{
#ifdef JSON_SSE2
    const json_byte *from = p;
    bool is_long = s->end - p > 64 && !ends_soon(p);
#endif
    for (;;) {
#ifdef JSON_SSE2
        if (is_long) {
            p = long_run(p, s->end);
            /* Only for members we may act on does it matter whether there are escapes. */
            s->escaped |= s->depth == 1 && memchr(from, '\\', (size_t)(p - from));
            from = p;
        }
#endif
        p = json_plain_end(p, s->end);
        if (p == s->end)
            return bad(s, p, "");
        if (*p == '"')
            return p + 1;
        if (*p == '\\') {
            p = escape_end(s, p);
            if (!p)
                return NULL;
        } else if (*p >= 0x80) {
            /* Text in another script comes in runs; stay here while it lasts. */
            do {
                size_t n = json_utf8_len(p, s->end);
                if (!n)
                    return bad(s, p, "malformed UTF-8");
                p += n;
            } while (p < s->end && *p >= 0x80);
        } else {
            return bad(s, p, "control byte in a string");
        }
    }
}

/* ---- numbers and literals ---- */

/* 2^1024 - 2^970, the least number that rounds to infinity, without its exponent of 308. */
static const char INFINITE_FROM[] =
    "179769313486231580793728971405303415079934132710037826936173778980444968292764750946649017977"
    "587207096330286416692887910946555547851940402630657488671505820681908902000708383676273854845"
    "817711531764475730270069855571366959622842914819860834936475292719074168444365510704342711559"
    "699508093042880177904174497792";

/*
 * Whether a number of the grammar is beyond the range of a double. at, end: its digits and point;
 * exp: the value of its exponent, held down to some billions by the caller.
 */
static bool is_infinite(const json_byte *at, const json_byte *end, long exp)
{
    const json_byte *p = at;
    long magnitude = -1; /* decimal exponent of the first digit */
    while (p < end && *p >= '0' && *p <= '9') {
        p++;
        magnitude++;
    }
    for (p = at; p < end && (*p == '0' || *p == '.'); p++)
        magnitude -= *p == '0';
    if (p == end || *p < '1' || *p > '9')
        return false; /* zero */
    magnitude += exp;
    if (magnitude != 308)
        return magnitude > 308;
    for (const char *limit = INFINITE_FROM; *limit; limit++) {
        if (p < end && *p == '.')
            p++;
        char digit = p < end ? (char)*p++ : '0';
        if (digit != *limit)
            return digit > *limit;
    }
    return true;
}

static inline const json_byte *digits_end(const json_byte *p, const json_byte *end)
{
    while (p < end && (json_byte)(*p - '0') <= 9)
        p++;
    return p;
}

/* Past the exponent whose 'e' is at p; its value goes to *exp. */
static const json_byte *exponent_end(struct scanner *s, const json_byte *p, long *exp)
{
    bool negative = false;
    p++;
    if (p < s->end && (*p == '+' || *p == '-'))
        negative = *p++ == '-';
    const json_byte *digits = p;
    p = digits_end(p, s->end);
    if (p == digits)
        return bad(s, p, "digit expected in the exponent");
    /* A billion outweighs any number of digits a body can hold. */
    for (; digits < p && *exp < 1000000000; digits++)
        *exp = *exp * 10 + (*digits - '0');
    if (negative)
        *exp = -*exp;
    return p;
}

static const json_byte *number_end(struct scanner *s, const json_byte *p)
{
    const json_byte *start = p;
    if (*p == '-')
        p++;
    const json_byte *digits = p;
    p = digits_end(p, s->end);
    if (p == digits)
        return bad(s, p, "digit expected");
    if (*digits == '0' && p - digits > 1)
        return bad(s, start, "number with a leading zero");
    bool long_integer = p - digits > 308;
    if (p < s->end && *p == '.') {
        const json_byte *fraction = p + 1;
        p = digits_end(fraction, s->end);
        if (p == fraction)
            return bad(s, p, "digit expected after the point");
    }
    const json_byte *mantissa_end = p;
    long exp = 0;
    if (p < s->end && (*p | 0x20) == 'e') {
        p = exponent_end(s, p, &exp);
        if (!p)
            return NULL;
    }
    if ((long_integer || exp > 0) && is_infinite(digits, mantissa_end, exp))
        return bad(s, start, "number out of range");
    return p;
}

static const json_byte *literal_end(struct scanner *s, const json_byte *p)
{
    str word = *p == 't' ? S("true") : *p == 'f' ? S("false") : S("null");
    if ((size_t)(s->end - p) < word.n || memcmp(p, word.p, word.n) != 0)
        return bad(s, p, "unknown literal");
    return p + word.n;
}

/* ---- containers ---- */

static inline bool in_object(const struct scanner *s)
{
    unsigned level = s->depth - 1;
    return s->objects[level / 64] >> (level % 64) & 1;
}

static enum json_kind kind_of(json_byte first)
{
    switch (first) {
    case '{': return JSON_OBJECT;
    case '[': return JSON_ARRAY;
    case '"': return JSON_STRING;
    case 't': return JSON_TRUE;
    case 'f': return JSON_FALSE;
    case 'n': return JSON_NULL;
    default: return JSON_NUMBER;
    }
}

/* The watched member whose key is lit, or NULL. */
static struct json_span *watched(struct scanner *s, str lit)
{
    for (size_t i = 0; i < s->n_keys; i++) {
        bool same = s->escaped ? json_string_is(lit, s->keys[i])
                               : str_eq(str_of(lit.p + 1, lit.n - 2), s->keys[i]);
        if (same)
            return &s->found[i];
    }
    return NULL;
}

/* Notes the member whose key is at key and whose value begins at value. */
static const json_byte *member_found(struct scanner *s, const json_byte *key, size_t key_n,
                                     const json_byte *value)
{
    str lit = str_of((const char *)key, key_n);
    struct json_span *m = watched(s, lit);
    if (!m)
        return value;
    if (m->kind != JSON_ABSENT) {
        str name = s->keys[m - s->found];
        s->err = fail_set(s->f, ERR_DUPLICATE_KEY, "key \"%.*s\" appears twice, again at byte %zu",
                          STR_FMT(name), (size_t)(key - s->begin));
        return NULL;
    }
    m->kind = value < s->end ? kind_of(*value) : JSON_NULL;
    m->key_at = (size_t)(key - s->begin);
    m->at = (size_t)(value - s->begin);
    s->open = m;
    s->escaped = false;
    return value;
}

/* Reads a key, its colon and the space around it; returns where the value begins. */
static inline const json_byte *key_end(struct scanner *s, const json_byte *p)
{
    if (p == s->end || *p != '"')
        return bad(s, p, "key expected");
    const json_byte *key = p;
    s->escaped = false;
    p = string_end(s, p + 1);
    if (!p)
        return NULL;
    size_t key_n = (size_t)(p - key);
    p = skip_space(p, s->end);
    if (p == s->end || *p != ':')
        return bad(s, p, "colon expected");
    p = skip_space(p + 1, s->end);
    return s->depth == 1 && s->n_keys ? member_found(s, key, key_n, p) : p;
}

/* Opens the container at p. *whole is set if it was empty and is therefore over. */
static inline const json_byte *container_open(struct scanner *s, const json_byte *p, bool *whole)
{
    bool object = *p == '{';
    if (s->depth >= s->max_depth) {
        s->err = fail_set(s->f, ERR_TOO_DEEP, "JSON nested deeper than %u at byte %zu",
                          s->max_depth, (size_t)(p - s->begin));
        return NULL;
    }
    uint64_t bit = UINT64_C(1) << (s->depth % 64);
    uint64_t *word = &s->objects[s->depth / 64];
    *word = object ? *word | bit : *word & ~bit;
    s->depth++;
    p = skip_space(p + 1, s->end);
    if (p < s->end && *p == (object ? '}' : ']')) {
        s->depth--;
        *whole = true;
        return p + 1;
    }
    *whole = false;
    return object ? key_end(s, p) : p;
}

/* After a value: closes what ends here. Returns the next value's start, or the end at depth 0. */
static inline const json_byte *after_value(struct scanner *s, const json_byte *p)
{
    while (s->depth) {
        if (s->depth == 1 && s->open) {
            s->open->n = (size_t)(p - s->begin) - s->open->at;
            s->open->escaped = s->open->kind == JSON_STRING && s->escaped;
            s->open = NULL;
        }
        bool object = in_object(s);
        p = skip_space(p, s->end);
        if (p == s->end)
            return bad(s, p, "");
        if (*p == ',') {
            p = skip_space(p + 1, s->end);
            return object ? key_end(s, p) : p;
        }
        if (*p != (object ? '}' : ']'))
            return bad(s, p, object ? "comma or } expected" : "comma or ] expected");
        p++;
        s->depth--;
    }
    return p;
}

/* Reads the value at p with all that is in it. */
static const json_byte *value_end(struct scanner *s, const json_byte *p)
{
    do {
        if (p == s->end)
            return bad(s, p, "");
        bool whole = true;
        switch (*p) {
        case '{':
        case '[': p = container_open(s, p, &whole); break;
        case '"': p = string_end(s, p + 1); break;
        case 't':
        case 'f':
        case 'n': p = literal_end(s, p); break;
        case '-':
        case '0' ... '9': p = number_end(s, p); break;
        default: return bad(s, p, "value expected");
        }
        if (p && whole)
            p = after_value(s, p);
    } while (p && s->depth);
    return p;
}

/* Reads doc[at, at + n), which must be one value and space. */
static enum err scan(struct scanner *s, str doc, size_t at, size_t n, enum json_kind *kind,
                     bool object_only)
{
    static const json_byte empty[1];
    s->begin = doc.n ? (const json_byte *)doc.p : empty;
    s->end = s->begin + at + n;
    if (s->max_depth > DEPTH_MAX)
        s->max_depth = DEPTH_MAX;
    for (size_t i = 0; i < s->n_keys; i++)
        s->found[i] = (struct json_span){0};
    const json_byte *p = skip_space(s->begin + at, s->end);
    if (object_only && p < s->end && *p != '{') {
        bad(s, p, "an object is expected");
        return s->err;
    }
    if (kind && p < s->end)
        *kind = kind_of(*p);
    p = value_end(s, p);
    if (!p)
        return s->err;
    p = skip_space(p, s->end);
    if (p < s->end) {
        bad(s, p, "text after the value");
        return s->err;
    }
    return OK;
}

enum err json_scan_object(str doc, const str *keys, struct json_span *found, size_t n_keys,
                          unsigned max_depth, struct fail *f)
{
    struct scanner s;
    /* Not all of it is cleared: the levels are written before they are read. */
    memset(&s, 0, offsetof(struct scanner, objects));
    s.keys = keys;
    s.found = found;
    s.n_keys = n_keys;
    s.max_depth = max_depth;
    s.f = f;
    return scan(&s, doc, 0, doc.n, NULL, true);
}

enum err json_scan_members(str doc, struct json_span obj, const str *keys, struct json_span *found,
                           size_t n_keys, struct fail *f)
{
    struct scanner s;
    memset(&s, 0, offsetof(struct scanner, objects));
    s.keys = keys;
    s.found = found;
    s.n_keys = n_keys;
    s.max_depth = DEPTH_MAX;
    s.f = f;
    must(obj.at <= doc.n && obj.n <= doc.n - obj.at);
    return scan(&s, doc, obj.at, obj.n, NULL, true);
}

enum err json_validate(str doc, unsigned max_depth, enum json_kind *kind, struct fail *f)
{
    struct scanner s;
    memset(&s, 0, offsetof(struct scanner, objects));
    s.max_depth = max_depth;
    s.f = f;
    if (kind)
        *kind = JSON_ABSENT;
    return scan(&s, doc, 0, doc.n, kind, false);
}

/* ---- literals ---- */

static size_t utf8_put(char *out, unsigned c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/*
 * Decodes the escape whose backslash is at *p, moves *p past it and returns how many bytes went to
 * out, never more than the escape has. Also fed by the watcher, which checks nothing: an escape
 * that is none stands for its own bytes.
 */
static size_t escape_decode(const json_byte **p, const json_byte *end, char out[4])
{
    static const char plain[] = "bfnrt", meant[] = "\b\f\n\r\t";
    const json_byte *at = *p;
    if (end - at < 2) {
        *p = end;
        out[0] = '\\';
        return 1;
    }
    if (at[1] != 'u') {
        const char *hit = memchr(plain, at[1], sizeof plain - 1);
        out[0] = hit ? meant[hit - plain] : (char)at[1];
        *p = at + 2;
        return 1;
    }
    int unit = hex4(at + 2, end);
    if (unit < 0) {
        *p = at + 1;
        out[0] = '\\';
        return 1;
    }
    *p = at + 6;
    if (is_high(unit) && end - at >= 12 && at[6] == '\\' && at[7] == 'u') {
        int low = hex4(at + 8, end);
        if (is_low(low)) {
            *p = at + 12;
            return utf8_put(out, 0x10000u + ((unsigned)(unit - 0xd800) << 10) +
                                     (unsigned)(low - 0xdc00));
        }
    }
    return utf8_put(out, is_high(unit) || is_low(unit) ? 0xfffd : (unsigned)unit);
}

size_t json_unescape(str lit, char *out)
{
    if (lit.n < 2)
        return 0;
    const json_byte *p = (const json_byte *)lit.p + 1, *end = p + lit.n - 2;
    char *at = out;
    while (p < end) {
        const json_byte *back = memchr(p, '\\', (size_t)(end - p));
        size_t n = (size_t)((back ? back : end) - p);
        memcpy(at, p, n);
        at += n;
        p += n;
        if (back)
            at += escape_decode(&p, end, at);
    }
    return (size_t)(at - out);
}

bool json_string_is(str lit, str want)
{
    if (lit.n < 2 || lit.n - 2 < want.n)
        return false;
    const json_byte *p = (const json_byte *)lit.p + 1, *end = p + lit.n - 2;
    size_t at = 0;
    while (p < end) {
        char piece[4];
        size_t n = 1;
        if (*p == '\\')
            n = escape_decode(&p, end, piece);
        else
            piece[0] = (char)*p++;
        if (n > want.n - at || memcmp(piece, want.p + at, n) != 0)
            return false;
        at += n;
    }
    return at == want.n;
}
