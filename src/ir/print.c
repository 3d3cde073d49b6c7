#include "ir/print.h"

#include <stdlib.h>

#include "base/mem.h"
#include "json/read.h"

/* ---- small pieces: each puts a space before itself ---- */

static void put_word(struct buf *out, const char *word)
{
    buf_put_char(out, ' ');
    buf_put(out, str_c(word));
}

static void put_literal(struct buf *out, str s)
{
    buf_put_char(out, ' ');
    json_put_string(out, s);
}

static void put_name(struct buf *out, const char *name)
{
    put_word(out, name);
    buf_put_char(out, '=');
}

/* name="text"; nothing for an empty one. */
static void put_text(struct buf *out, const char *name, str s)
{
    if (!s.n)
        return;
    put_name(out, name);
    json_put_string(out, s);
}

static void put_flag(struct buf *out, const char *name, bool set)
{
    if (set)
        put_word(out, name);
}

static void put_tri(struct buf *out, const char *name, enum ir_tri t)
{
    if (t == IR_UNSAID)
        return;
    put_name(out, name);
    buf_put(out, t == IR_YES ? S("yes") : S("no"));
}

static void put_int(struct buf *out, const char *name, int64_t v, int64_t unsaid)
{
    if (v == unsaid)
        return;
    put_name(out, name);
    buf_put_i64(out, v);
}

static void put_strings(struct buf *out, const char *name, const str *s, size_t n)
{
    if (!s)
        return;
    put_name(out, name);
    buf_put_char(out, '[');
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_put_char(out, ',');
        json_put_string(out, s[i]);
    }
    buf_put_char(out, ']');
}

/* Long data as its length and a hash (FNV-1a, 64 bits: stable from run to run). */
static void put_data(struct buf *out, const char *name, str s)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    if (s.n <= 64) {
        put_text(out, name, s);
        return;
    }
    for (size_t i = 0; i < s.n; i++)
        hash = (hash ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
    put_name(out, name);
    buf_put_u64(out, s.n);
    buf_lit(out, " bytes, hash ");
    buf_put_hex(out, hash);
}

/* ---- trees: keys in order of their bytes ---- */

static int by_key(const void *a, const void *b)
{
    return str_cmp(jv_str(*(yyjson_val *const *)a), jv_str(*(yyjson_val *const *)b));
}

static void write_sorted(struct json_writer *w, yyjson_val *v);

static void write_object(struct json_writer *w, yyjson_val *obj)
{
    size_t n = 0;
    yyjson_val **keys = mem_new((yyjson_obj_size(obj) + 1) * sizeof *keys);
    yyjson_obj_iter it = yyjson_obj_iter_with(obj);
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));)
        keys[n++] = k;
    qsort(keys, n, sizeof *keys, by_key);
    jw_object(w);
    for (size_t i = 0; i < n; i++) {
        jw_key(w, jv_str(keys[i]));
        write_sorted(w, yyjson_obj_iter_get_val(keys[i]));
    }
    jw_object_end(w);
    mem_free(keys);
}

static void write_sorted(struct json_writer *w, yyjson_val *v)
{
    if (yyjson_is_obj(v)) {
        write_object(w, v);
    } else if (yyjson_is_arr(v)) {
        yyjson_arr_iter it = yyjson_arr_iter_with(v);
        jw_array(w);
        for (yyjson_val *e; (e = yyjson_arr_iter_next(&it));)
            write_sorted(w, e);
        jw_array_end(w);
    } else {
        jw_value(w, v);
    }
}

void ir_print_json(yyjson_val *v, struct buf *out)
{
    struct json_writer w = json_writer(out);
    write_sorted(&w, v);
}

static void put_tree(struct buf *out, const char *name, yyjson_val *v)
{
    if (!v)
        return;
    put_name(out, name);
    ir_print_json(v, out);
}

/* ---- parts ---- */

static const char *const part_names[IR_PART_KINDS] = {
    [IR_PART_TEXT] = "text",           [IR_PART_REFUSAL] = "refusal",
    [IR_PART_REASONING] = "reasoning", [IR_PART_IMAGE] = "image",
    [IR_PART_AUDIO] = "audio",         [IR_PART_VIDEO] = "video",
    [IR_PART_DOCUMENT] = "document",   [IR_PART_CALL] = "call",
    [IR_PART_RESULT] = "result",       [IR_PART_SEARCH] = "search",
    [IR_PART_CODE] = "code",           [IR_PART_RAW] = "raw",
};

