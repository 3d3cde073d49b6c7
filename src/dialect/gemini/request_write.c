/*
 * dialect/gemini/request_write.c - contents and systemInstruction of a request.
 *
 * Contents alternate between user and model: a new one is opened only when the side changes, also
 * where a whole message had nothing that can be said here.
 *
 * Thought signatures (guide "Thought signatures"; SPEC 5.2): Gemini 3 refuses a functionCall
 * without one if it is the first of its step in the current turn. A signature of Gemini's goes
 * back where it came from; where there is none, or another provider's, the documented bypass takes
 * its place.
 */
#include "dialect/gemini/gemini.h"
#include "ir/seal.h"

struct writing {
    const struct ir_request *rq;
    const struct ir_target *to;
    struct json_writer *w;
    struct gemini_model model;
    bool same;                     /* rq is of this dialect: messages stay as they are */
    bool open;                     /* a content is */
    bool is_model;                 /* whose it is */
    const struct ir_message *turn; /* the first message of the current turn */
    bool current;                  /* the message at hand belongs to it */
    bool signed_call;              /* a call of the message at hand was seen */
    str moved;                     /* a signature that a thought has brought for the next call */
};

static const str bypass = {"skip_thought_signature_validator", 32};

/* ---- contents ---- */

static void begin_content(struct writing *x, bool is_model)
{
    x->open = true;
    x->is_model = is_model;
    jw_object(x->w);
    jw_kstr(x->w, "role", is_model ? S("model") : S("user"));
    jw_key(x->w, S("parts"));
    jw_array(x->w);
}

static void close_content(struct writing *x)
{
    if (!x->open)
        return;
    jw_array_end(x->w);
    jw_object_end(x->w);
    x->open = false;
}

/* The user's first words, where nothing of them can be said here: as ir_turns_fit has them. */
static void begin_with_nothing(struct writing *x)
{
    begin_content(x, false);
    jw_object(x->w);
    jw_kstr(x->w, "text", S("."));
    jw_object_end(x->w);
}

static void open_content(struct writing *x, bool is_model)
{
    if (x->open && x->is_model == is_model)
        return;
    if (!x->open && is_model)
        begin_with_nothing(x);
    close_content(x);
    begin_content(x, is_model);
}

/* ---- parts ---- */

/* What of the part only the client's own object has; "thought" of a picture is among it. */
static const char *const part_members[] = {"text",
                                           "inlineData",
                                           "fileData",
                                           "functionCall",
                                           "functionResponse",
                                           "executableCode",
                                           "codeExecutionResult",
                                           "thoughtSignature",
                                           NULL};

static void end_part(struct writing *x, const struct ir_part *p)
{
    ir_write_rest(x->rq, DIALECT_GEMINI, p->src, part_members, x->w);
    jw_object_end(x->w);
}

static void write_signature(struct writing *x, str value)
{
    if (value.n)
        jw_kstr(x->w, "thoughtSignature", value);
}

static str own_seal(const struct ir_part *p)
{
    return p->seal.issuer == DIALECT_GEMINI ? p->seal.value : S("");
}

static void write_text(struct writing *x, const struct ir_part *p)
{
    str signature = own_seal(p);
    if (x->same && p->bare) {
        jw_str(x->w, p->text);
        return;
    }
    jw_object(x->w);
    if (!p->no_text)
        jw_kstr(x->w, "text", p->text);
    write_signature(x, signature);
    end_part(x, p);
}

/*
 * A thought goes back only with Gemini's own signature. Clients of other dialects keep signatures
 * beside thoughts, but Gemini signs calls and never the thoughts before them: the signature moves
 * to the call.
 */
static void write_thought(struct writing *x, const struct ir_part *p)
{
    str signature = own_seal(p);
    const struct ir_part *next = p->next;
    while (next && next->kind != IR_PART_CALL)
        next = next->next;
    if (!x->same && !signature.n)
        return;
    if (!x->same && next && !own_seal(next).n) {
        x->moved = signature;
        signature = S("");
    }
    if (!x->same && !p->text.n && !signature.n)
        return;
    open_content(x, true);
    jw_object(x->w);
    jw_kstr(x->w, "text", p->text);
    if (!x->same)
        jw_kbool(x->w, "thought", true);
    write_signature(x, signature);
    end_part(x, p);
}

