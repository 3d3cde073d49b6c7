/* ir/tokens_shape.h. One pass, no look back; a step per piece, and inside words one per letter. */
#include "ir/tokens_shape.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

typedef unsigned char byte;

/*
 * How often a byte-pair tokenizer splits between the first two letters of a triple, in 1/128.
 * Letters are 1 to 26, 27 any Latin letter outside ASCII, 0 the edge of the word.
 */
static const uint8_t split_of[1 << 15] = {
#include "ir/tokens_split.inc"
};

/* What a byte can begin. */
enum kind {
    K_MARK, /* punctuation: what nothing below claims */
    K_LETTER,
    K_DIGIT,
    K_SPACE,
    K_LINE,
    K_TAB,
    K_CONTROL,
    K_HIGH
};

static const uint8_t kind_of[256] = {
    [0 ... 8] = K_CONTROL,
    [9] = K_TAB,
    [10] = K_LINE,
    [11 ... 12] = K_CONTROL,
    [13] = K_LINE,
    [14 ... 31] = K_CONTROL,
    [' '] = K_SPACE,
    ['0' ... '9'] = K_DIGIT,
    ['A' ... 'Z'] = K_LETTER,
    ['a' ... 'z'] = K_LETTER,
    [127] = K_CONTROL,
    [128 ... 255] = K_HIGH,
};

/* The class of a word's leading mark. */
static const uint8_t lead_of[128] = {
    ['_'] = TC_LEAD_UNDERSCORE, ['.'] = TC_LEAD_DOT,  ['"'] = TC_LEAD_QUOTE, ['\''] = TC_LEAD_QUOTE,
    ['`'] = TC_LEAD_QUOTE,      ['('] = TC_LEAD_OPEN, ['['] = TC_LEAD_OPEN,  ['{'] = TC_LEAD_OPEN,
    ['<'] = TC_LEAD_OPEN,       ['$'] = TC_LEAD_OPEN, ['/'] = TC_LEAD_SLASH, ['\\'] = TC_LEAD_SLASH,
    ['-'] = TC_LEAD_DASH,
};

/* What stands directly before the next piece. */
enum before { B_NOTHING, B_SPACE, B_TAB, B_MARK };

struct scan {
    const byte *p, *end;
    uint64_t *n; /* the shape's counts */
    enum before before;
    bool line_start;
};

/* ---- characters outside ASCII ---------------------------------------------------------------- */

#define BLOCK(from, to) [(from) >> 6 ...((to)-1) >> 6]

/* Class by code point / 64 up to U+FFFF; 0 (which no character has) stands for "any other". */
static const uint8_t script_of[1024] = {
    BLOCK(0x0080, 0x00c0) = TC_LATIN_SIGN,  BLOCK(0x00c0, 0x0280) = TC_WORD_ACCENT,
    BLOCK(0x0300, 0x0340) = TC_WORD_ACCENT, /* combining marks go with their word */
    BLOCK(0x0340, 0x0400) = TC_GREEK,       BLOCK(0x0400, 0x0540) = TC_CYRILLIC,
    BLOCK(0x0540, 0x05c0) = TC_ARMENIAN,    BLOCK(0x05c0, 0x0600) = TC_HEBREW,
    BLOCK(0x0600, 0x0700) = TC_ARABIC,      BLOCK(0x0740, 0x0780) = TC_ARABIC,
    BLOCK(0x0900, 0x0980) = TC_DEVANAGARI,  BLOCK(0x0980, 0x0a00) = TC_BENGALI,
    BLOCK(0x0a00, 0x0b80) = TC_INDIC,       BLOCK(0x0b80, 0x0c00) = TC_TAMIL,
    BLOCK(0x0c00, 0x0c80) = TC_TELUGU,      BLOCK(0x0c80, 0x0e00) = TC_INDIC,
    BLOCK(0x0e00, 0x0e80) = TC_THAI,        BLOCK(0x1080, 0x1100) = TC_GEORGIAN,
    BLOCK(0x1e00, 0x1f00) = TC_WORD_ACCENT, BLOCK(0x1f00, 0x2000) = TC_GREEK,
    BLOCK(0x2000, 0x2080) = TC_TYPOGRAPHIC, BLOCK(0x2080, 0x2500) = TC_SYMBOL,
    BLOCK(0x2500, 0x2600) = TC_BOX,         BLOCK(0x2600, 0x27c0) = TC_DINGBAT,
    BLOCK(0x27c0, 0x2c00) = TC_SYMBOL,      BLOCK(0x3000, 0x3040) = TC_WIDE_MARK,
    BLOCK(0x3040, 0x3100) = TC_KANA,        BLOCK(0x3400, 0x4e00) = TC_HAN_RARE,
    BLOCK(0x4e00, 0xa000) = TC_HAN,         BLOCK(0xac00, 0xd800) = TC_HANGUL,
    BLOCK(0xf900, 0xfb00) = TC_HAN_RARE,    BLOCK(0xfb40, 0xfe00) = TC_ARABIC,
    BLOCK(0xfe00, 0xfe40) = TC_JOINER, /* variation selectors */
    BLOCK(0xfe40, 0xfe80) = TC_WIDE_MARK,   BLOCK(0xfe80, 0xff00) = TC_ARABIC,
    BLOCK(0xff00, 0xfff0) = TC_WIDE_MARK,
};