static const char *const issuer_names[DIALECT_COUNT] = {
    [DIALECT_CHAT] = "chat",
    [DIALECT_RESPONSES] = "responses",
    [DIALECT_ANTHROPIC] = "anthropic",
    [DIALECT_GEMINI] = "gemini",
};

static void put_seal(struct buf *out, const struct ir_seal *seal)
{
    if (!seal->value.n && !seal->id.n)
        return;
    put_word(out, "seal=");
    buf_put(out, str_c(issuer_names[seal->issuer % DIALECT_COUNT]));
    put_data(out, "value", seal->value);
    put_text(out, "seal-id", seal->id);
}

static void put_media(struct buf *out, const struct ir_media *m)
{
    if (!m)
        return;
    put_text(out, "mime", m->mime);
    put_data(out, "data", m->data);
    put_text(out, "url", m->url);
    put_text(out, "file", m->file_id);
    put_text(out, "plain", m->text);
    put_text(out, "title", m->name);
    put_text(out, "context", m->context);
    put_text(out, "detail", m->detail);
}

static void put_citation(struct buf *out, const struct ir_citation *c)
{
    put_text(out, "url", c->url);
    put_text(out, "title", c->title);
    put_text(out, "file", c->file_id);
    put_text(out, "quote", c->quote);
    put_int(out, "from", c->start, -1);
    put_int(out, "to", c->end, -1);
}

/* The part's line without its end. with_text: text and arguments too. */
static void put_part(struct buf *out, const struct ir_part *p, bool with_text)
{
    static const char *const calls[] = {"", "custom", "own"};
    buf_put(out, str_c(part_names[p->kind]));
    if (p->kind == IR_PART_CALL && p->call != IR_CALL_FUNCTION)
        put_word(out, calls[p->call]);
    put_flag(out, "redacted", p->redacted);
    put_flag(out, "error", p->is_error);
    put_flag(out, "bare", p->bare);
    put_flag(out, "no-text", p->no_text);
    put_text(out, "id", p->id);
    put_text(out, "item", p->item);
    put_text(out, "space", p->space);
    put_text(out, "name", p->name);
    put_media(out, p->media);
    put_seal(out, &p->seal);
    put_tree(out, "cache", p->cache);
    put_tree(out, "logprobs", p->logprobs);
    if (p->kind == IR_PART_RAW || (p->kind == IR_PART_CALL && p->call == IR_CALL_OWN))
        put_tree(out, "src", p->src);
    if (!with_text)
        return;
    if (p->args)
        put_tree(out, "args", p->args);
    else if (p->text.n || p->kind == IR_PART_TEXT)
        put_literal(out, p->text);
}

static void line_end(struct buf *out)
{
    buf_put_char(out, '\n');
}

static void indent(struct buf *out, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++)
        buf_lit(out, "  ");
}

static void print_parts(struct buf *out, const struct ir_part *p, unsigned depth)
{
    for (; p; p = p->next) {
        indent(out, depth);
        put_part(out, p, true);
        line_end(out);
        for (const struct ir_citation *c = p->citations; c; c = c->next) {
            indent(out, depth + 1);
            buf_lit(out, "cites");
            put_citation(out, c);
            line_end(out);
        }
        print_parts(out, p->content, depth + 1);
    }
}

/* ---- requests ---- */

static void line_text(struct buf *out, const char *name, str s, bool literal)
{
    if (!s.p)
        return;
    buf_put(out, str_c(name));
    if (literal)
        put_literal(out, s);
    else
        buf_put_char(out, ' '), buf_put(out, s);
    line_end(out);
}

static void line_tri(struct buf *out, const char *name, enum ir_tri t)
{
    if (t == IR_UNSAID)
        return;
    buf_put(out, str_c(name));
    put_word(out, t == IR_YES ? "yes" : "no");
    line_end(out);
}

static void line_flag(struct buf *out, const char *name, bool set)
{
    if (!set)
        return;
    buf_put(out, str_c(name));
    line_end(out);
}

