/*
 * Delivery: makes an answer, then hands it out as a network would.
 *
 * A call is a small machine on the worker's loop. WAITING ends when the latency is over; then the
 * head goes out; SENDING hands out the body in slices of bounded size, one per loop iteration (an
 * idle handle runs once per iteration; a zero timer would starve the loop on libuv before 1.46),
 * or, when a pace is set, as much as the clock allows at each tick of the timer. Streams are
 * written slice by slice, so a long answer or a paused client costs no memory.
 *
 * The owner may pause, resume or cancel from inside any event. After each event we look whether we
 * still may go on; the memory itself lives until both handles are closed.
 */
#include "base/hash.h"
#include "base/mem.h"
#include "channel/sim_priv.h"

enum {
    SLICE_BYTES = 32 * 1024,
    TICK_MS = 10, /* shortest pause between paced pieces */
    SLOW_LATENCY_MS = 500,
    FAST_ENOUGH = 1000000 /* tokens per second that need no pacing */
};

#define SLOW_TOKENS_PER_SECOND 20.0

enum sim_state { WAITING, SENDING, HUNG, ENDED };

struct sim_call {
    struct call call; /* first: owners know us by it */
    struct worker *worker;
    uv_timer_t timer;
    uv_idle_t idle;
    unsigned handles; /* open ones */
    struct arena arena;
    enum sim_state state;
    bool paused;
    bool cut, reset; /* how it will fail, if so */
    bool fail_event; /* an error event in mid-stream */
    uint64_t latency_ms;

    int status;
    str content_type;
    const struct sim_options *options;
    enum dialect_id dialect;

    bool streamed;
    struct sim_stream stream;
    struct buf body;  /* a whole answer, or the slice being written */
    size_t body_sent; /* of a whole answer */

    double rate; /* bytes of text per second; 0: no pacing */
    uint64_t text_sent;
    uint64_t began_ms, paused_ms; /* loop time; pauses do not count */
};

static void step(struct sim_call *c);

/* ---- Handles ---- */

static void handle_closed(uv_handle_t *h)
{
    struct sim_call *c = h->data;

    if (--c->handles > 0)
        return;
    if (c->stream.plan)
        sim_speak_fini(c->stream.plan);
    buf_fini(&c->body);
    arena_fini(&c->arena);
    mem_free(c);
}

/* No event after this. */
static void finish(struct sim_call *c)
{
    if (c->state == ENDED)
        return;
    c->state = ENDED;
    uv_close((uv_handle_t *)&c->timer, handle_closed);
    uv_close((uv_handle_t *)&c->idle, handle_closed);
}

static void on_timer(uv_timer_t *t)
{
    step(t->data);
}

static void on_idle(uv_idle_t *i)
{
    uv_idle_stop(i);
    step(i->data);
}

/* Runs step() in the next iteration of the loop. */
static void soon(struct sim_call *c)
{
    uv_idle_start(&c->idle, on_idle);
}

static void later(struct sim_call *c, uint64_t ms)
{
    if (ms == 0)
        soon(c);
    else
        uv_timer_start(&c->timer, on_timer, ms, 0);
}

/* ---- Head ---- */

struct field_list {
    struct http_field fields[16];
    size_t n;
};

static void add_field(struct field_list *l, str name, str value)
{
    must(l->n < sizeof(l->fields) / sizeof(l->fields[0]));
    l->fields[l->n++] = (struct http_field){name, value};
}

static str request_id(struct sim_call *c, const char *prefix)
{
    uint64_t bits[2];

    random_bytes(bits, sizeof(bits));
    return arena_printf(&c->arena, "%s%016llx%016llx", prefix, (unsigned long long)bits[0],
                        (unsigned long long)bits[1]);
}

static void openai_fields(struct sim_call *c, struct field_list *l)
{
    add_field(l, S("x-request-id"), request_id(c, "req_"));
    add_field(l, S("openai-version"), S("2020-10-01"));
    add_field(l, S("openai-processing-ms"),
              arena_printf(&c->arena, "%llu", (unsigned long long)c->latency_ms));
    add_field(l, S("x-ratelimit-limit-requests"), S("10000"));
    add_field(l, S("x-ratelimit-limit-tokens"), S("2000000"));
    add_field(l, S("x-ratelimit-remaining-requests"), c->status == 429 ? S("0") : S("9999"));
    add_field(l, S("x-ratelimit-remaining-tokens"), S("1999900"));
    add_field(l, S("x-ratelimit-reset-requests"), c->status == 429 ? S("1s") : S("6ms"));
    add_field(l, S("x-ratelimit-reset-tokens"), S("3ms"));
}