/* Where words of a script are counted besides its letters; 0: it has none. */
static const uint8_t words_of[TOKEN_CLASSES] = {
    [TC_GREEK] = TC_GREEK_WORD,   [TC_CYRILLIC] = TC_CYRILLIC_WORD, [TC_HEBREW] = TC_HEBREW_WORD,
    [TC_ARABIC] = TC_ARABIC_WORD, [TC_HANGUL] = TC_HANGUL_WORD,
};

static enum token_class script_other(uint32_t c)
{
    if (c >= 0x20000)
        return c < 0x40000 ? TC_HAN_RARE : TC_OTHER_4;
    if (c >= 0x10000)
        return c >= 0x1f000 ? TC_EMOJI : TC_OTHER_4;
    return c < 0x800 ? TC_OTHER_2 : TC_OTHER_3;
}

static enum token_class script(uint32_t c)
{
    if (c < 0x10000 && script_of[c >> 6]) {
        if (c == 0xd7 || c == 0xf7) /* the signs for times and divide, amid letters */
            return TC_LATIN_SIGN;
        if (c >= 0x200b && c <= 0x200f)
            return TC_JOINER;
        return (enum token_class)script_of[c >> 6];
    }
    return script_other(c);
}

static bool goes_on(const byte *p)
{
    return (*p & 0xc0) == 0x80;
}

/* The character at p < end, which is 0x80 or above, and its length; length 0: no UTF-8. Overlong
 * forms are let through: a count is all that comes of it. */
static size_t decode(const byte *p, const byte *end, uint32_t *c)
{
    size_t left = (size_t)(end - p);
    if (p[0] >= 0xc2 && p[0] < 0xe0 && left >= 2 && goes_on(p + 1)) {
        *c = (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
        return 2;
    }
    if (p[0] >= 0xe0 && p[0] < 0xf0 && left >= 3 && goes_on(p + 1) && goes_on(p + 2)) {
        *c = (p[0] & 0xfu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
        return 3;
    }
    if (p[0] >= 0xf0 && p[0] < 0xf5 && left >= 4 && goes_on(p + 1) && goes_on(p + 2) &&
        goes_on(p + 3)) {
        *c = (p[0] & 7u) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu);
        return 4;
    }
    return 0;
}

/* ---- words ----------------------------------------------------------------------------------- */

/* A letter's number in split_of; | SMALL if it is no capital. 0: no ASCII letter. */
#define SMALL 32
static const uint8_t letter_of[256] = {
#define PAIR(n) ['A' + (n)-1] = (n), ['a' + (n)-1] = (n) | SMALL
    PAIR(1),  PAIR(2),  PAIR(3),  PAIR(4),  PAIR(5),  PAIR(6),  PAIR(7),  PAIR(8),  PAIR(9),
    PAIR(10), PAIR(11), PAIR(12), PAIR(13), PAIR(14), PAIR(15), PAIR(16), PAIR(17), PAIR(18),
    PAIR(19), PAIR(20), PAIR(21), PAIR(22), PAIR(23), PAIR(24), PAIR(25), PAIR(26),
#undef PAIR
};
enum { LETTER_ACCENT = 27 | SMALL };

/* The number of the letter at *p < end, which moves past it; 0 if there is none. */
static unsigned next_letter(const byte **p, const byte *end)
{
    unsigned l = letter_of[**p];
    if (l) {
        (*p)++;
        return l;
    }
    uint32_t c;
    size_t n = **p < 0x80 ? 0 : decode(*p, end, &c);
    if (n == 0 || script(c) != TC_WORD_ACCENT)
        return 0;
    *p += n;
    return LETTER_ACCENT;
}

static unsigned triple_next(unsigned triple, unsigned letter)
{
    return (triple << 5 | (letter & 31)) & 0x7fff;
}

/*
 * The splits expected in all words of the text, in a pass of its own: without a branch per word it
 * runs at the speed of the table. Triples that touch anything but letters are 0 in the table.
 */
static uint64_t expected_splits(const byte *p, const byte *end)
{
    uint64_t sum = 0;
    unsigned triple = 0;
#define STEP(number) (triple = triple_next(triple, number), sum += split_of[triple])
    while (p < end) {
        uint64_t eight = UINT64_MAX;
        if (end - p >= 8)
            memcpy(&eight, p, 8);
        if (eight & UINT64_C(0x8080808080808080)) {
            unsigned l = next_letter(&p, end);
            p += l == 0;
            STEP(l);
            continue;
        }
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++)
            STEP(letter_of[p[i]]);
        p += 8;
    }
    STEP(0);
#undef STEP
    return sum;
}

