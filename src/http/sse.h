/*
 * http/sse.h - event boundaries and fields of text/event-stream bodies.
 *
 * Wire facts: WHATWG HTML 9.2.5 (lines end in LF, CR or CRLF; one leading BOM is skipped) and
 * 9.2.6 (an empty line ends an event; `data` lines join with LF; one space after the colon goes;
 * lines that start with a colon are comments).
 *
 * The splitter hands out whole raw frames (comments and the empty line included) so that a relay
 * can forward them byte for byte and stop only between events; sse_parse reads one frame.
 */
#ifndef CLIPROXY_HTTP_SSE_H
#define CLIPROXY_HTTP_SSE_H

#include "base/buf.h"
#include "base/err.h"

struct sse_splitter {
    struct buf carry; /* an event that has not ended yet; empty most of the time */
    /* private: all of carry has been searched, and this is where the search stands */
    bool at_line_start, after_cr;
    bool given;  /* carry was handed out as a frame and goes with the next call */
    uint8_t bom; /* bytes of a BOM seen at the very start; past 3: the start is over */
};

/* max_event bounds one frame. */
void sse_splitter_init(struct sse_splitter *s, size_t max_event);
void sse_splitter_fini(struct sse_splitter *s);

/*
 * Takes the next whole frame from *in (moving it past what was used).
 *   1   *frame is a raw frame with its final empty line. It borrows from *in or from the
 *       splitter, until the next call.
 *   0   all input used; an unfinished frame waits inside
 *  <0   -ERR_UP_TOO_LARGE: the frame is above the cap; sticky
 * A CR at the very end of the input may be the first half of CRLF: the frame is given out at
 * once when CR CR or LF CR ended it, and a following LF is put at the front of the next frame.
 */
int sse_next(struct sse_splitter *s, str *in, str *frame) must_check;

/* What waits unfinished: at the end of the stream, the frame that lacks its empty line. */
str sse_rest(const struct sse_splitter *s);

struct sse_event {
    str type; /* empty if the frame named none */
    str data; /* joined data lines; borrowed from the frame when there is just one */
    bool has_data;
};

/*
 * Reads a frame; joined is used when there are several data lines (cleared first; should they not
 * fit its max, joined->failed tells and data is cut).
 */
void sse_parse(str frame, struct buf *joined, struct sse_event *ev);

#endif
