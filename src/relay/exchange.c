#include "relay/translate.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"

enum { SPARES_MAX = 256 };

static enum turn (*const steps[])(struct exchange *) = {
#define STEP(name, fn) [STEP_##name] = fn,
#include "relay/steps.def"
#undef STEP
};

void exchange_goto(struct exchange *x, enum step step)
{
    must(x->step != STEP_OVER);
    x->step = step;
}

void exchange_run(struct exchange *x)
{
    while (steps[x->step](x) == TURN_NEXT)
        ;
}

enum turn step_wait(struct exchange *x)
{
    (void)x;
    return TURN_WAIT;
}

/* ---- Life. ---- */

static void on_timer(struct deadline *d)
{
    answer_on_timer((struct exchange *)((char *)d - offsetof(struct exchange, timer)));
}

static struct exchange *take_spare(struct lane *lane)
{
    struct exchange *x = lane->spare;
    if (x) {
        lane->spare = x->next;
        lane->n_spare--;
        memset((char *)x + offsetof(struct exchange, s), 0,
               offsetof(struct exchange, timer) - offsetof(struct exchange, s));
    } else {
        x = mem_zero(sizeof *x);
        deadline_init(&x->timer, &lane->worker.loop, on_timer);
    }
    return x;
}

/* Ids tell requests apart in the log; they need to be spread, not secret (xorshift64*). */
static uint32_t next_id(struct lane *lane)
{
    if (lane->id_state == 0)
        random_bytes(&lane->id_state, sizeof lane->id_state);
    uint64_t v = lane->id_state | 1;
    v ^= v >> 12;
    v ^= v << 25;
    v ^= v >> 27;
    lane->id_state = v;
    uint32_t id = (uint32_t)((v * 0x2545F4914F6CDD1Du) >> 32);
    return id ? id : 1;
}

static void write_id(struct exchange *x)
{
    for (int i = 0; i < 8; i++)
        x->id_text[i] = "0123456789abcdef"[(x->id >> (28 - 4 * i)) & 15];
}

struct exchange *exchange_new(struct lane *lane, struct http_stream *s)
{
    struct exchange *x = take_spare(lane);
    x->lane = lane;
    x->next = lane->exchanges;
    x->prev = &lane->exchanges;
    if (x->next)
        x->next->prev = &x->next;
    lane->exchanges = x;
    lane->n_running++;
    x->s = s;
    s->app = x;
    x->lease = lease_take(lane->lease);
    x->config = x->lease->snapshot->config;
    x->dialect = dialect_get(DIALECT_CHAT);
    x->id = next_id(lane);
    write_id(x);
    x->began_ms = worker_now_ms(&lane->worker);
    buf_init(&x->decoded, x->config->body_bytes);
    buf_init(&x->held, x->config->event_bytes);
    exchange_add_field(x, S("X-Request-Id"), str_of(x->id_text, 8));
    return x;
}

static void close_spare(uv_handle_t *h)
{
    struct deadline *d = h->data;
    mem_free((char *)d - offsetof(struct exchange, timer));
}

/* Gives everything back. The stream must not point here any more. */
static void exchange_end(struct exchange *x)
{
    struct lane *lane = x->lane;
    x->step = STEP_OVER;
    if (x->call) {
        call_cancel(x->call);
        x->call = NULL;
    }
    deadline_clear(&x->timer);
    *x->prev = x->next;
    if (x->next)
        x->next->prev = x->prev;
    lane->n_running--;
    upload_end(x);
    buf_fini(&x->decoded);
    buf_fini(&x->held);
    if (x->tapping)
        tap_fini(&x->tap);
    if (x->mode == ANSWER_EVENTS)
        sse_splitter_fini(&x->frames);
    translation_free(x->tr);
    lease_drop(x->lease);
    if (lane->n_spare < SPARES_MAX) {
        x->next = lane->spare;
        lane->spare = x;
        lane->n_spare++;
    } else {
        deadline_close(&x->timer, close_spare);
    }
}

void exchange_drop_spares(struct lane *lane)
{
    while (lane->spare) {
        struct exchange *x = lane->spare;
        lane->spare = x->next;
        deadline_close(&x->timer, close_spare);
    }
    lane->n_spare = 0;
}

