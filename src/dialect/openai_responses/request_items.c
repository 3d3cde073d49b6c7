/*
 * dialect/openai_responses/request_items.c - messages as items of `input`.
 *
 * The dialect's own requests get every item back as it came. Others are split: what a message of
 * another dialect holds in one place are items of their own here.
 */
#include "dialect/openai_responses/responses.h"
#include "ir/turns.h"

struct writing {
    const struct ir_request *rq;
    struct json_writer *w;
    bool begun; /* past the leading system prompts */
};

static bool is_system(const struct ir_message *m)
{
    return m->role == IR_SYSTEM || m->role == IR_DEVELOPER;
}

/* ---- the dialect's own items, as they came ---- */

static void own_part(struct writing *at, const struct ir_part *p)
{
    static const char *const text[] = {"text", NULL}, *const refusal[] = {"refusal", NULL};
    struct json_writer *w = at->w;
    if (p->kind != IR_PART_TEXT && p->kind != IR_PART_REFUSAL) {
        jw_value(w, p->src);
        return;
    }
    bool refused = p->kind == IR_PART_REFUSAL;
    jw_object(w);
    if (p->text.p) {
        jw_key(w, refused ? S("refusal") : S("text"));
        jw_str(w, p->text);
    }
    ir_write_rest(at->rq, DIALECT_RESPONSES, p->src, refused ? refusal : text, w);
    jw_object_end(w);
}

static void own_content(struct writing *at, const struct ir_part *first, bool bare)
{
    if (bare) {
        jw_str(at->w, first->text);
        return;
    }
    jw_array(at->w);
    for (const struct ir_part *p = first; p; p = p->next)
        own_part(at, p);
    jw_array_end(at->w);
}

static void own_call(struct writing *at, const struct ir_part *p)
{
    static const char *const known[] = {"call_id", "name", "arguments", "input", NULL};
    struct json_writer *w = at->w;
    if (p->id.p)
        jw_kstr(w, "call_id", p->id);
    jw_kstr(w, "name", p->name);
    if (p->args)
        jw_kvalue(w, "arguments", p->args);
    else if (!p->no_text && p->call == IR_CALL_CUSTOM)
        jw_kstr(w, "input", p->text);
    else if (!p->no_text)
        jw_kstr(w, "arguments", p->text);
    ir_write_rest(at->rq, DIALECT_RESPONSES, p->src, known, w);
}

static void own_result(struct writing *at, const struct ir_part *p)
{
    static const char *const known[] = {"call_id", "output", NULL};
    struct json_writer *w = at->w;
    if (p->id.p)
        jw_kstr(w, "call_id", p->id);
    if (!p->no_text) {
        jw_key(w, S("output"));
        own_content(at, p->content, p->bare);
    }
    ir_write_rest(at->rq, DIALECT_RESPONSES, p->src, known, w);
}

static void own_item(struct writing *at, const struct ir_message *m)
{
    static const char *const known[] = {"content", NULL};
    const struct ir_part *p = m->parts.first;
    struct json_writer *w = at->w;
    bool item = p && p->src == m->src;
    if (item &&
        (p->call == IR_CALL_OWN || (p->kind != IR_PART_CALL && p->kind != IR_PART_RESULT))) {
        jw_value(w, p->src);
        return;
    }
    jw_object(w);
    if (item && p->kind == IR_PART_CALL) {
        own_call(at, p);
    } else if (item) {
        own_result(at, p);
    } else {
        jw_key(w, S("content"));
        own_content(at, p, m->bare);
        ir_write_rest(at->rq, DIALECT_RESPONSES, m->src, known, w);
    }
    jw_object_end(w);
}

/* Reasoning of another dialect's provider, from before the client came to one of this: it "could
 * not be verified" here. */
static bool is_thought_elsewhere(const struct ir_message *m)
{
    const struct ir_part *p = m->parts.first;
    return p && p->kind == IR_PART_REASONING &&
           ir_seal_mentioned(jv_get_str(p->src, "encrypted_content"));
}

/* ---- content of other dialects' messages ---- */

static void write_text(str text, struct json_writer *w)
{
    jw_object(w);
    jw_kstr(w, "type", S("input_text"));
    jw_kstr(w, "text", text);
    jw_object_end(w);
}

static void write_image(struct writing *at, const struct ir_media *m)
{
    struct json_writer *w = at->w;
    jw_object(w);
    jw_kstr(w, "type", S("input_image"));
    jw_kstr(w, "image_url", m->data.n ? ir_data_url_of(m, at->rq->arena) : m->url);
    jw_kstr(w, "detail", m->detail.n ? m->detail : S("auto"));
    jw_object_end(w);
}

/* file_data wants a file name, by which the API tells what it is. */
static str file_name(const struct ir_media *m, str mime)
{
    static const struct {
        const char *mime, *name;
    } names[] = {{"application/pdf", "document.pdf"}, {"text/plain", "document.txt"},
                 {"text/markdown", "document.md"},    {"text/html", "document.html"},
                 {"text/csv", "document.csv"},        {"application/json", "document.json"}};
    if (m->name.n)
        return m->name;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (str_eq(mime, str_c(names[i].mime)))
            return str_c(names[i].name);
    }
    return S("document");
}

