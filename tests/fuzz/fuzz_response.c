/*
 * The reader of answers, fed by someone hostile. The first byte says whether it answers HEAD, the
 * second seeds the splits; the rest is what the provider sends.
 *
 * Properties: no more comes out than went in; how the bytes are cut does not change whether the
 * answer ends, is refused or is still open, nor its payload, nor how much of the input it takes.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "http/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
    char *body;
    size_t body_n, used;
    unsigned heads;
    enum http_reader_step last;
    enum err eof;
};

static struct http_reader_scratch scratch;
static volatile char sink;

static void check_head(void)
{
    const struct http_head *h = &scratch.head;
    must(h->n_fields <= HTTP_FIELDS_MAX && h->status >= 200 && h->status <= 999);
    must(h->content_length >= -1);
    /* The sanitizer looks whether the slices point at living bytes. */
    char sum = 0;
    for (size_t i = 0; i < h->n_fields; i++) {
        for (size_t k = 0; k < h->fields[i].name.n; k++)
            sum ^= h->fields[i].name.p[k];
        for (size_t k = 0; k < h->fields[i].value.n; k++)
            sum ^= h->fields[i].value.p[k];
    }
    sink = sum;
}

static bool feed(struct run *run, struct http_reader *r, char *p, size_t n)
{
    size_t given = n;
    for (;;) {
        str body = {NULL, 0};
        struct fail f;
        run->last = http_reader_next(r, &p, &n, &body, &f);
        if (run->last == READER_HEAD) {
            check_head();
            run->heads++;
        } else if (run->last == READER_BODY) {
            must(body.n > 0);
            memcpy(run->body + run->body_n, body.p, body.n);
            run->body_n += body.n;
        } else {
            run->used += given - n;
            must(run->last != READER_MORE || n == 0);
            return run->last == READER_MORE;
        }
    }
}

/* seed 0: in one piece. */
static void run_all(struct run *run, const uint8_t *in, size_t n, bool head_only, unsigned seed)
{
    struct http_reader r;
    bool more = true;
    *run = (struct run){.body = mem_new(n + 1), .last = READER_MORE};
    http_reader_init(&r, &scratch);
    http_reader_begin(&r, head_only, 4096);
    for (size_t at = 0; more && at < n;) {
        seed = seed ? seed * 1103515245u + 12345u : 0;
        size_t piece = seed ? 1 + (seed >> 16) % 23 : n;
        if (piece > n - at)
            piece = n - at;
        char *copy = mem_new(piece);
        memcpy(copy, in + at, piece);
        more = feed(run, &r, copy, piece);
        mem_free(copy);
        at += piece;
    }
    run->eof = http_reader_eof(&r);
    http_reader_fini(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run whole, pieces;
    if (size < 2 || size > 32 * 1024)
        return 0;
    bool head_only = data[0] & 1;
    run_all(&whole, data + 2, size - 2, head_only, 0);
    run_all(&pieces, data + 2, size - 2, head_only, data[1] + 1u);
    must(whole.body_n <= size && pieces.body_n <= size);
    must(whole.heads <= 1);
    /* In pieces, fields are counted when the head is complete: one that never is may have had too
     * many and only its bytes bounded. */
    bool uncounted = whole.last == READER_FAILED && pieces.last == READER_MORE && !pieces.heads;
    must(whole.last == pieces.last || uncounted);
    if (whole.last != READER_FAILED) {
        must(whole.heads == pieces.heads && whole.eof == pieces.eof);
        must(whole.used == pieces.used && whole.body_n == pieces.body_n);
        must(memcmp(whole.body, pieces.body, whole.body_n) == 0);
    }
    mem_free(whole.body);
    mem_free(pieces.body);
    return 0;
}