static void line_tree(struct buf *out, const char *name, yyjson_val *v)
{
    if (!v)
        return;
    buf_put(out, str_c(name));
    buf_put_char(out, ' ');
    ir_print_json(v, out);
    line_end(out);
}

static void print_sampling(const struct ir_request *rq, struct buf *out)
{
    line_text(out, "max_tokens", rq->max_tokens, false);
    line_text(out, "temperature", rq->temperature, false);
    line_text(out, "top_p", rq->top_p, false);
    line_text(out, "top_k", rq->top_k, false);
    line_text(out, "seed", rq->seed, false);
    line_text(out, "frequency_penalty", rq->frequency_penalty, false);
    line_text(out, "presence_penalty", rq->presence_penalty, false);
    line_text(out, "n", rq->n, false);
    if (rq->n_stops) {
        buf_put(out, rq->stop_bare ? S("stop bare") : S("stop"));
        for (size_t i = 0; i < rq->n_stops; i++)
            put_literal(out, rq->stops[i]);
        line_end(out);
    }
    line_tree(out, "logit_bias", rq->logit_bias);
    line_tri(out, "logprobs", rq->logprobs);
    line_text(out, "top_logprobs", rq->top_logprobs, false);
}

static void print_reasoning(const struct ir_reasoning *r, struct buf *out)
{
    static const char *const kinds[] = {"unsaid", "off", "auto", "level", "budget"};
    if (r->kind == IR_THINK_UNSAID && r->shown == IR_UNSAID && !r->summary.n)
        return;
    buf_lit(out, "reasoning");
    put_word(out, kinds[r->kind]);
    if (r->kind == IR_THINK_LEVEL)
        put_literal(out, r->level);
    if (r->kind == IR_THINK_BUDGET)
        buf_put_char(out, ' '), buf_put_i64(out, r->budget);
    put_tri(out, "shown", r->shown);
    put_text(out, "summary", r->summary);
    line_end(out);
}

static void print_format(const struct ir_format *f, struct buf *out)
{
    static const char *const kinds[] = {"unsaid", "text", "object", "schema", "own"};
    if (f->kind == IR_FORMAT_UNSAID)
        return;
    buf_lit(out, "format");
    put_word(out, kinds[f->kind]);
    put_text(out, "name", f->name);
    put_text(out, "description", f->description);
    put_tri(out, "strict", f->strict);
    put_tree(out, "schema", f->schema);
    if (f->kind == IR_FORMAT_OWN)
        put_tree(out, "src", f->src);
    line_end(out);
}

static void print_output(const struct ir_request *rq, struct buf *out)
{
    print_reasoning(&rq->reasoning, out);
    print_format(&rq->format, out);
    line_text(out, "verbosity", rq->verbosity, true);
    line_flag(out, "wants audio", rq->wants_audio);
    line_tree(out, "audio", rq->audio_options);
    line_flag(out, "wants image", rq->wants_image);
    line_tree(out, "image", rq->image_options);
}

static void print_service(const struct ir_request *rq, struct buf *out)
{
    line_text(out, "service_tier", rq->service_tier, true);
    line_text(out, "user", rq->user, true);
    line_tree(out, "metadata", rq->metadata);
    line_text(out, "cache_key", rq->cache_key, true);
    line_text(out, "cache_retention", rq->cache_retention, true);
    line_tri(out, "store", rq->store);
    line_tri(out, "include_usage", rq->include_usage);
    line_tri(out, "echo", rq->echo);
}

static const char *const tool_names[] = {
    [IR_TOOL_FUNCTION] = "function",     [IR_TOOL_CUSTOM] = "custom",
    [IR_TOOL_WEB_SEARCH] = "web_search", [IR_TOOL_WEB_FETCH] = "web_fetch",
    [IR_TOOL_CODE_EXECUTION] = "code",   [IR_TOOL_OWN] = "own",
};