static void anthropic_fields(struct sim_call *c, struct field_list *l)
{
    add_field(l, S("request-id"), request_id(c, "req_"));
    add_field(l, S("anthropic-ratelimit-requests-limit"), S("4000"));
    add_field(l, S("anthropic-ratelimit-requests-remaining"),
              c->status == 429 ? S("0") : S("3999"));
    add_field(l, S("anthropic-ratelimit-tokens-limit"), S("400000"));
    add_field(l, S("anthropic-ratelimit-tokens-remaining"), S("399000"));
}

/* Says the head; false when the owner cancelled meanwhile. */
static bool say_head(struct sim_call *c)
{
    struct field_list l = {.n = 0};
    struct http_head head = {.status = c->status, .content_length = -1};

    add_field(&l, S("content-type"), c->content_type);
    if (c->streamed)
        add_field(&l, S("cache-control"), S("no-cache"));
    else
        head.content_length = (int64_t)c->body.n;
    if (c->dialect == DIALECT_ANTHROPIC)
        anthropic_fields(c, &l);
    else if (c->dialect != DIALECT_GEMINI)
        openai_fields(c, &l);
    if (c->status == 429 || c->status == 503 || c->status == 529)
        add_field(&l, S("retry-after"), S("1"));
    head.fields = l.fields;
    head.n_fields = l.n;
    c->call.events->head(c->call.owner, &head);
    return c->state != ENDED;
}

/* ---- Body ---- */

static void end(struct sim_call *c, enum err e, const char *why)
{
    struct fail f = {.code = e};
    const struct call_events *ev = c->call.events;
    void *owner = c->call.owner;

    if (e != OK)
        (void)fail_set(&f, e, "%s", why);
    finish(c);
    ev->end(owner, e, &f);
}

/* Bytes of text the clock allows to have gone out by now. */
static double allowed(const struct sim_call *c)
{
    uint64_t now = worker_now_ms(c->worker);

    return c->rate * (double)(now - c->began_ms) / 1000.0;
}

/* Told to fail half way, and half the text is out. */
static bool at_break(const struct sim_call *c)
{
    return (c->cut || c->fail_event) && c->stream.at != SIM_AT_END && c->text_sent > 0 &&
           c->text_sent * 2 >= c->stream.plan->text_bytes;
}

/* Writes a slice of the stream into c->body. */
static void fill(struct sim_call *c)
{
    double most = c->rate > 0 ? allowed(c) : 0;

    buf_clear(&c->body);
    while (c->stream.at != SIM_AT_END && c->body.n < SLICE_BYTES && !at_break(c)) {
        if (c->rate > 0 && sim_stream_at_text(&c->stream) && (double)c->text_sent > most)
            return;
        c->text_sent += sim_stream_step(&c->stream, &c->body);
    }
    if (at_break(c) && c->fail_event) {
        sim_speak_failure(c->stream.plan, &c->body);
        c->stream.at = SIM_AT_END;
    }
}

/* When the next piece is due. */
static void wait_for_pace(struct sim_call *c)
{
    double ms = ((double)c->text_sent - allowed(c)) / c->rate * 1000.0 + 1;

    later(c, ms < TICK_MS ? TICK_MS : ms > 60000 ? 60000 : (uint64_t)ms);
}

static void send_stream(struct sim_call *c)
{
    fill(c);
    if (c->body.n)
        c->call.events->body(c->call.owner, buf_str(&c->body));
    if (c->state == ENDED || c->paused)
        return;
    if (at_break(c))
        end(c, ERR_UP_CUT, "the simulator was told to cut the answer");
    else if (c->stream.at == SIM_AT_END)
        end(c, OK, "");
    else if (c->rate > 0 && sim_stream_at_text(&c->stream))
        wait_for_pace(c);
    else
        soon(c);
}

