/*
 * Token counts of any bytes: no read past the end, a count within bounds, the same wherever the
 * bytes lie; sizes of pictures from any head.
 */
#include <stdlib.h>

#include "base/must.h"
#include "ir/tokens.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    /* At the end of an allocation, so that a byte too far is seen, and at an odd place. */
    char *text = malloc(n + 1);
    must(text != NULL);
    memcpy(text + 1, data, n);
    str here = str_of((const char *)data, n), there = str_of(text + 1, n);
    for (int f = 0; f < TOKEN_FAMILIES; f++) {
        uint64_t count = tokens_of_text(there, (enum token_family)f);
        must(count == tokens_of_text(here, (enum token_family)f));
        must(count <= 8 * (uint64_t)n && (n == 0) == (count == 0));
    }
    uint32_t w = 0, h = 0;
    if (image_size(there, &w, &h))
        must(w > 0 && h > 0);
    (void)token_family_of(there);
    (void)tokens_of_audio(TOKENS_GEMINI, n, there);
    free(text);
    return 0;
}
