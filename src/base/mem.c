#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void must_fail(const char *file, int line, const char *what)
{
    fprintf(stderr, "cliproxyapi++: bug at %s:%d: %s\n", file, line, what);
    abort();
}

static void *checked(void *p, size_t size)
{
    if (!p) {
        fprintf(stderr, "cliproxyapi++: out of memory (%zu bytes)\n", size);
        abort();
    }
    return p;
}

void *mem_new(size_t size)
{
    return checked(malloc(size ? size : 1), size);
}

void *mem_zero(size_t size)
{
    return checked(calloc(1, size ? size : 1), size);
}

void *mem_grow(void *p, size_t size)
{
    return checked(realloc(p, size ? size : 1), size);
}

void mem_free(void *p)
{
    free(p);
}

void mem_wipe_free(void *p, size_t size)
{
    if (p)
        explicit_bzero(p, size);
    free(p);
}