static str signature_of(struct writing *x, const struct ir_part *p)
{
    str signature = own_seal(p);
    bool first = !x->signed_call;
    x->signed_call = true;
    if (x->same) /* a foreign one came through a client of Gemini's that has changed the model */
        return p->seal.value.n && !signature.n && x->model.third ? bypass : signature;
    if (!signature.n && x->moved.n)
        signature = x->moved;
    x->moved = S("");
    return !signature.n && first && x->current && x->model.third ? bypass : signature;
}

static const char *const call_members[] = {"id", "name", "args", NULL};

/* Calls have ids from Gemini 3 on, on Vertex AI as well (recorded exchange of July 2026); older
 * versions answered 'Unknown name "id"'. */
static void write_call(struct writing *x, const struct ir_part *p)
{
    yyjson_val *src = x->same ? gemini_get(p->src, "functionCall") : NULL;
    str signature = signature_of(x, p);
    jw_object(x->w);
    jw_key(x->w, S("functionCall"));
    jw_object(x->w);
    if (p->id.n && (x->same || x->model.third))
        jw_kstr(x->w, "id", p->id);
    jw_kstr(x->w, "name", p->name);
    if (!(x->same && p->no_text)) {
        yyjson_val *args = ir_call_tree(p, x->rq->arena);
        jw_key(x->w, S("args"));
        if (args)
            jw_value(x->w, args);
        else
            jw_raw(x->w, S("{}"));
    }
    ir_write_rest(x->rq, DIALECT_GEMINI, src, call_members, x->w);
    jw_object_end(x->w);
    write_signature(x, signature);
    end_part(x, p);
}

/* ---- results ---- */

/*
 * Whether an object survives as a Struct: numbers become doubles there, and "$ref" is looked up
 * among the parts of the response ("referenced name ... does not match a display_name",
 * github.com/vercel/ai issue 14369).
 */
static bool survives(yyjson_val *v)
{
    enum { EXACT_DIGITS = 15 };
    if (yyjson_is_raw(v))
        return yyjson_get_len(v) <= EXACT_DIGITS;
    if (yyjson_is_arr(v)) {
        yyjson_arr_iter it = yyjson_arr_iter_with(v);
        for (yyjson_val *e; (e = yyjson_arr_iter_next(&it));) {
            if (!survives(e))
                return false;
        }
    }
    if (yyjson_is_obj(v)) {
        yyjson_obj_iter it = yyjson_obj_iter_with(v);
        for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
            if (jv_is(k, "$ref") || !survives(yyjson_obj_iter_get_val(k)))
                return false;
        }
    }
    return true;
}

/* A response is an object: what is none, or does not survive, goes into one as text. */
static void write_response(struct writing *x, const struct ir_part *p)
{
    str text = ir_result_text(p, x->rq->arena), trimmed = str_trim(text);
    struct arena_mark mark = arena_mark(x->rq->arena);
    yyjson_val *v = NULL;
    if (!p->is_error && trimmed.n > 2 && trimmed.p[0] == '{' &&
        json_read(trimmed, x->rq->arena, &v, NULL) == OK && survives(v)) {
        jw_value(x->w, v);
    } else {
        jw_object(x->w);
        jw_key(x->w, p->is_error ? S("error") : S("result"));
        jw_str(x->w, text);
        jw_object_end(x->w);
    }
    arena_rewind(x->rq->arena, mark);
}

static const char *const response_members[] = {"id", "name", NULL};

