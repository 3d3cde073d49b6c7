#include "ir/event.h"

#include "base/must.h"

const char *ir_finish_name(enum ir_finish f)
{
    static const char *const names[IR_FINISHES] = {
        [IR_FINISH_UNKNOWN] = "unknown",   [IR_FINISH_STOP] = "stop",
        [IR_FINISH_SEQUENCE] = "sequence", [IR_FINISH_LENGTH] = "length",
        [IR_FINISH_CALLS] = "calls",       [IR_FINISH_REFUSED] = "refused",
        [IR_FINISH_FILTERED] = "filtered", [IR_FINISH_PAUSED] = "paused"};
    must((unsigned)f < IR_FINISHES);
    return names[f];
}

static void merge(int64_t *a, int64_t b)
{
    if (*a <= 0 && b >= 0 && b > *a)
        *a = b;
}

void usage_merge(struct usage *a, const struct usage *b)
{
    merge(&a->input, b->input);
    merge(&a->output, b->output);
    merge(&a->cached, b->cached);
    merge(&a->cache_write, b->cache_write);
    merge(&a->reasoning, b->reasoning);
}
