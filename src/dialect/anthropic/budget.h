/*
 * dialect/anthropic/budget.h - a thinking budget beside max_tokens.
 *
 * The Messages API wants budget_tokens of at least 1024 and below max_tokens, which counts thinking
 * too (extended thinking, budget rules).
 */
#ifndef CLIPROXY_DIALECT_ANTHROPIC_BUDGET_H
#define CLIPROXY_DIALECT_ANTHROPIC_BUDGET_H

#include <stdint.h>

enum { ANTHROPIC_BUDGET_MIN = 1024 };

/*
 * Lowers the budget below *max; when that would take it under min, thinking comes on top of the
 * tokens the client wanted to have (*max is raised). *max 0: no limit is known.
 */
void anthropic_fit_budget(int64_t *budget, uint64_t *max, int64_t min);

#endif
