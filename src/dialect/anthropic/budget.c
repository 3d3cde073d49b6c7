#include "dialect/anthropic/budget.h"

void anthropic_fit_budget(int64_t *budget, uint64_t *max, int64_t min)
{
    if (!*max || *max > INT64_MAX / 2 || *budget < (int64_t)*max)
        return;
    if ((int64_t)*max - 1 >= min) {
        *budget = (int64_t)*max - 1;
    } else {
        *budget = min;
        *max += (uint64_t)min;
    }
}