static void write_document(struct writing *at, const struct ir_media *m)
{
    struct json_writer *w = at->w;
    struct arena *a = at->rq->arena;
    if (m->text.p) {
        str parts[] = {m->name, S("\n\n"), m->text};
        write_text(m->name.n ? str_join(a, parts, 3) : m->text, w);
        return;
    }
    jw_object(w);
    jw_kstr(w, "type", S("input_file"));
    if (m->data.n) {
        struct ir_media typed = *m;
        typed.mime = ir_media_type(m, S("application/pdf"));
        jw_kstr(w, "filename", file_name(m, typed.mime));
        jw_kstr(w, "file_data", ir_data_url_of(&typed, a));
    } else {
        jw_kstr(w, "file_url", m->url);
    }
    jw_object_end(w);
}

static bool has_place(const struct ir_part *p)
{
    switch (p->kind) {
    case IR_PART_TEXT:
    case IR_PART_REFUSAL: return true;
    case IR_PART_IMAGE: return p->media->data.n || p->media->url.n;
    case IR_PART_DOCUMENT: return p->media->data.n || p->media->url.n || p->media->text.p;
    default: return false;
    }
}

static void write_part(struct writing *at, const struct ir_part *p)
{
    if (p->kind == IR_PART_IMAGE)
        write_image(at, p->media);
    else if (p->kind == IR_PART_DOCUMENT)
        write_document(at, p->media);
    else
        write_text(p->text, at->w);
}

/* ---- what tools returned ---- */

static bool has_media(const struct ir_part *result)
{
    for (const struct ir_part *p = result->content; p; p = p->next) {
        if (p->kind != IR_PART_TEXT && has_place(p))
            return true;
    }
    return false;
}

/* There is no flag for failure (SPEC 5.6: a prefix then). */
static void write_output(struct writing *at, const struct ir_part *p)
{
    struct json_writer *w = at->w;
    if (!has_media(p)) {
        str text = ir_result_text(p, at->rq->arena);
        str failed[] = {S("Error"), text.n ? S(": ") : S(""), text};
        jw_str(w, p->is_error ? str_join(at->rq->arena, failed, 3) : text);
        return;
    }
    jw_array(w);
    if (p->is_error)
        write_text(S("Error:"), w);
    for (const struct ir_part *c = p->content; c; c = c->next) {
        if (has_place(c))
            write_part(at, c);
    }
    jw_array_end(w);
}

static void write_result(struct writing *at, const struct ir_part *p)
{
    struct json_writer *w = at->w;
    jw_object(w);
    jw_kstr(w, "type",
            p->call == IR_CALL_CUSTOM ? S("custom_tool_call_output") : S("function_call_output"));
    jw_kstr(w, "call_id", p->id);
    jw_key(w, S("output"));
    write_output(at, p);
    jw_object_end(w);
}

/* ---- the assistant's items ---- */

/* The text of an object (SPEC 5.5). */
static str arguments_of(struct writing *at, const struct ir_part *p)
{
    struct arena *a = at->rq->arena;
    return ir_call_tree(p, a) ? ir_call_text(p, a) : S("{}");
}

static void write_call(struct writing *at, const struct ir_part *p)
{
    struct json_writer *w = at->w;
    bool custom = p->call == IR_CALL_CUSTOM;
    jw_object(w);
    jw_kstr(w, "type", custom ? S("custom_tool_call") : S("function_call"));
    jw_kstr(w, "call_id", p->id);
    if (p->space.n)
        jw_kstr(w, "namespace", p->space);
    jw_kstr(w, "name", p->name);
    jw_key(w, custom ? S("input") : S("arguments"));
    jw_str(w, custom ? p->text : arguments_of(at, p));
    jw_object_end(w);
}

/* Whether anything of the assistant follows: the API refuses reasoning "without its required
 * following item". */
static bool leads_on(const struct ir_message *m, const struct ir_part *reasoning)
{
    for (const struct ir_part *p = reasoning->next; p; p = p->next) {
        if (p->kind == IR_PART_CALL || p->kind == IR_PART_TEXT)
            return true;
    }
    return m->next && m->next->role == IR_ASSISTANT;
}

/* Only what the provider can read: its own sealed reasoning. The seal has the item's id; without
 * one none is made up (the API takes both). */
static void write_reasoning(struct writing *at, const struct ir_message *m, const struct ir_part *p)
{
    struct json_writer *w = at->w;
    if (p->seal.issuer != DIALECT_RESPONSES || !p->seal.value.n || !leads_on(m, p))
        return;
    jw_object(w);
    jw_kstr(w, "type", S("reasoning"));
    if (p->seal.id.n)
        jw_kstr(w, "id", p->seal.id);
    jw_key(w, S("summary"));
    jw_array(w);
    if (p->text.n) {
        jw_object(w);
        jw_kstr(w, "type", S("summary_text"));
        jw_kstr(w, "text", p->text);
        jw_object_end(w);
    }
    jw_array_end(w);
    jw_kstr(w, "encrypted_content", p->seal.value);
    jw_object_end(w);
}