static void write_result(struct writing *x, const struct ir_part *p)
{
    yyjson_val *src = x->same ? gemini_get(p->src, "functionResponse") : NULL;
    jw_object(x->w);
    jw_key(x->w, S("functionResponse"));
    jw_object(x->w);
    if (p->id.n && (x->same || x->model.third))
        jw_kstr(x->w, "id", p->id);
    if (p->name.n || !x->same)
        jw_kstr(x->w, "name", p->name);
    if (!x->same) {
        jw_key(x->w, S("response"));
        write_response(x, p);
    }
    ir_write_rest(x->rq, DIALECT_GEMINI, src, response_members, x->w);
    jw_object_end(x->w);
    end_part(x, p);
}

static bool is_media(const struct ir_part *p)
{
    return p->media && (p->kind == IR_PART_IMAGE || p->kind == IR_PART_AUDIO ||
                        p->kind == IR_PART_VIDEO || p->kind == IR_PART_DOCUMENT);
}

/* ---- media ---- */

/* A document given as text is text, under its name. */
static void write_document_text(struct writing *x, const struct ir_media *m)
{
    str parts[] = {m->name, m->name.n ? S("\n\n") : S(""), m->context,
                   m->context.n ? S("\n\n") : S(""), m->text};
    jw_object(x->w);
    jw_kstr(x->w, "text", str_join(x->rq->arena, parts, 5));
    jw_object_end(x->w);
}

static void write_media(struct writing *x, const struct ir_part *p)
{
    yyjson_val *src = x->same ? p->src : NULL;
    if (p->media->text.p) {
        write_document_text(x, p->media);
        return;
    }
    jw_object(x->w);
    if (src && !gemini_again(x->rq, src, "inlineData", x->w))
        gemini_again(x->rq, src, "fileData", x->w);
    if (!src)
        gemini_media_write(p, x->w);
    write_signature(x, own_seal(p));
    end_part(x, p);
}

/* Pictures that a tool returned stand behind its functionResponse (SPEC 9 R3.9). */
static void write_result_media(struct writing *x, const struct ir_part *p)
{
    for (const struct ir_part *c = x->same ? NULL : p->content; c; c = c->next) {
        if (is_media(c))
            write_media(x, c);
    }
}

/* ---- code ---- */

static const char *const code_members[] = {"language", "code", "id", NULL};

/* Only this dialect's own: what another provider ran means nothing to this one. */
static void write_code(struct writing *x, const struct ir_part *p)
{
    jw_object(x->w);
    jw_key(x->w, S("executableCode"));
    jw_object(x->w);
    if (p->id.n)
        jw_kstr(x->w, "id", p->id);
    jw_kstr(x->w, "language", p->name);
    jw_kstr(x->w, "code", p->text);
    ir_write_rest(x->rq, DIALECT_GEMINI, gemini_get(p->src, "executableCode"), code_members, x->w);
    jw_object_end(x->w);
    write_signature(x, own_seal(p));
    end_part(x, p);
    if (p->content)
        jw_value(x->w, p->content->src);
}

/* ---- messages ---- */

/* Whether anything of the part goes out; the rest is said only by its own dialect. */
static bool can_say(const struct writing *x, const struct ir_part *p)
{
    if (p->kind == IR_PART_RAW || p->kind == IR_PART_CODE || p->kind == IR_PART_SEARCH) {
        if (!x->same && p->kind != IR_PART_RAW)
            gemini_lose(x->rq, x->to, CAN_OWN_CONTENT);
        return x->same && p->kind != IR_PART_SEARCH;
    }
    if (p->kind == IR_PART_REFUSAL || (p->kind == IR_PART_TEXT && !x->same))
        return p->text.n || own_seal(p).n;
    return true;
}

static void write_part(struct writing *x, const struct ir_part *p, bool is_model)
{
    if (!can_say(x, p))
        return;
    if (p->kind == IR_PART_REASONING) {
        write_thought(x, p);
        return;
    }
    open_content(x, is_model);
    if (is_media(p)) {
        write_media(x, p);
        return;
    }
    switch (p->kind) {
    case IR_PART_CALL: write_call(x, p); break;
    case IR_PART_RESULT:
        write_result(x, p);
        write_result_media(x, p);
        break;
    case IR_PART_CODE: write_code(x, p); break;
    case IR_PART_RAW: jw_value(x->w, p->src); break;
    default: write_text(x, p);
    }
}