void exchange_cut_all(struct lane *lane)
{
    while (lane->exchanges)
        exchange_fail(lane->exchanges, ERR_SHUTDOWN, NULL);
}

/* ---- Endings. ---- */

static struct http_stream *detach(struct exchange *x)
{
    struct http_stream *s = x->s;
    x->s = NULL;
    if (s)
        s->app = NULL;
    return s;
}

void exchange_finish(struct exchange *x)
{
    account_exchange(x);
    struct http_stream *s = detach(x);
    exchange_end(x);
    if (s)
        http_reply_end(s);
}

void exchange_cut(struct exchange *x)
{
    account_exchange(x);
    struct http_stream *s = detach(x);
    exchange_end(x);
    if (s)
        http_reply_cut(s);
}

void exchange_add_field(struct exchange *x, str name, str value)
{
    if (x->n_reply_fields < REPLY_FIELDS_MAX)
        x->reply_fields[x->n_reply_fields++] = (struct http_field){name, value};
}

void exchange_reply(struct exchange *x, int status, str content_type, str body)
{
    struct http_stream *s = x->s;
    x->status = status;
    exchange_add_field(x, S("Content-Type"), content_type);
    http_reply_head(s, status, x->reply_fields, x->n_reply_fields, (int64_t)body.n);
    http_reply_body(s, body);
    exchange_finish(x);
}

static void describe(const struct exchange *x, const struct fail *f, const char *param,
                     struct dialect_error *e)
{
    const struct err_info *info = err_info(f->code);
    *e = (struct dialect_error){
        .status = info->status,
        .code = info->code,
        .message = str_c(fail_text(f)),
        .param = param,
        .request_id = str_of(x->id_text, 8),
    };
    /* Anthropic and Gemini clients know an unknown model as 404 (SPEC 9.2, R5.2). */
    if (f->code == ERR_NO_MODEL && x->dialect->id != DIALECT_CHAT &&
        x->dialect->id != DIALECT_RESPONSES)
        e->status = 404;
}

void exchange_refuse(struct exchange *x, const struct fail *f, const char *param)
{
    struct dialect_error e;
    struct buf body;
    describe(x, f, param, &e);
    x->last = *f; /* the log says why */
    x->error = err_info(f->code)->name;
    buf_init(&body, 64 * 1024);
    x->dialect->error_body(&e, &body);
    exchange_reply(x, e.status, S("application/json"), buf_str(&body));
    buf_fini(&body);
}

void exchange_fail(struct exchange *x, enum err e, const struct fail *f)
{
    struct fail own = {.code = e};
    if (f && f->text[0])
        own = *f;
    own.code = e;
    if (x->call) {
        call_cancel(x->call);
        x->call = NULL;
    }
    if (x->committed)
        answer_fail_in_band(x, e, &own);
    else if (x->s)
        exchange_refuse(x, &own, e == ERR_NO_MODEL || e == ERR_MODEL_MISSING ? "model" : NULL);
}

/* ---- Events of the client's side. ---- */

void exchange_start(struct exchange *x, const struct operation *op)
{
    x->op = x->up = op;
    x->dialect = dialect_get(op->dialect);
    x->step = STEP_BODY;
    exchange_run(x);
}

enum turn step_body(struct exchange *x)
{
    if (upload_wanted(x))
        upload_begin(x);
    else
        http_body_whole(x->s);
    return TURN_WAIT;
}

void exchange_on_body(struct exchange *x, str bytes, bool last)
{
    if (x->upload) {
        upload_on_bytes(x, bytes, last);
        return;
    }
    x->body = bytes;
    exchange_goto(x, STEP_READ);
    exchange_run(x);
}

void exchange_on_failed(struct exchange *x, const struct fail *f)
{
    exchange_fail(x, f->code, f);
}

void exchange_on_drained(struct exchange *x)
{
    if (x->paused && x->call) {
        x->paused = false;
        x->up_ms = worker_now_ms(&x->lane->worker);
        call_resume(x->call);
    }
}

void exchange_on_gone(struct exchange *x)
{
    x->status = err_info(ERR_CLIENT_GONE)->status;
    x->error = err_info(ERR_CLIENT_GONE)->name;
    account_exchange(x);
    detach(x);
    exchange_end(x);
}