static void print_tool(const struct ir_tool *t, struct buf *out)
{
    buf_lit(out, "tool");
    put_word(out, tool_names[t->kind]);
    put_text(out, "space", t->space);
    put_text(out, "name", t->name);
    put_tri(out, "strict", t->strict);
    put_flag(out, "deferred", t->deferred);
    put_text(out, "description", t->description);
    put_tree(out, "schema", t->schema);
    put_tree(out, "grammar", t->grammar);
    put_tree(out, "cache", t->cache);
    put_strings(out, "allowed", t->allowed, t->n_allowed);
    put_strings(out, "blocked", t->blocked, t->n_blocked);
    put_tree(out, "location", t->location);
    put_text(out, "context_size", t->context_size);
    put_int(out, "max_uses", t->max_uses, 0);
    put_tree(out, "google", t->google);
    if (t->kind == IR_TOOL_OWN)
        put_tree(out, "src", t->src);
    line_end(out);
}

static void print_tools(const struct ir_request *rq, struct buf *out)
{
    static const char *const kinds[] = {"unsaid", "auto", "none", "required", "one", "some", "own"};
    const struct ir_choice *c = &rq->choice;
    for (const struct ir_tool *t = rq->tools; t; t = t->next)
        print_tool(t, out);
    line_tri(out, "parallel", rq->parallel);
    if (c->kind == IR_CHOICE_UNSAID)
        return;
    buf_lit(out, "choice");
    put_word(out, kinds[c->kind]);
    put_flag(out, "must", c->kind == IR_CHOICE_SOME && c->required);
    if (c->kind == IR_CHOICE_ONE)
        put_word(out, tool_names[c->tool]);
    for (size_t i = 0; i < c->n_names; i++)
        put_literal(out, c->names[i]);
    if (c->kind == IR_CHOICE_OWN)
        put_tree(out, "src", c->src);
    line_end(out);
}

void ir_print_request(const struct ir_request *rq, struct buf *out)
{
    static const char *const roles[] = {"system", "developer", "user", "assistant", "tool"};
    line_text(out, "model", rq->model, true);
    line_flag(out, "stream", rq->stream);
    print_sampling(rq, out);
    print_output(rq, out);
    print_service(rq, out);
    print_tools(rq, out);
    for (const struct ir_message *m = rq->messages; m; m = m->next) {
        buf_put(out, str_c(roles[m->role]));
        put_flag(out, "top", m->top);
        put_flag(out, "bare", m->bare);
        put_flag(out, "item", m->item);
        put_text(out, "name", m->name);
        put_text(out, "id", m->id);
        put_text(out, "phase", m->phase);
        line_end(out);
        print_parts(out, m->parts.first, 1);
    }
}

/* ---- answers ---- */

static void put_usage(struct buf *out, const struct usage *u)
{
    put_int(out, "input", u->input, -1);
    put_int(out, "output", u->output, -1);
    put_int(out, "cached", u->cached, -1);
    put_int(out, "cache_write", u->cache_write, -1);
    put_int(out, "reasoning", u->reasoning, -1);
}

static bool no_usage(const struct usage *u)
{
    return u->input < 0 && u->output < 0 && u->cached < 0 && u->cache_write < 0 && u->reasoning < 0;
}

static void put_start(struct buf *out, str id, str model, int64_t created, str tier)
{
    put_text(out, "id", id);
    put_text(out, "model", model);
    put_int(out, "created", created, 0);
    put_text(out, "tier", tier);
}

static void put_finish(struct buf *out, enum ir_finish finish, str native, str stop)
{
    put_word(out, ir_finish_name(finish));
    put_text(out, "native", native);
    put_text(out, "stop", stop);
}

static void print_error(struct buf *out, const struct ir_error *e)
{
    buf_lit(out, "error");
    put_int(out, "status", e->status, 0);
    put_text(out, "type", e->type);
    put_text(out, "code", e->code);
    put_text(out, "param", e->param);
    put_literal(out, e->message);
    line_end(out);
}

void ir_print_answer(const struct ir_answer *an, struct buf *out)
{
    buf_lit(out, "answer");
    put_start(out, an->id, an->model, an->created, an->service_tier);
    line_end(out);
    for (const struct ir_reply *r = an->replies; r; r = r->next) {
        buf_lit(out, "choice ");
        buf_put_u64(out, r->index);
        if (r->finished)
            put_finish(out, r->finish, r->native, r->stop);
        line_end(out);
        print_parts(out, r->parts.first, 1);
    }
    if (!no_usage(&an->usage)) {
        buf_lit(out, "usage");
        put_usage(out, &an->usage);
        line_end(out);
    }
    if (an->error)
        print_error(out, an->error);
    buf_put(out, an->complete   ? S("complete\n")
                 : an->overflow ? S("too large\n")
                 : an->error    ? S("")
                                : S("incomplete\n"));
}