static const char *const content_members[] = {"role", "parts", NULL};

/* The client's own content, with its role or without. */
static void write_same(struct writing *x, const struct ir_message *m)
{
    yyjson_val *parts = gemini_get(m->src, "parts");
    bool is_model = m->role == IR_ASSISTANT;
    if (m->bare) {
        jw_str(x->w, m->parts.first ? m->parts.first->text : S(""));
        return;
    }
    jw_object(x->w);
    gemini_again(x->rq, m->src, "role", x->w);
    x->open = true; /* parts go into this one, whatever they are */
    x->is_model = is_model;
    if (parts) {
        jw_key(x->w, S("parts"));
        if (yyjson_is_arr(parts))
            jw_array(x->w);
        for (const struct ir_part *p = m->parts.first; p; p = p->next)
            write_part(x, p, is_model);
        if (yyjson_is_arr(parts))
            jw_array_end(x->w);
    }
    ir_write_rest(x->rq, DIALECT_GEMINI, m->src, content_members, x->w);
    jw_object_end(x->w);
    x->open = false;
}

static void write_message(struct writing *x, const struct ir_message *m)
{
    x->current |= m == x->turn;
    x->signed_call = false;
    x->moved = S("");
    if (x->same) {
        write_same(x, m);
        return;
    }
    for (const struct ir_part *p = m->parts.first; p; p = p->next)
        write_part(x, p, m->role == IR_ASSISTANT);
}

/*
 * The current turn begins with the last message in which the user says something; results are the
 * answers to steps of the turn. A message with both is taken for a result: a signature too many
 * does no harm.
 */
static const struct ir_message *current_turn(const struct ir_request *rq)
{
    const struct ir_message *turn = rq->messages;
    for (const struct ir_message *m = rq->messages; m; m = m->next) {
        bool results = m->role == IR_TOOL;
        for (const struct ir_part *p = m->parts.first; p; p = p->next)
            results |= p->kind == IR_PART_RESULT;
        if (m->role != IR_ASSISTANT && !results)
            turn = m;
    }
    return turn;
}

/* ---- system ---- */

static bool is_system(const struct ir_message *m)
{
    return m && (m->role == IR_SYSTEM || m->role == IR_DEVELOPER);
}

/* The first message that is not the system's, or NULL when all are. */
static const struct ir_message *conversation(const struct ir_request *rq)
{
    const struct ir_message *m = rq->messages;
    while (is_system(m))
        m = m->next;
    return m;
}

/* The "." that ir_turns_fit puts into an empty conversation says nothing beside a system prompt. */
static bool is_placeholder(const struct ir_message *m)
{
    const struct ir_part *p = m->parts.first;
    return m->role == IR_USER && !m->src && !m->next && p && !p->next && p->kind == IR_PART_TEXT &&
           !p->src && str_eq(p->text, S("."));
}

/* Where the system prompt goes: among the user's words, if there are no others, or if the model has
 * no place for it ("Developer instruction is not enabled for models/gemma-3-27b-it"). */
static bool system_is_user(const struct ir_request *rq, const struct gemini_model *model)
{
    const struct ir_message *m = conversation(rq);
    return is_system(rq->messages) && (!m || is_placeholder(m) || model->gemma);
}

static void write_system_parts(struct writing *x)
{
    for (const struct ir_message *m = x->rq->messages; is_system(m); m = m->next) {
        for (const struct ir_part *p = m->parts.first; p; p = p->next) {
            if (p->kind != IR_PART_TEXT || !p->text.n)
                continue;
            jw_object(x->w);
            jw_kstr(x->w, "text", p->text);
            jw_object_end(x->w);
        }
    }
}

