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

static void merge(int64_t *a, int64_t later)
{
    if (later > 0 || (later == 0 && *a < 0))
        *a = later;
}

void usage_merge(struct usage *a, const struct usage *later)
{
    merge(&a->input, later->input);
    merge(&a->output, later->output);
    merge(&a->cached, later->cached);
    merge(&a->cache_write, later->cache_write);
    merge(&a->reasoning, later->reasoning);
}