/* ---- events ---- */

/* Text held back while more of it may follow. Only against arithmetic: tests and logs print. */
enum { HELD_MAX = 1 << 30 };

void ir_printer_init(struct ir_printer *p, struct buf *out)
{
    *p = (struct ir_printer){.out = out};
    buf_init(&p->held, HELD_MAX);
}

static void begin_line(struct buf *out, const char *what, unsigned choice, unsigned index)
{
    buf_put(out, str_c(what));
    buf_put_char(out, ' ');
    buf_put_u64(out, choice);
    buf_put_char(out, '.');
    buf_put_u64(out, index);
}

static void flush(struct ir_printer *p)
{
    if (!p->held.n)
        return;
    begin_line(p->out, "delta", p->choice, p->index);
    put_literal(p->out, buf_str(&p->held));
    line_end(p->out);
    buf_clear(&p->held);
}

static void hold(struct ir_printer *p, const struct ir_event *e)
{
    if (p->choice != e->choice || p->index != e->index)
        flush(p);
    p->choice = e->choice;
    p->index = e->index;
    buf_put(&p->held, e->text);
}

/* The parts of START, FINISH, USAGE. */
static void print_frame(struct buf *out, const struct ir_event *e)
{
    if (e->kind == IR_EV_START) {
        buf_lit(out, "start");
        put_start(out, e->id, e->model, e->created, e->service_tier);
        put_usage(out, &e->usage);
    } else if (e->kind == IR_EV_USAGE) {
        buf_lit(out, "usage");
        put_usage(out, &e->usage);
    } else {
        buf_lit(out, "finish ");
        buf_put_u64(out, e->choice);
        put_finish(out, e->finish, e->native, e->stop);
    }
    line_end(out);
}

static void print_inner(struct buf *out, const struct ir_event *e)
{
    static const char *const names[] = {
        [IR_EV_SEAL] = "seal", [IR_EV_CITATION] = "cite", [IR_EV_LOGPROBS] = "logprobs"};
    begin_line(out, names[e->kind], e->choice, e->index);
    if (e->kind == IR_EV_SEAL) {
        put_seal(out, &e->part->seal);
    } else if (e->kind == IR_EV_CITATION) {
        put_citation(out, e->citation);
    } else {
        buf_put_char(out, ' ');
        ir_print_json(e->json, out);
    }
    line_end(out);
}

static void print_begin(struct buf *out, const struct ir_event *e)
{
    const struct ir_part *p = e->part;
    begin_line(out, "part", e->choice, e->index);
    buf_put_char(out, ' ');
    put_part(out, p, p->text.n > 0 || p->args);
    line_end(out);
    for (const struct ir_citation *c = p->citations; c; c = c->next) {
        buf_lit(out, "  cites");
        put_citation(out, c);
        line_end(out);
    }
    print_parts(out, p->content, 1);
}

void ir_printer_take(void *printer, const struct ir_event *e)
{
    struct ir_printer *p = printer;
    struct buf *out = p->out;
    if (e->kind == IR_EV_DELTA) {
        hold(p, e);
        return;
    }
    flush(p);
    switch (e->kind) {
    case IR_EV_START:
    case IR_EV_USAGE:
    case IR_EV_FINISH: print_frame(out, e); break;
    case IR_EV_PART_BEGIN: print_begin(out, e); break;
    case IR_EV_SEAL:
    case IR_EV_CITATION:
    case IR_EV_LOGPROBS: print_inner(out, e); break;
    case IR_EV_PART_END:
        begin_line(out, "over", e->choice, e->index);
        line_end(out);
        break;
    case IR_EV_END: buf_lit(out, "end\n"); break;
    case IR_EV_ERROR: print_error(out, e->error); break;
    case IR_EV_DELTA: break;
    }
}

void ir_printer_fini(struct ir_printer *p)
{
    flush(p);
    buf_fini(&p->held);
}