static bool says_system(const struct ir_request *rq)
{
    for (const struct ir_message *m = rq->messages; is_system(m); m = m->next) {
        for (const struct ir_part *p = m->parts.first; p; p = p->next) {
            if (p->kind == IR_PART_TEXT && p->text.n)
                return true;
        }
    }
    return false;
}

void gemini_system_write(const struct ir_request *rq, const struct ir_target *to,
                         struct json_writer *w)
{
    struct writing x = {.rq = rq, .to = to, .w = w, .model = gemini_model_of(to)};
    if (gemini_again(rq, gemini_request_of(rq->src), "systemInstruction", w) ||
        rq->from == DIALECT_GEMINI || !says_system(rq) || system_is_user(rq, &x.model))
        return;
    jw_key(w, S("systemInstruction"));
    jw_object(w);
    jw_key(w, S("parts"));
    jw_array(w);
    write_system_parts(&x);
    jw_array_end(w);
    jw_object_end(w);
}

void gemini_contents_write(const struct ir_request *rq, const struct ir_target *to,
                           struct json_writer *w)
{
    struct writing x = {.rq = rq, .to = to, .w = w, .model = gemini_model_of(to)};
    yyjson_val *src = gemini_get(gemini_request_of(rq->src), "contents");
    x.same = rq->from == DIALECT_GEMINI;
    x.turn = current_turn(rq);
    bool list = !x.same || yyjson_is_arr(src);
    const struct ir_message *m = rq->messages;
    jw_key(w, S("contents"));
    if (list)
        jw_array(w);
    if (!x.same && system_is_user(rq, &x.model) && says_system(rq)) {
        open_content(&x, false);
        write_system_parts(&x);
    }
    for (; m; m = m->next) {
        bool elsewhere = x.same ? m->top : is_system(m);
        if (!elsewhere && !(!x.same && x.open && is_placeholder(m)))
            write_message(&x, m);
    }
    if (!x.same && !x.open)
        begin_with_nothing(&x);
    if (!x.same)
        close_content(&x);
    if (list)
        jw_array_end(w);
}

/* ---- the request ---- */

static bool is_declared(const struct ir_request *rq, str name)
{
    for (const struct ir_tool *t = rq->tools; t; t = t->next) {
        if ((t->kind == IR_TOOL_FUNCTION || t->kind == IR_TOOL_CUSTOM) && str_eq(t->name, name))
            return true;
    }
    return false;
}

/* A tool that must be called has to be there: the API answers with a 400 as well, in words that
 * are not the client's. */
static enum err check_choice(const struct ir_request *rq, struct fail *f)
{
    const struct ir_choice *c = &rq->choice;
    bool names =
        c->kind == IR_CHOICE_SOME ||
        (c->kind == IR_CHOICE_ONE && (c->tool == IR_TOOL_FUNCTION || c->tool == IR_TOOL_CUSTOM));
    for (size_t i = 0; names && i < c->n_names; i++) {
        if (!is_declared(rq, c->names[i]))
            return fail_set(f, ERR_BAD_REQUEST,
                            "the tool choice names \"%.*s\", which is not among the tools",
                            STR_FMT(c->names[i]));
    }
    return OK;
}

enum err gemini_request_write(struct ir_request *rq, const struct ir_target *to, struct buf *out,
                              struct fail *f)
{
    struct json_writer w = json_writer(out);
    bool wrapped = to->counting && !to->vertex;
    yyjson_val *src = gemini_request_of(rq->src);
    enum err e = rq->from == DIALECT_GEMINI ? OK : check_choice(rq, f);
    if (e)
        return e;
    jw_object(&w);
    if (wrapped) {
        str parts[] = {S("models/"), to->model};
        jw_key(&w, S("generateContentRequest"));
        jw_object(&w);
        jw_kstr(&w, "model", str_join(rq->arena, parts, 2));
    }
    ir_fields_write(gemini_request_rows, rq, DIALECT_GEMINI,
                    rq->from == DIALECT_GEMINI ? src : NULL, to, &w);
    if (wrapped)
        jw_object_end(&w);
    jw_object_end(&w);
    return OK;
}