static void send_whole(struct sim_call *c)
{
    str rest = str_from(buf_str(&c->body), c->body_sent);
    size_t most = c->cut ? c->body.n / 2 - c->body_sent : rest.n;
    str slice = str_head(str_head(rest, most), SLICE_BYTES);

    c->body_sent += slice.n;
    if (slice.n)
        c->call.events->body(c->call.owner, slice);
    if (c->state == ENDED || c->paused)
        return;
    if (c->cut && c->body_sent >= c->body.n / 2)
        end(c, ERR_UP_CUT, "the simulator was told to cut the answer");
    else if (c->body_sent == c->body.n)
        end(c, OK, "");
    else
        soon(c);
}

static void begin(struct sim_call *c)
{
    if (c->reset) {
        end(c, ERR_UP_RESET, "the simulator was told to reset the connection");
        return;
    }
    c->state = SENDING;
    c->began_ms = worker_now_ms(c->worker);
    c->paused_ms = c->began_ms;
    if (say_head(c) && !c->paused)
        step(c);
}

static void step(struct sim_call *c)
{
    switch (c->state) {
    case WAITING: begin(c); return;
    case SENDING:
        if (c->paused)
            return;
        if (c->streamed)
            send_stream(c);
        else
            send_whole(c);
        return;
    case HUNG:
    case ENDED: return;
    }
}

/* ---- What owners do ---- */

static void sim_pause(struct call *call)
{
    struct sim_call *c = (struct sim_call *)call;

    if (c->paused || c->state == ENDED)
        return;
    c->paused = true;
    c->paused_ms = worker_now_ms(c->worker);
    if (c->state == SENDING) { /* while WAITING the latency runs on: the head is no body */
        uv_timer_stop(&c->timer);
        uv_idle_stop(&c->idle);
    }
}

static void sim_resume(struct call *call)
{
    struct sim_call *c = (struct sim_call *)call;

    if (!c->paused || c->state == ENDED)
        return;
    c->paused = false;
    if (c->state == SENDING) {
        c->began_ms += worker_now_ms(c->worker) - c->paused_ms;
        soon(c);
    }
}

static void sim_cancel(struct call *call)
{
    finish((struct sim_call *)call);
}

/* Nothing is uploaded to us: the request was whole. */
static bool sim_send(struct call *call, str bytes, bool last)
{
    (void)call;
    (void)bytes;
    (void)last;
    return true;
}

static const struct call_ops sim_ops = {sim_pause, sim_resume, sim_cancel, sim_send};

/* ---- Making the answer ---- */

static str json_type(enum dialect_id d)
{
    return d == DIALECT_GEMINI ? S("application/json; charset=UTF-8") : S("application/json");
}

static void answer_error(struct sim_call *c, int status, const char *code, const char *param,
                         str message)
{
    struct dialect_error e = {.status = status, .code = code, .message = message, .param = param};

    e.request_id = request_id(c, "req_");
    c->status = status;
    c->streamed = false;
    c->content_type = json_type(c->dialect);
    buf_clear(&c->body);
    dialect_get(c->dialect)->error_body(&e, &c->body);
}

/* An Anthropic error with error.details, which errors of our own never have. */
static void answer_details(struct sim_call *c, const struct sim_no *no)
{
    struct json_writer w;

    c->status = no->status;
    buf_clear(&c->body);
    w = json_writer(&c->body);
    jw_object(&w);
    jw_kstr(&w, "type", S("error"));
    jw_key(&w, S("error"));
    jw_object(&w);
    jw_kstr(&w, "type", S("invalid_request_error"));
    jw_kstr(&w, "message", no->message);
    jw_kraw(&w, "details", no->details);
    jw_object_end(&w);
    jw_kstr(&w, "request_id", request_id(c, "req_"));
    jw_object_end(&w);
}

static void answer_failure(struct sim_call *c, int status)
{
    switch (status) {
    case 429:
        answer_error(c, status, "rate_limit_exceeded", NULL,
                     S("Rate limit reached for the simulator. Please try again in 1s."));
        return;
    case 401:
        answer_error(c, status, "invalid_api_key", NULL,
                     S("The simulator was told to refuse the key."));
        return;
    case 529:
    case 503: answer_error(c, status, "overloaded", NULL, S("Overloaded")); return;
    default:
        answer_error(c, status, status >= 500 ? "server_error" : "invalid_request", NULL,
                     S("The simulator was told to fail."));
    }
}

/* A share of the requests fails as configured. The seed decides, so a test can foresee it. */
static bool drawn_to_fail(const struct sim_request *rq)
{
    uint64_t bits = rq->seed;

    if (rq->options->failure_rate <= 0)
        return false;
    if (!bits)
        random_bytes(&bits, sizeof(bits));
    bits = hash_siphash(3, 4, str_of((const char *)&bits, sizeof(bits)));
    return (double)(bits >> 11) / 9007199254740992.0 < rq->options->failure_rate;
}