static void count_piece(uint64_t *n, size_t letters, bool capitals)
{
    enum { MOST = TC_WORD_LONG - TC_WORD_1 + 1 };
    n[TC_WORD_1 + (letters < MOST ? letters : MOST) - 1]++;
    if (letters > MOST)
        n[TC_WORD_EXTRA] += letters - MOST;
    if (capitals && letters > 1) {
        n[TC_WORD_UPPER]++;
        n[TC_WORD_UPPER_LETTER] += letters;
    }
}

#ifdef __SSE2__
/*
 * The commonest word: fewer than 16 ASCII letters in one piece, and 16 bytes may be read. False if
 * it is not so; then nothing was done.
 */
static bool plain_word(struct scan *s)
{
    if (s->end - s->p < 16)
        return false;
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)s->p);
    __m128i nth = _mm_sub_epi8(_mm_or_si128(v, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
    __m128i is = _mm_cmpeq_epi8(_mm_min_epu8(nth, _mm_set1_epi8(25)), nth);
    unsigned letters = (unsigned)_mm_movemask_epi8(is);
    /* Bit 5 tells the cases apart; shifted by two it is the sign. */
    unsigned small = (unsigned)_mm_movemask_epi8(_mm_slli_epi16(v, 2));
    unsigned n = (unsigned)__builtin_ctz(~letters);
    unsigned word = (1u << n) - 1;
    if (n == 0 || n == 16 || ((small << 1) & ~small & word) || s->p[n] >= 0x80)
        return false;
    count_piece(s->n, n, (small & word) == 0);
    s->p += n;
    return true;
}
#else
static bool plain_word(struct scan *s)
{
    (void)s;
    return false;
}
#endif

/*
 * Any word, a letter at a time; a capital behind a small letter begins a new piece. The pass of
 * expected_splits saw no such borders: what it counted wrongly there is set right.
 */
static void any_word(struct scan *s)
{
    size_t letters = 0;
    unsigned last = 0, any = 0, seen = 0, right = 0;
    uint64_t amend = 0; /* modulo 2^64: the sum with what was counted is never below 0 */
    while (s->p < s->end) {
        unsigned l = next_letter(&s->p, s->end);
        if (l == 0)
            break;
        if (last & ~l & SMALL) {
            count_piece(s->n, letters, !(any & SMALL));
            s->n[TC_WORD_CAMEL]++;
            amend += split_of[triple_next(right, 0)];
            letters = any = right = 0;
        }
        seen = triple_next(seen, l);
        right = triple_next(right, l);
        amend += (uint64_t)split_of[right] - split_of[seen];
        s->n[TC_WORD_ACCENT] += l == LETTER_ACCENT;
        letters++;
        any |= l;
        last = l;
    }
    amend += (uint64_t)split_of[triple_next(right, 0)] - split_of[triple_next(seen, 0)];
    s->n[TC_WORD_SPLIT] += amend;
    count_piece(s->n, letters, !(any & SMALL));
}

/* A word begins `after` bytes from here. */
static bool at_word(const struct scan *s, size_t after)
{
    const byte *p = s->p + after;
    return p < s->end && next_letter(&p, s->end) != 0;
}

/* A word, which begins at s->p. */
static void scan_word(struct scan *s)
{
    if (s->before == B_NOTHING)
        s->n[TC_WORD_BARE]++;
    if (!plain_word(s))
        any_word(s);
    s->before = B_NOTHING;
}

/* A run of one script outside Latin, or one sign. */
static void scan_high(struct scan *s)
{
    uint32_t c;
    size_t n = decode(s->p, s->end, &c);
    if (n == 0) {
        s->n[TC_BROKEN]++;
        s->p++;
        s->before = B_NOTHING;
        return;
    }
    enum token_class class = script(c);
    if (class == TC_WORD_ACCENT) {
        scan_word(s);
        return;
    }
    if (words_of[class])
        s->n[words_of[class]]++;
    do {
        s->n[class]++;
        s->p += n;
    } while (s->p < s->end && *s->p >= 0x80 && (n = decode(s->p, s->end, &c)) != 0 &&
             script(c) == class);
    s->before = B_NOTHING;
}

/* ---- digits, marks, white space -------------------------------------------------------------- */

static size_t run_of(struct scan *s, enum kind kind)
{
    const byte *p = s->p;
    while (p < s->end && kind_of[*p] == kind)
        p++;
    size_t n = (size_t)(p - s->p);
    s->p = p;
    return n;
}

static void scan_digits(struct scan *s)
{
    size_t n = run_of(s, K_DIGIT);
    s->n[TC_DIGIT_RUN]++;
    s->n[TC_DIGIT_GROUP] += (n + 2) / 3;
    s->n[TC_DIGIT] += n;
    s->n[TC_DIGIT_SPACE] += s->before == B_SPACE;
    s->before = B_NOTHING;
}

static bool all_same(const byte *p, size_t n)
{
    return n < 2 || memcmp(p, p + 1, n - 1) == 0;
}

static void scan_marks(struct scan *s)
{
    const byte *from = s->p;
    if (s->before == B_NOTHING && at_word(s, 1)) {
        s->n[lead_of[*from] ? lead_of[*from] : TC_LEAD_OTHER]++;
        s->before = B_MARK;
        s->p++;
        scan_word(s);
        return;
    }
    size_t n = run_of(s, K_MARK);
    if (n >= 4 && all_same(from, n)) {
        s->n[TC_MARK_REPEAT]++;
        s->n[TC_MARK_REPEATED] += n / 16;
    } else {
        enum token_class first = s->before == B_SPACE ? TC_SPACE_MARK_1 : TC_MARK_1;
        s->n[first + (n < 5 ? n : 5) - 1]++;
        if (n > 5)
            s->n[TC_MARK_EXTRA] += n - 5;
    }
    if (s->p < s->end && *s->p == '\n')
        s->n[TC_MARK_LINE]++;
    s->before = B_NOTHING;
}

static void count_indent(uint64_t *n, size_t blanks)
{
    static const uint8_t bucket[33] = {
        [1] = TC_INDENT_1,       [2] = TC_INDENT_2,         [3 ... 4] = TC_INDENT_4,
        [5 ... 8] = TC_INDENT_8, [9 ... 16] = TC_INDENT_16, [17 ... 32] = TC_INDENT_32,
    };
    n[bucket[blanks < 32 ? blanks : 32]]++;
    if (blanks > 32)
        n[TC_INDENT_EXTRA] += blanks - 32;
}

static void scan_blanks(struct scan *s)
{
    if (!s->line_start && at_word(s, 1)) {
        /* The commonest of all: one space, then a word. */
        s->p++;
        s->before = B_SPACE;
        scan_word(s);
        return;
    }
    size_t n = run_of(s, K_SPACE);
    if (s->line_start) {
        count_indent(s->n, n);
    } else if (n > 1) {
        s->n[TC_GAP]++;
        s->n[TC_GAP_EXTRA] += n / 8;
    }
    s->before = B_SPACE;
}

static void scan_tabs(struct scan *s)
{
    size_t n = run_of(s, K_TAB);
    s->n[TC_TAB]++;
    s->n[TC_TAB_EXTRA] += n - 1;
    s->before = B_TAB;
}

/* Line ends; a carriage return before a line feed is not one more. */
static void scan_lines(struct scan *s)
{
    size_t n = 0;
    for (; s->p < s->end && kind_of[*s->p] == K_LINE; s->p++)
        n += *s->p == '\n' || s->p + 1 == s->end || s->p[1] != '\n';
    s->n[TC_LINE_1 + (n < 3 ? n : 3) - 1]++;
    s->before = B_NOTHING;
}

static void scan_control(struct scan *s)
{
    s->n[TC_CONTROL] += run_of(s, K_CONTROL);
    s->before = B_NOTHING;
}

static void scan_other(struct scan *s, enum kind kind)
{
    static void (*const scan[])(struct scan *) = {
        [K_DIGIT] = scan_digits,    [K_LINE] = scan_lines, [K_TAB] = scan_tabs,
        [K_CONTROL] = scan_control, [K_HIGH] = scan_high,
    };
    scan[kind](s);
}

void token_shape_add(struct token_shape *shape, str text)
{
    struct scan s = {.p = (const byte *)text.p, .n = shape->n, .line_start = true};
    s.end = s.p + text.n;
    s.n[TC_WORD_SPLIT] += expected_splits(s.p, s.end);
    while (s.p < s.end) {
        enum kind kind = (enum kind)kind_of[*s.p];
        /* The three that are nine tenths of all pieces, by tests that are told apart well. */
        if (kind == K_LETTER)
            scan_word(&s);
        else if (kind == K_SPACE)
            scan_blanks(&s);
        else if (kind == K_MARK)
            scan_marks(&s);
        else
            scan_other(&s, kind);
        s.line_start = kind == K_LINE;
    }
}
