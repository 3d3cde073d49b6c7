/*
 * ir/print.h - the neutral form as text, for tests and debugging: one line a thing, fixed order,
 * nothing left out that a writer could say. Two forms are the same exactly when they print alike.
 *
 * Strings print as JSON literals. Adjacent deltas of one part print as one line, so that how a
 * stream was cut makes no difference. src members are not printed.
 */
#ifndef CLIPROXY_IR_PRINT_H
#define CLIPROXY_IR_PRINT_H

#include "base/buf.h"
#include "ir/answer.h"
#include "ir/request.h"

void ir_print_request(const struct ir_request *rq, struct buf *out);
void ir_print_answer(const struct ir_answer *an, struct buf *out);

/* A tree as compact JSON, keys in the order of their bytes. */
void ir_print_json(yyjson_val *v, struct buf *out);

/* Events one by one; deltas are held back until another event follows. */
struct ir_printer {
    struct buf *out;
    struct buf held; /* private */
    unsigned choice, index;
};
void ir_printer_init(struct ir_printer *p, struct buf *out);
void ir_printer_take(void *printer, const struct ir_event *e); /* an ir_emit_fn */
void ir_printer_fini(struct ir_printer *p);

#endif