static void apply_failure(struct sim_call *c, const struct sim_request *rq, bool *status)
{
    switch (rq->options->failure_mode) {
    case SIM_FAIL_STATUS: *status = true; return;
    case SIM_FAIL_RESET: c->reset = true; return;
    case SIM_FAIL_CUT: c->cut = true; return;
    case SIM_FAIL_HANG: c->state = HUNG; return;
    }
}

/* Latency and pace: what the request says, then what the model's name says, then the options. */
static void set_pace(struct sim_call *c, const struct sim_request *rq, const struct sim_ask *a)
{
    double tokens_per_second = rq->options->tokens_per_second;

    c->latency_ms = rq->options->latency_ms;
    if (str_eq(rq->model, S("sim-fast"))) {
        c->latency_ms = 0;
        tokens_per_second = 0;
    } else if (str_eq(rq->model, S("sim-slow"))) {
        if (!c->latency_ms)
            c->latency_ms = SLOW_LATENCY_MS;
        if (tokens_per_second <= 0)
            tokens_per_second = SLOW_TOKENS_PER_SECOND;
    }
    if (a->say.latency_ms >= 0)
        c->latency_ms = (uint64_t)a->say.latency_ms;
    if (tokens_per_second > 0 && tokens_per_second < FAST_ENOUGH)
        c->rate = tokens_per_second * 4; /* a token is about four bytes */
}

static void answer_plan(struct sim_call *c, const struct sim_request *rq, struct sim_ask *a)
{
    struct sim_plan *p = sim_plan_make(a);

    c->stream.plan = p;
    if (rq->stream) {
        c->streamed = true;
        c->content_type = p->ask.json_array ? json_type(rq->dialect) : S("text/event-stream");
        return;
    }
    sim_speak_whole(p, &c->body);
    /* Nothing goes out before the last token is made. */
    if (c->rate > 0)
        c->latency_ms += (uint64_t)((double)p->output_tokens * 4000.0 / c->rate);
}

static void answer_small(struct sim_call *c, const struct sim_request *rq, struct sim_ask *a)
{
    sim_small_write(a, &c->body);
    if (rq->operation == SIM_IMAGE && rq->stream)
        c->content_type = S("text/event-stream");
}

static void answer(struct sim_call *c, const struct sim_request *rq)
{
    struct sim_ask a;
    bool status = false, good = sim_read(rq, &c->arena, &a);

    c->status = 200;
    c->content_type = json_type(rq->dialect);
    set_pace(c, rq, &a);
    c->cut = a.say.cut;
    c->reset = a.say.reset;
    c->fail_event = a.say.stream_error && rq->stream;
    if (a.say.hang)
        c->state = HUNG;
    if (drawn_to_fail(rq))
        apply_failure(c, rq, &status);
    if (!good && a.no.details.n)
        answer_details(c, &a.no);
    else if (!good)
        answer_error(c, a.no.status, a.no.code, a.no.param, a.no.message);
    else if (a.say.error)
        answer_failure(c, a.say.error);
    else if (status)
        answer_failure(c, rq->options->failure_status);
    else if (rq->operation == SIM_GENERATE || rq->operation == SIM_COMPLETIONS)
        answer_plan(c, rq, &a);
    else
        answer_small(c, rq, &a);
    yyjson_doc_free(a.doc);
}

struct call *sim_start(struct worker *w, const struct sim_request *rq, const struct call_events *ev,
                       void *owner)
{
    struct sim_call *c = mem_zero(sizeof(*c));

    /* The body was read before we return, so nobody needs to keep it. */
    c->call = (struct call){.ops = &sim_ops, .events = ev, .owner = owner, .sent = true};
    c->worker = w;
    c->dialect = rq->dialect;
    c->options = rq->options;
    c->state = WAITING;
    arena_init(&c->arena);
    buf_init(&c->body, SIM_BODY_MAX);
    uv_timer_init(&w->loop, &c->timer);
    uv_idle_init(&w->loop, &c->idle);
    c->timer.data = c->idle.data = c;
    c->handles = 2;
    answer(c, rq);
    if (c->state == WAITING)
        later(c, c->latency_ms);
    return &c->call;
}
