/*
 * http/sse.h: cut anywhere, frames joined are the input; with no CR in it they are the very same
 * frames, and parse to the same events. The first two bytes say where and how it is cut.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/must.h"
#include "http/sse.h"

enum { CAP = 4096, EVENTS = 64 };

struct run {
    struct buf joined;      /* all frames and the rest */
    struct buf events;      /* type and data of each */
    size_t ends[EVENTS], n; /* where frames end in joined */
    bool refused;
};

static void note(struct run *r, str frame, struct buf *lines)
{
    struct sse_event ev;
    must(frame.n);
    buf_put(&r->joined, frame);
    if (r->n < EVENTS)
        r->ends[r->n++] = r->joined.n;
    sse_parse(frame, lines, &ev);
    must(ev.data.n <= frame.n && ev.type.n <= frame.n);
    if (!ev.has_data)
        return;
    buf_put(&r->events, ev.type);
    buf_put_char(&r->events, 0);
    buf_put(&r->events, ev.data);
    buf_put_char(&r->events, 1);
}

static void run(struct run *r, str text, size_t first, size_t step)
{
    struct sse_splitter s;
    struct buf lines;
    *r = (struct run){0};
    buf_init(&r->joined, 1 << 24);
    buf_init(&r->events, 1 << 24);
    buf_init(&lines, 1 << 24);
    sse_splitter_init(&s, CAP);
    for (size_t at = 0, n = first; at < text.n && !r->refused; at += n, n = step) {
        n = n < text.n - at ? n : text.n - at;
        char *copy = malloc(n ? n : 1);
        memcpy(copy, text.p + at, n);
        str in = str_of(copy, n), frame;
        int got;
        while ((got = sse_next(&s, &in, &frame)) > 0)
            note(r, frame, &lines);
        must(got == 0 ? in.n == 0 : got == -ERR_UP_TOO_LARGE);
        must(sse_rest(&s).n <= CAP && (sse_rest(&s).n || s.carry.cap == 0));
        r->refused = got < 0;
        free(copy);
    }
    buf_put(&r->joined, sse_rest(&s));
    sse_splitter_fini(&s);
    buf_fini(&lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    str text = str_of((const char *)data + 2, size - 2);
    struct run whole, cut;
    run(&whole, text, text.n, 1);
    run(&cut, text, data[0], data[1] ? data[1] : 1);
    must(whole.refused || str_eq(buf_str(&whole.joined), text));
    must(cut.refused || str_eq(buf_str(&cut.joined), text));
    if (!whole.refused && !cut.refused)
        must(str_eq(buf_str(&whole.events), buf_str(&cut.events)));
    if (str_find_char(text, '\r') == text.n) {
        must(whole.refused == cut.refused && whole.n == cut.n);
        must(memcmp(whole.ends, cut.ends, whole.n * sizeof whole.ends[0]) == 0);
    }
    buf_fini(&whole.joined);
    buf_fini(&whole.events);
    buf_fini(&cut.joined);
    buf_fini(&cut.events);
    return 0;
}