static void message_head(struct writing *at, const char *role)
{
    jw_object(at->w);
    jw_kstr(at->w, "type", S("message"));
    jw_kstr(at->w, "role", str_c(role));
    jw_key(at->w, S("content"));
}

static bool is_words(const struct ir_part *p)
{
    return p && (p->kind == IR_PART_TEXT || p->kind == IR_PART_REFUSAL);
}

/*
 * A run of texts as one plain string: the schema has output_text only in messages with an id, and
 * several texts in a row are mostly one that was cut where it cites.
 */
static const struct ir_part *write_words(struct writing *at, const struct ir_part *p)
{
    str text = p->text;
    for (; is_words(p->next); p = p->next)
        text = str_join(at->rq->arena, (str[]){text, p->next->text}, 2);
    if (!text.n)
        return p;
    message_head(at, "assistant");
    jw_str(at->w, text);
    jw_object_end(at->w);
    return p;
}

static void write_assistant(struct writing *at, const struct ir_message *m)
{
    for (const struct ir_part *p = m->parts.first; p; p = p->next) {
        switch (p->kind) {
        case IR_PART_TEXT:
        case IR_PART_REFUSAL: p = write_words(at, p); break;
        case IR_PART_REASONING: write_reasoning(at, m, p); break;
        case IR_PART_CALL: write_call(at, p); break;
        case IR_PART_RESULT: write_result(at, p); break;
        default: break;
        }
    }
}

/* ---- messages ---- */

static void write_content(struct writing *at, const struct ir_part *first,
                          const struct ir_part *end, bool bare)
{
    if (bare && first->next == end) {
        jw_str(at->w, first->text);
        return;
    }
    jw_array(at->w);
    for (const struct ir_part *p = first; p != end; p = p->next) {
        if (has_place(p))
            write_part(at, p);
    }
    jw_array_end(at->w);
}

/* What stands between two results, as a message. */
static const struct ir_part *write_run(struct writing *at, const char *role,
                                       const struct ir_part *first, bool bare)
{
    const struct ir_part *end = first;
    bool any = false;
    for (; end && end->kind != IR_PART_RESULT; end = end->next)
        any |= has_place(end);
    if (any) {
        message_head(at, role);
        write_content(at, first, end, bare);
        jw_object_end(at->w);
    }
    return end;
}

static void write_turn(struct writing *at, const struct ir_message *m, const char *role)
{
    for (const struct ir_part *p = m->parts.first; p;) {
        if (p->kind == IR_PART_RESULT) {
            write_result(at, p);
            p = p->next;
        } else {
            p = write_run(at, role, p, m->bare);
        }
    }
}

/* SPEC 5.3: a system message that Anthropic's client puts into the conversation is a reminder. */
static void write_reminder(struct writing *at, const struct ir_message *m)
{
    for (const struct ir_part *p = m->parts.first; p; p = p->next) {
        if (p->kind != IR_PART_TEXT || !p->text.n)
            continue;
        message_head(at, "user");
        jw_str(at->w, ir_reminder(p->text, at->rq->arena));
        jw_object_end(at->w);
    }
}

/* The API refuses JSON mode unless the word is mentioned; so does chat, but nobody else. */
static void begin(struct writing *at)
{
    if (at->begun)
        return;
    at->begun = true;
    if (at->rq->format.kind != IR_FORMAT_OBJECT || at->rq->from == DIALECT_CHAT)
        return;
    message_head(at, "developer");
    jw_str(at->w, S("Answer with a JSON object."));
    jw_object_end(at->w);
}

static void write_message(struct writing *at, const struct ir_message *m)
{
    if (!is_system(m))
        begin(at);
    if (is_system(m) && at->begun && at->rq->from == DIALECT_ANTHROPIC)
        write_reminder(at, m);
    else if (is_system(m))
        write_turn(at, m, "developer");
    else if (m->role == IR_ASSISTANT)
        write_assistant(at, m);
    else
        write_turn(at, m, "user");
}

void responses_write_input(const struct ir_request *rq, const struct ir_target *to,
                           struct json_writer *w)
{
    struct writing at = {.rq = rq, .w = w};
    bool own = rq->from == DIALECT_RESPONSES;
    yyjson_val *src = own ? jv_get(rq->src, "input") : NULL;
    (void)to;
    if (own && !src)
        return;
    jw_key(w, S("input"));
    if (yyjson_is_str(src)) {
        jw_value(w, src);
        return;
    }
    jw_array(w);
    for (const struct ir_message *m = rq->messages; m; m = m->next) {
        if (own && m->src && !is_thought_elsewhere(m))
            own_item(&at, m);
        else if (!own)
            write_message(&at, m);
    }
    jw_array_end(w);
}
