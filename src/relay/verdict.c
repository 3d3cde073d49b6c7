#include "relay/verdict.h"

#define NEXT true

bool verdict_next_on_error(enum err e)
{
    static const bool next[ERR_COUNT] = {
#define STATUS(from, to, action)
#define VERDICT(name, action) [ERR_##name] = action,
#include "relay/verdict.def"
#undef VERDICT
#undef STATUS
    };
    must((unsigned)e < ERR_COUNT);
    return next[e];
}

bool verdict_next_on_status(int status)
{
#define VERDICT(name, action)
#define STATUS(from, to, action)            \
    if (status >= (from) && status <= (to)) \
        return action;
#include "relay/verdict.def"
#undef STATUS
#undef VERDICT
    return false;
}
