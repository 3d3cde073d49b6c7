#include "base/mem.h"
#include "dialect/tables.h"
#include "json/mention.h"
#include "json/scan.h"
#include "json/write.h"

/* What was seen in the event at hand; the low bits are EVENT_*. */
enum {
    SEEN_TYPE = 0x100,
    SEEN_CHOICE = 0x200,
    SEEN_USAGE = 0x400,
    SEEN_FINISH = 0x800,
    SEEN_ERROR = 0x1000
};

/* Data lines of one event are bounded by the splitter; this is only against arithmetic. */
enum { LINES_MAX = 1 << 30 };

#define NOWHERE SIZE_MAX

/* ---- values ---- */

/* The text behind a literal's inside, cut between characters to what fits. */
static void text_copy(char *to, size_t cap, str raw)
{
    char lit[WATCH_VALUE_MAX + 2], text[WATCH_VALUE_MAX + 2];
    raw = str_head(raw, WATCH_VALUE_MAX);
    lit[0] = lit[raw.n + 1] = '"';
    if (raw.n)
        memcpy(lit + 1, raw.p, raw.n);
    size_t n = json_unescape(str_of(lit, raw.n + 2), text);
    if (n > cap - 1)
        n = cap - 1;
    while (n && !str_utf8(str_of(text, n)) && (text[n - 1] & 0x80))
        n--; /* at most a cut character, or what was no text anyway */
    for (size_t i = 0; i < n; i++)
        to[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? ' ' : text[i];
    to[n] = 0;
}

/* A count; fractions and exponents do not occur and are not taken. */
static void count_set(struct tap *t, int id, enum json_kind kind, str text)
{
    uint64_t v;
    if (kind != JSON_NUMBER || !str_u64(text, &v) || v > INT64_MAX / 4)
        return;
    if (v || t->counts[id] < 0)
        t->counts[id] = (int64_t)v;
}

static void type_set(struct tap *t, str type)
{
    t->seen |= SEEN_TYPE;
    for (const struct dialect_event *e = t->dialect->events; e && e->type; e++) {
        if (!str_eq(type, str_c(e->type)))
            continue;
        t->seen |= e->means;
        /* A Responses event says in its type what the status says too, should that be missing. */
        str head = S("response.");
        if (e->means & EVENT_TERMINAL && str_starts(type, head) && !t->finish[0])
            text_copy(t->finish, sizeof t->finish, str_from(type, head.n));
    }
}

static void status_set(struct tap *t, str status)
{
    static const char *const final[] = {"completed", "incomplete", "failed", "cancelled"};
    for (size_t i = 0; i < sizeof final / sizeof final[0] && !t->finish[0]; i++) {
        if (str_eq(status, str_c(final[i])))
            text_copy(t->finish, sizeof t->finish, status);
    }
}

static void error_set(struct tap *t, enum json_kind kind, str text)
{
    if (kind != JSON_OBJECT && (kind != JSON_STRING || !text.n))
        return;
    t->seen |= SEEN_ERROR;
    if (kind == JSON_STRING)
        text_copy(t->error_text, sizeof t->error_text, text);
}

static void on_value(void *arg, int id, enum json_kind kind, str text, size_t at, size_t n)
{
    struct tap *t = arg;
    if (id < TAP_COUNTS) {
        count_set(t, id, kind, text);
        return;
    }
    bool word = kind == JSON_STRING && text.n;
    switch ((enum tap_value)id) {
    case TAP_MODEL:
        if (kind == JSON_STRING && t->n_models < sizeof t->models / sizeof t->models[0]) {
            t->models[t->n_models].at = at;
            t->models[t->n_models++].n = n;
        }
        break;
    case TAP_TYPE:
        if (word)
            type_set(t, text);
        break;
    case TAP_SEQUENCE: {
        uint64_t v;
        if (kind == JSON_NUMBER && str_u64(text, &v) && v < INT64_MAX)
            t->sequence = (int64_t)v;
        break;
    }
    case TAP_CHOICE: t->seen |= SEEN_CHOICE; break;
    case TAP_USAGE: t->seen |= kind == JSON_OBJECT ? SEEN_USAGE : 0; break;
    case TAP_FINISH:
        /* Gemini's has been seen as a bare number too. */
        if (!word && kind != JSON_NUMBER)
            break;
        t->seen |= SEEN_FINISH;
        text_copy(t->finish, sizeof t->finish, text);
        break;
    case TAP_STATUS:
        if (word)
            status_set(t, text);
        break;
    case TAP_ERROR: error_set(t, kind, text); break;
    case TAP_MESSAGE:
        if (word)
            text_copy(t->error_text, sizeof t->error_text, text);
        break;
    default: break;
    }
}

/* ---- events ---- */

void tap_init(struct tap *t, const struct dialect *d)
{
    *t = (struct tap){
        .usage = USAGE_NONE, .dialect = d, .doc_at = NOWHERE, .sequence = -1, .renaming = true};
    for (size_t i = 0; i < TAP_COUNTS; i++)
        t->counts[i] = -1;
    buf_init(&t->lines, LINES_MAX);
    t->watch = mem_new(watch_size());
    watch_init(t->watch, dialect_watch_set(d), on_value, t);
}

void tap_fini(struct tap *t)
{
    buf_fini(&t->lines);
    mem_free(t->watch);
    t->watch = NULL;
}

static int64_t sum(int64_t a, int64_t b)
{
    return b < 0 ? a : a + b;
}

static void usage_update(struct tap *t)
{
    const int64_t *c = t->counts;
    int64_t input = c[TAP_INPUT], output = c[TAP_OUTPUT];
    if (t->dialect->input_lacks_cached && input >= 0)
        input = sum(sum(input, c[TAP_CACHED]), c[TAP_CACHE_WRITE]);
    if (t->dialect->output_lacks_reasoning && (output >= 0 || c[TAP_REASONING] >= 0))
        output = sum(output < 0 ? 0 : output, c[TAP_REASONING]);
    t->usage = (struct usage){input, output, c[TAP_CACHED], c[TAP_CACHE_WRITE], c[TAP_REASONING]};
}

/* The document is over: draws the conclusions. */
static void doc_end(struct tap *t)
{
    watch_end(t->watch);
    usage_update(t);
    if (t->seen & (SEEN_ERROR | EVENT_ERROR))
        t->error = true;
    if (t->seen & (EVENT_TERMINAL | EVENT_ERROR | SEEN_ERROR))
        t->terminal = true;
    if (t->dialect->finish_ends && t->seen & SEEN_FINISH)
        t->terminal = true;
    if (!t->error)
        t->error_text[0] = 0;
    t->usage_only = t->seen & SEEN_USAGE && !(t->seen & SEEN_CHOICE);
}

static void doc_begin(struct tap *t)
{
    t->seen = 0;
    t->n_models = 0;
    t->doc_at = NOWHERE;
    t->usage_only = false;
    watch_reset(t->watch);
}

/* A frame without fields: perhaps an error that the provider did not frame. */
static void bare_frame(struct tap *t, str frame)
{
    str doc = str_trim(frame);
    if (!doc.n || doc.p[0] != '{')
        return;
    t->doc_at = (size_t)(doc.p - frame.p);
    watch_feed(t->watch, doc);
    doc_end(t);
    t->bare_error = t->error;
}

static bool is_done(const struct tap *t, str data)
{
    return t->dialect->done && str_eq(str_trim(data), str_c(t->dialect->done));
}

/* A quick look tells of most events that there is nothing in them to be seen. */
static bool plain_content(const struct tap *t, const struct sse_event *ev)
{
    const struct dialect *d = t->dialect;
    if (!d->words || t->renaming)
        return false;
    for (const struct dialect_event *e = d->events; e && e->type; e++) {
        if (str_eq(ev->type, str_c(e->type)))
            return false; /* the data may say that it is of another */
    }
    return !json_mentions(ev->data, d->words);
}

void tap_frame(struct tap *t, str frame)
{
    struct sse_event ev;
    doc_begin(t);
    sse_parse(frame, &t->lines, &ev);
    if (!ev.has_data) {
        bare_frame(t, frame);
        return;
    }
    if (is_done(t, ev.data)) {
        t->terminal = true;
        return;
    }
    if (!t->lines.n)
        t->doc_at = (size_t)(ev.data.p - frame.p);
    if (!plain_content(t, &ev))
        watch_feed(t->watch, ev.data);
    if (!(t->seen & SEEN_TYPE) && ev.type.n)
        type_set(t, ev.type);
    doc_end(t);
    if (ev.data.n && !(t->seen & (EVENT_IDLE | EVENT_ERROR | SEEN_ERROR)))
        t->content = true;
}

bool tap_rest_whole(const struct tap *t, str rest)
{
    enum { DEPTH = 1024 };
    struct sse_event ev;
    struct buf lines;
    buf_init(&lines, LINES_MAX);
    sse_parse(rest, &lines, &ev);
    str doc = ev.has_data ? ev.data : str_trim(rest);
    bool whole = is_done(t, doc) || json_validate(doc, DEPTH, NULL, NULL) == OK;
    buf_fini(&lines);
    return whole;
}

void tap_body(struct tap *t, str piece)
{
    watch_feed(t->watch, piece);
}

void tap_body_end(struct tap *t)
{
    doc_end(t);
    t->terminal = true;
    t->content = !t->error;
    t->usage_only = false;
    t->n_models = 0; /* the document is gone */
}

/* ---- renaming ---- */

/* doc with its model names replaced. */
static void put_renamed(const struct tap *t, str doc, str literal, struct buf *out)
{
    size_t done = 0;
    for (size_t i = 0; i < t->n_models; i++) {
        buf_put(out, str_of(doc.p + done, t->models[i].at - done));
        buf_put(out, literal);
        done = t->models[i].at + t->models[i].n;
    }
    buf_put(out, str_from(doc, done));
}

/* JSON over several data lines: a line end in it can only be white space between tokens. */
static void put_joined(const struct tap *t, str frame, str literal, struct buf *out)
{
    struct sse_event ev;
    struct buf lines;
    buf_init(&lines, LINES_MAX);
    sse_parse(frame, &lines, &ev);
    for (size_t i = 0; i < lines.n; i++) {
        if (lines.p[i] == '\n')
            lines.p[i] = ' ';
    }
    if (ev.type.n) {
        buf_lit(out, "event: ");
        buf_put(out, ev.type);
        buf_lit(out, "\n");
    }
    buf_lit(out, "data: ");
    put_renamed(t, buf_str(&lines), literal, out);
    buf_lit(out, "\n\n");
    buf_fini(&lines);
}

void tap_rename(const struct tap *t, str frame, str alias, struct buf *out)
{
    struct buf literal;
    if (!t->n_models) {
        buf_put(out, frame);
        return;
    }
    buf_init(&literal, alias.n * 6 + 2);
    json_put_string(&literal, alias);
    if (t->doc_at == NOWHERE) {
        put_joined(t, frame, buf_str(&literal), out);
    } else {
        buf_put(out, str_head(frame, t->doc_at));
        put_renamed(t, str_from(frame, t->doc_at), buf_str(&literal), out);
    }
    buf_fini(&literal);
}
