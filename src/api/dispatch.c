#include "api/dispatch.h"

#include "api/auth.h"

const char dispatch_headers[] =
    "Access-Control-Allow-Origin: *\r\n"
    "Access-Control-Allow-Methods: GET, POST, PUT, PATCH, DELETE, OPTIONS\r\n"
    "Access-Control-Allow-Headers: *\r\n"
    "Access-Control-Expose-Headers: X-Request-Id, Retry-After, Location, OpenAI-Request-Id, "
    "X-Cliproxy-Provider, X-Cliproxy-Served-Model, X-Cliproxy-Dropped, "
    "X-Cliproxy-Error-Source\r\n";

/* One path: a local handler, or an operation. */
struct endpoint {
    const char *path;
    void (*local)(struct exchange *);
    const struct operation *op;
    bool needs_key;
    enum dialect_id dialect;
};

static const struct endpoint locals[] = {
#define LOCAL(name, path_, method, needs_key_, handler, dialect_) \
    {.path = path_, .local = handler, .needs_key = needs_key_, .dialect = DIALECT_##dialect_},
#include "api/endpoints.def"
#undef LOCAL
};

/* Other paths for the same operation: clients that set a base URL of another shape. */
static const struct {
    const char *path;
    enum operation_id op;
} aliases[] = {
    {"/backend-api/codex/responses", OP_RESPONSES},
    {"/backend-api/codex/responses/compact", OP_RESPONSES_COMPACT},
    {"/chat/completions", OP_CHAT},
    {"/responses", OP_RESPONSES},
};

static struct arena table_arena;
static struct map table;

static void table_add(const char *path, const struct operation *op)
{
    struct endpoint *e = arena_new(&table_arena, struct endpoint);
    *e = (struct endpoint){.path = path, .op = op, .needs_key = true, .dialect = op->dialect};
    *map_at(&table, str_c(path)) = e;
}

void dispatch_init(void)
{
    arena_init(&table_arena);
    map_init(&table, &table_arena);
    for (size_t i = 0; i < sizeof locals / sizeof *locals; i++)
        *map_at(&table, str_c(locals[i].path)) = (void *)(uintptr_t)&locals[i];
    for (int i = 0; i < OP_COUNT; i++) {
        const struct operation *op = operation_get((enum operation_id)i);
        if (op->path[0] == '/')
            table_add(op->path, op);
    }
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        table_add(aliases[i].path, operation_get(aliases[i].op));
}

void dispatch_fini(void)
{
    arena_fini(&table_arena);
}

/* ---- Refusals before an endpoint is known to take the request. ---- */

static enum dialect_id dialect_of_path(str path)
{
    if (str_starts(path, S("/v1/messages")))
        return DIALECT_ANTHROPIC;
    if (str_starts(path, S("/v1beta/")))
        return DIALECT_GEMINI;
    if (str_starts(path, S("/v1/models/")) && str_find_char(path, ':') < path.n)
        return DIALECT_GEMINI;
    return DIALECT_CHAT;
}

static void refuse(struct exchange *x, enum err e, const char *text)
{
    struct fail f = {.code = e};
    if (text)
        fail_set(&f, e, "%s", text);
    exchange_refuse(x, &f, NULL);
}

static void refuse_method(struct exchange *x, const char *allow)
{
    exchange_add_field(x, S("Allow"), str_c(allow));
    refuse(x, ERR_BAD_METHOD, NULL);
}

static void refuse_path(struct exchange *x, str path)
{
    struct fail f = {0};
    fail_set(&f, ERR_NO_PATH, "no such endpoint: %.*s", STR_FMT(str_head(path, 200)));
    exchange_refuse(x, &f, NULL);
}

/* ---- Methods. ---- */

static bool method_is(const struct http_request *rq, llhttp_method_t m)
{
    return rq->method == m;
}

static bool reads(const struct http_request *rq)
{
    return method_is(rq, (llhttp_method_t)HTTP_GET) || method_is(rq, (llhttp_method_t)HTTP_HEAD);
}

/* True when the client may go on; else it has been answered. */
static bool admit(struct exchange *x)
{
    struct key_check check = key_check(x->config, &x->s->request);
    if (check.err) {
        refuse(x, check.err, NULL);
        return false;
    }
    x->key = check.key;
    return true;
}

static void run_operation(struct exchange *x, const struct operation *op)
{
    x->dialect = dialect_get(op->dialect);
    if (!method_is(&x->s->request, (llhttp_method_t)HTTP_POST))
        refuse_method(x, "POST, OPTIONS");
    else if (admit(x))
        exchange_start(x, op);
}

static void run_endpoint(struct exchange *x, const struct endpoint *e)
{
    if (e->op) {
        run_operation(x, e->op);
        return;
    }
    x->dialect = dialect_get(e->dialect);
    if (!reads(&x->s->request))
        refuse_method(x, "GET, HEAD, OPTIONS");
    else if (!e->needs_key || admit(x))
        e->local(x);
}

/* ---- Paths below /v1/models/ and /v1beta/models/: one model, or a Gemini verb. ---- */

static void run_model_path(struct exchange *x, str rest, bool gemini)
{
    size_t colon = str_find_last(rest, ':');
    const struct operation *op = operation_of_verb(str_from(rest, colon + 1));
    if (colon < rest.n && !reads(&x->s->request)) {
        str model = str_head(rest, colon);
        x->dialect = dialect_get(DIALECT_GEMINI);
        if (!op) {
            refuse_path(x, x->s->request.path);
            return;
        }
        char *decoded = arena_alloc(&x->s->arena, model.n + 1);
        x->path_model = str_of(decoded, http_percent_decode(model, false, decoded));
        run_operation(x, op);
        return;
    }
    x->dialect = dialect_get(gemini ? DIALECT_GEMINI : DIALECT_CHAT);
    if (!reads(&x->s->request))
        refuse_method(x, "GET, HEAD, OPTIONS");
    else if (admit(x))
        api_model(x, rest, gemini);
}

static void on_request(struct http_stream *s)
{
    struct lane *lane = s->user;
    struct exchange *x = exchange_new(lane, s);
    str path = s->request.path;
    if (method_is(&s->request, (llhttp_method_t)HTTP_OPTIONS)) {
        x->status = 204;
        http_reply_head(s, 204, x->reply_fields, x->n_reply_fields, 0);
        exchange_finish(x);
        return;
    }
    if (path.n > 1 && path.p[path.n - 1] == '/')
        path.n--;
    const struct endpoint *e = map_get(&table, path);
    if (e)
        run_endpoint(x, e);
    else if (str_starts(path, S("/v1beta/models/")))
        run_model_path(x, str_from(path, 15), true);
    else if (str_starts(path, S("/v1/models/")))
        run_model_path(x, str_from(path, 11), false);
    else {
        x->dialect = dialect_get(dialect_of_path(path));
        refuse_path(x, path);
    }
}

static void on_body(struct http_stream *s, str bytes, bool last)
{
    exchange_on_body(s->app, bytes, last);
}

static void on_failed(struct http_stream *s, const struct fail *f)
{
    struct exchange *x = s->app;
    if (!x) {
        x = exchange_new(s->user, s);
        x->dialect = dialect_get(dialect_of_path(s->request.path));
    }
    exchange_on_failed(x, f);
}

static void on_drained(struct http_stream *s)
{
    exchange_on_drained(s->app);
}

static void on_gone(struct http_stream *s)
{
    exchange_on_gone(s->app);
}

const struct http_handler dispatch_handler = {on_request, on_body, on_failed, on_drained, on_gone};
