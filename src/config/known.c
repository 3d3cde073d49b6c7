#include "config/known.h"

const struct known_key known_keys[] = {
#define KNOWN(path, part)    {path, KNOWN_LATER, part},
#define LEGACY(path, advice) {path, KNOWN_LEGACY, advice},
#define NOT_OURS(path)       {path, KNOWN_NOT_OURS, ""},
#include "config/known.def"
#undef KNOWN
#undef LEGACY
#undef NOT_OURS
};

const size_t n_known_keys = sizeof known_keys / sizeof *known_keys;

const struct known_key *known_find(str path)
{
    for (size_t i = 0; i < n_known_keys; i++)
        if (str_eq(path, str_c(known_keys[i].path)))
            return &known_keys[i];
    return NULL;
}
