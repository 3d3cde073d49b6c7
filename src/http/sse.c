#include "http/sse.h"

#if defined(__SSE2__) && !defined(CLIPROXY_NO_SIMD)
#include <emmintrin.h>
#endif

/* A carried event that grew past this gives its memory back at once. */
enum { CARRY_KEEP = 16 * 1024, BOM_OVER = 4 };

static const char BOM[3] = {'\xef', '\xbb', '\xbf'};

void sse_splitter_init(struct sse_splitter *s, size_t max_event)
{
    *s = (struct sse_splitter){.at_line_start = true};
    buf_init(&s->carry, max_event);
}

void sse_splitter_fini(struct sse_splitter *s)
{
    buf_fini(&s->carry);
}

/* The first CR or LF from at on, or s.n. */
static size_t line_end(str s, size_t at)
{
#if defined(__SSE2__) && !defined(CLIPROXY_NO_SIMD)
    for (; s.n - at >= 16; at += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(s.p + at));
        int mask = _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('\n')),
                                                  _mm_cmpeq_epi8(v, _mm_set1_epi8('\r'))));
        if (mask)
            return at + (size_t)__builtin_ctz((unsigned)mask);
    }
#endif
    while (at < s.n && s.p[at] != '\n' && s.p[at] != '\r')
        at++;
    return at;
}

/* Passes what there is of a BOM at the very start of the stream: it does not begin a line. */
static size_t bom_end(struct sse_splitter *s, str in)
{
    size_t at = 0;
    while (s->bom < sizeof BOM && at < in.n) {
        if (in.p[at] != BOM[s->bom]) {
            s->at_line_start = s->bom == 0; /* a part of one is content */
            s->bom = BOM_OVER;
            return at;
        }
        s->bom++;
        at++;
    }
    return at;
}

/*
 * Searches on through the next bytes of the current frame. Returns how many of them belong to it;
 * *whole tells whether the frame ends there. Every byte is looked at once, wherever input is cut.
 */
static size_t frame_end(struct sse_splitter *s, str in, bool *whole)
{
    size_t at = s->bom < sizeof BOM ? bom_end(s, in) : 0;
    *whole = false;
    while (at < in.n) {
        if (s->after_cr) {
            s->after_cr = false;
            if (in.p[at] == '\n') { /* the second half of CRLF */
                at++;
                continue;
            }
        }
        size_t stop = line_end(in, at);
        s->at_line_start = s->at_line_start && stop == at;
        if (stop == in.n)
            return in.n;
        at = stop + 1;
        bool cr = in.p[stop] == '\r';
        if (cr && at < in.n && in.p[at] == '\n') {
            at++;
            cr = false;
        }
        s->after_cr = cr && at == in.n;
        if (s->at_line_start) { /* an empty line; the next frame begins at a line's start too */
            *whole = true;
            return at;
        }
        s->at_line_start = true;
    }
    return at;
}

static int too_large(struct sse_splitter *s)
{
    buf_fini(&s->carry);
    s->carry.failed = true;
    return -ERR_UP_TOO_LARGE;
}

/* Drops a carried frame that the caller has had. */
static void drop_given(struct sse_splitter *s)
{
    s->given = false;
    buf_clear(&s->carry);
    if (s->carry.cap > CARRY_KEEP)
        buf_release_if_empty(&s->carry);
}

int sse_next(struct sse_splitter *s, str *in, str *frame)
{
    *frame = (str){NULL, 0};
    if (s->carry.failed)
        return -ERR_UP_TOO_LARGE;
    if (s->given)
        drop_given(s);
    bool whole;
    size_t n = frame_end(s, *in, &whole);
    if (n > s->carry.max - s->carry.n)
        return too_large(s);
    str part = str_head(*in, n);
    *in = str_from(*in, n);
    if (whole && s->carry.n == 0) {
        *frame = part;
        return 1;
    }
    buf_put(&s->carry, part);
    if (s->carry.failed)
        return too_large(s);
    if (whole) {
        s->given = true;
        *frame = buf_str(&s->carry);
        return 1;
    }
    buf_release_if_empty(&s->carry);
    return 0;
}

str sse_rest(const struct sse_splitter *s)
{
    return s->given ? (str){NULL, 0} : buf_str(&s->carry);
}

/* ---- one frame ---- */

/* Takes a line off *rest, without its end. */
static str next_line(str *rest, bool has_cr)
{
    size_t n = has_cr ? line_end(*rest, 0) : str_find_char(*rest, '\n');
    str line = str_head(*rest, n);
    bool crlf = n + 1 < rest->n && rest->p[n] == '\r' && rest->p[n + 1] == '\n';
    *rest = str_from(*rest, crlf ? n + 2 : n + 1);
    return line;
}

static void data_add(struct sse_event *ev, struct buf *joined, str value)
{
    if (!ev->has_data) {
        ev->has_data = true;
        ev->data = value;
        return;
    }
    if (joined->n == 0 && !joined->failed)
        buf_put(joined, ev->data);
    buf_put_char(joined, '\n');
    buf_put(joined, value);
    ev->data = buf_str(joined);
}

void sse_parse(str frame, struct buf *joined, struct sse_event *ev)
{
    *ev = (struct sse_event){.type = {NULL, 0}};
    buf_clear(joined);
    /* A frame does not know whether it is the stream's first; a BOM later on is as harmless. The LF
     * of a cut CRLF may stand before it. */
    while (frame.n && frame.p[0] == '\n')
        frame = str_from(frame, 1);
    if (str_starts(frame, str_of(BOM, sizeof BOM)))
        frame = str_from(frame, sizeof BOM);
    bool has_cr = str_find_char(frame, '\r') < frame.n;
    while (frame.n) {
        str line = next_line(&frame, has_cr);
        size_t colon = str_find_char(line, ':');
        str name = str_head(line, colon), value = str_from(line, colon + 1);
        if (value.n && value.p[0] == ' ')
            value = str_from(value, 1);
        if (str_eq(name, S("data")))
            data_add(ev, joined, value);
        else if (str_eq(name, S("event")))
            ev->type = value;
    }
}
