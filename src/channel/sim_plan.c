/*
 * What to answer, without regard to any dialect. The rules are few and deterministic, so that a
 * test can foresee them; doc/simulator.md states them for users.
 */
#include "base/clock.h"
#include "base/hash.h"
#include "channel/sim_priv.h"

enum {
    SEARCH_BYTES = 16 * 1024, /* of the user's text, for words of tool names */
    ARGUMENTS_MAX = 256 * 1024,
    ECHO_ALL_BYTES = SIM_WORDS_MAX * 6
};

str sim_id(const struct sim_plan *p, const char *prefix, size_t number)
{
    return arena_printf(p->arena, "%s%.24s%02zx", prefix, p->nonce, number & 0xff);
}

/* ---- Texts ---- */

/* Appends at most max bytes of text as one line: blanks and control bytes run together, and a
 * character is never cut. */
static void put_line(struct buf *b, str text, size_t max)
{
    size_t start = b->n;
    bool gap = false;

    for (size_t i = 0; i < text.n;) {
        size_t n = 1;

        while (i + n < text.n && ((unsigned char)text.p[i + n] & 0xC0) == 0x80)
            n++;
        if ((unsigned char)text.p[i] <= 0x20 || text.p[i] == 0x7f) {
            gap = b->n > start;
        } else if (b->n - start + n + gap > max) {
            buf_lit(b, "...");
            return;
        } else {
            if (gap)
                buf_put_char(b, ' ');
            gap = false;
            buf_put(b, str_of(text.p + i, n));
        }
        i += n;
    }
}

static str keep(const struct sim_plan *p, struct buf *b)
{
    str s = str_dup(p->arena, buf_str(b));

    buf_fini(b);
    return s;
}

/* n words in sentences of ten. */
static str filler(const struct sim_plan *p, size_t n)
{
    static const str words[] = {
        S("rivers"), S("carry"), S("small"), S("stones"),   S("towards"), S("the"),    S("sea"),
        S("while"),  S("old"),   S("hills"), S("keep"),     S("their"),   S("quiet"),  S("shape"),
        S("and"),    S("birds"), S("count"), S("mornings"), S("over"),    S("fields"),
    };
    struct buf b;

    buf_init(&b, SIM_BODY_MAX);
    for (size_t i = 0; i < n; i++) {
        str w = words[i % (sizeof(words) / sizeof(words[0]))];

        if (i)
            buf_put_char(&b, ' ');
        if (i % 10 == 0)
            buf_put_char(&b, (char)(w.p[0] - 'a' + 'A')), w = str_from(w, 1);
        buf_put(&b, w);
        if (i % 10 == 9 || i + 1 == n)
            buf_put_char(&b, '.');
    }
    return keep(p, &b);
}

static str results_text(const struct sim_ask *a, const struct sim_plan *p)
{
    struct buf b;

    buf_init(&b, SIM_BODY_MAX);
    buf_put(&b, a->n_results > 1 ? S("The tools answered: ") : S("The tool answered: "));
    for (size_t i = 0; i < a->n_results && i < 20; i++) {
        if (i)
            buf_lit(&b, ", ");
        buf_put_char(&b, '"');
        put_line(&b, a->results[i].text, SIM_ECHO_BYTES);
        buf_put_char(&b, '"');
    }
    buf_put_char(&b, '.');
    return keep(p, &b);
}

static str small_talk(const struct sim_plan *p, str user)
{
    struct buf b;

    buf_init(&b, SIM_BODY_MAX);
    if (user.n) {
        buf_lit(&b, "You said: \"");
        put_line(&b, user, SIM_ECHO_BYTES);
        buf_lit(&b, "\". I am ");
    } else {
        buf_lit(&b, "Hello! I am ");
    }
    put_line(&b, p->model, 100);
    buf_put(&b, user.n ? S(", a simulator, and this is my whole answer.")
                       : S(", a simulator. Say something and I will repeat it."));
    return keep(p, &b);
}

static str structured(const struct sim_ask *a, const struct sim_plan *p, str user)
{
    struct sim_muse muse = sim_muse(user);
    struct json_writer w;
    struct buf b;

    buf_init(&b, ARGUMENTS_MAX);
    w = json_writer(&b);
    if (a->format == SIM_FORMAT_SCHEMA && a->schema) {
        sim_schema_value(&muse, a->schema, &w);
    } else {
        jw_object(&w);
        jw_kstr(&w, "answer", small_talk(p, user));
        jw_object_end(&w);
    }
    return keep(p, &b);
}

static str answer_text(const struct sim_ask *a, const struct sim_plan *p, str user, unsigned choice)
{
    str text;

    if (a->say.echo)
        return str_dup(p->arena, str_head(user, ECHO_ALL_BYTES / p->n_choices));
    if (a->format != SIM_FORMAT_TEXT)
        return structured(a, p, user);
    if (a->say.words) {
        size_t most = SIM_WORDS_MAX / p->n_choices;

        return filler(p, a->say.words < most ? a->say.words : most);
    }
    text = a->n_results ? results_text(a, p) : small_talk(p, user);
    if (choice)
        text = arena_printf(p->arena, "(Choice %u) %.*s", choice + 1, STR_FMT(text));
    return text;
}

static str reasoning_text(const struct sim_ask *a, const struct sim_plan *p,
                          const struct sim_tool *call)
{
    struct buf b;

    buf_init(&b, SIM_BODY_MAX);
    buf_lit(&b, "The user says: \"");
    put_line(&b, a->user, SIM_ECHO_BYTES / 2);
    buf_lit(&b, "\". ");
    if (call) {
        buf_lit(&b, "The tool ");
        put_line(&b, call->name, 100);
        buf_lit(&b, " fits, so I call it.");
    } else {
        buf_lit(&b, "Simple rules decide what a simulator answers, so I follow them.");
    }
    return keep(p, &b);
}

/* ---- Tools ---- */

static bool word_char(char c)
{
    return (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || (c >= '0' && c <= '9');
}

/* Verbs that begin every second tool's name and say nothing about it. */
static bool is_common(str word)
{
    static const char *const common[] = {"get", "set", "the",  "and", "for", "run",
                                         "use", "new", "tool", "all", "call"};

    for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
        if (str_eq_nocase(word, str_c(common[i])))
            return true;
    return word.n < 3;
}

static bool has_word(str text, str word)
{
    for (size_t i = 0; i + word.n <= text.n; i++)
        if (ascii_lower(text.p[i]) == ascii_lower(word.p[0]) &&
            (i == 0 || !word_char(text.p[i - 1])) &&
            (i + word.n == text.n || !word_char(text.p[i + word.n])) &&
            str_eq_nocase(str_of(text.p + i, word.n), word))
            return true;
    return false;
}

/* get_weather, get-weather and getWeather all contain "weather". */
static bool is_named(str text, str name)
{
    size_t start = 0;

    if (name.n && has_word(text, name))
        return true;
    for (size_t i = 0; i <= name.n; i++) {
        bool sep = i == name.n || !word_char(name.p[i]);
        bool hump = !sep && i > start && name.p[i] >= 'A' && name.p[i] <= 'Z' &&
                    name.p[i - 1] >= 'a' && name.p[i - 1] <= 'z';

        if (!sep && !hump)
            continue;
        if (i > start && !is_common(str_of(name.p + start, i - start)) &&
            has_word(text, str_of(name.p + start, i - start)))
            return true;
        start = sep ? i + 1 : i;
    }
    return false;
}

static bool is_allowed(const struct sim_ask *a, str name)
{
    for (size_t i = 0; i < a->n_only; i++)
        if (str_eq(a->only[i], name))
            return true;
    return a->n_only == 0;
}

/* The tools to call, at most max; returns how many. */
static size_t choose_tools(const struct sim_ask *a, const struct sim_tool **out, size_t max)
{
    str text = str_head(a->user, SEARCH_BYTES);
    const struct sim_tool *first = NULL;
    size_t n = 0;

    if (a->tool_choice == SIM_TOOLS_NONE)
        return 0;
    if (a->n_results && a->tool_choice != SIM_TOOLS_REQUIRED)
        return 0;
    for (size_t i = 0; i < a->n_tools && n < max; i++) {
        const struct sim_tool *t = &a->tools[i];
        bool wanted = a->say.tool.n ? str_eq(t->name, a->say.tool) : is_named(text, t->name);

        if (!is_allowed(a, t->name))
            continue;
        if (!first)
            first = t;
        if (wanted)
            out[n++] = t;
    }
    if (n == 0 && first && a->tool_choice == SIM_TOOLS_REQUIRED)
        out[n++] = first;
    return n;
}

static str arguments(const struct sim_ask *a, const struct sim_plan *p, const struct sim_tool *t)
{
    struct sim_muse muse = sim_muse(a->user);
    struct json_writer w;
    struct buf b;

    buf_init(&b, ARGUMENTS_MAX);
    w = json_writer(&b);
    if (t->custom)
        put_line(&b, a->user, SIM_ECHO_BYTES);
    else
        sim_schema_value(&muse, t->schema, &w);
    if (b.failed) { /* too large a schema to obey */
        buf_clear(&b);
        buf_lit(&b, "{}");
    }
    return keep(p, &b);
}

/* ---- Blocks ---- */

static struct sim_block *add_block(struct sim_plan *p, unsigned choice, enum sim_block_kind kind,
                                   str text)
{
    struct sim_block *b;

    if (p->n_blocks == p->cap_blocks) {
        size_t cap = p->cap_blocks ? p->cap_blocks * 2 : 4;
        struct sim_block *more = arena_array(p->arena, struct sim_block, cap);

        if (p->n_blocks)
            memcpy(more, p->blocks, p->n_blocks * sizeof(*more));
        p->blocks = more;
        p->cap_blocks = cap;
    }
    b = &p->blocks[p->n_blocks++];
    *b = (struct sim_block){.kind = kind, .choice = choice, .text = text};
    b->index = (unsigned)p->choices[choice].count++;
    b->item = sim_id(p,
                     kind == SIM_REASONING     ? "rs_"
                     : kind == SIM_CALL        ? "fc_"
                     : kind == SIM_CUSTOM_CALL ? "ctc_"
                                               : "msg_",
                     b->index);
    return b;
}

static void add_calls(const struct sim_ask *a, struct sim_plan *p, unsigned choice,
                      const struct sim_tool **tools, size_t n)
{
    static const char *const prefix[DIALECT_COUNT] = {
        [DIALECT_CHAT] = "call_",
        [DIALECT_RESPONSES] = "call_",
        [DIALECT_ANTHROPIC] = "toolu_",
        [DIALECT_GEMINI] = "",
    };

    for (size_t i = 0; i < n; i++) {
        struct sim_block *b = add_block(p, choice, tools[i]->custom ? SIM_CUSTOM_CALL : SIM_CALL,
                                        arguments(a, p, tools[i]));

        b->name = str_dup(p->arena, tools[i]->name);
        b->space = str_dup(p->arena, tools[i]->space);
        b->call = (unsigned)i;
        b->id = sim_id(p, prefix[a->rq->dialect], choice * SIM_CALLS_MAX + i);
    }
    p->choices[choice].finish = SIM_FINISH_CALLS;
}

/* Ends text at the first stop sequence in it. */
static str apply_stops(const struct sim_ask *a, struct sim_plan *p, struct sim_choice *c, str text)
{
    size_t end = text.n;

    for (size_t i = 0; i < a->n_stops; i++) {
        size_t at = a->stops[i].n ? str_find(text, a->stops[i]) : text.n;

        if (at < end) {
            end = at;
            c->stop = str_dup(p->arena, a->stops[i]);
            c->finish = SIM_FINISH_SEQUENCE;
        }
    }
    return str_head(text, end);
}

static void fill_choice(const struct sim_ask *a, struct sim_plan *p, unsigned choice, str user)
{
    const struct sim_tool *tools[SIM_CALLS_MAX];
    size_t n = choose_tools(a, tools, a->parallel ? SIM_CALLS_MAX : 1);
    struct sim_choice *c = &p->choices[choice];
    str text;

    c->first = p->n_blocks;
    c->finish = SIM_FINISH_STOP;
    if (a->reasoning || a->say.reasoning) {
        text = reasoning_text(a, p, n ? tools[0] : NULL);
        add_block(p, choice, SIM_REASONING, text)->seal = sim_seal(p->arena, text);
    }
    if (a->say.refuse) {
        c->finish = SIM_FINISH_REFUSED;
        add_block(p, choice, SIM_REFUSAL, S("I am sorry, but I was told to refuse this request."));
    } else if (n && !a->say.filter) {
        add_calls(a, p, choice, tools, n);
    } else {
        text = apply_stops(a, p, c, answer_text(a, p, user, choice));
        if (a->say.filter) {
            text = str_head(text, sim_piece(text));
            c->finish = SIM_FINISH_FILTERED;
        }
        add_block(p, choice, SIM_TEXT, text);
    }
    /* A dialect that keeps reasoning to itself seals what comes after it. */
    if (p->blocks[c->first].kind == SIM_REASONING)
        p->blocks[c->first + 1].seal = p->blocks[c->first].seal;
}

/* ---- Counting and cutting ---- */

static uint64_t block_tokens(const struct sim_block *b)
{
    return sim_tokens(b->text.n + b->name.n);
}

static str cut_to(str s, size_t n)
{
    if (s.n <= n)
        return s;
    while (n > 0 && ((unsigned char)s.p[n] & 0xC0) == 0x80)
        n--;
    return str_head(s, n);
}

/* Applies max_tokens: texts are cut, a call that does not fit is left out with all after it. */
static void cut_choice(struct sim_plan *p, struct sim_choice *c, uint64_t max)
{
    for (size_t i = 0; i < c->count; i++) {
        struct sim_block *b = &p->blocks[c->first + i];
        bool call = b->kind == SIM_CALL || b->kind == SIM_CUSTOM_CALL;

        if (block_tokens(b) <= max) {
            max -= block_tokens(b);
            continue;
        }
        c->finish = SIM_FINISH_LENGTH;
        c->stop = (str){NULL, 0};
        b->text = cut_to(b->text, (size_t)max * 4);
        b->unfinished = true;
        c->count = call || max == 0 ? i : i + 1;
        return;
    }
}

static void count(struct sim_plan *p)
{
    for (size_t k = 0; k < p->n_choices; k++)
        for (size_t i = 0; i < p->choices[k].count; i++) {
            const struct sim_block *b = &p->blocks[p->choices[k].first + i];

            p->output_tokens += block_tokens(b);
            if (b->kind == SIM_REASONING)
                p->reasoning_tokens += block_tokens(b);
            p->text_bytes += b->text.n;
        }
}

static void draw_nonce(struct sim_plan *p)
{
    uint64_t bits[2];

    random_bytes(bits, sizeof(bits));
    snprintf(p->nonce, sizeof(p->nonce), "%016llx%016llx", (unsigned long long)bits[0],
             (unsigned long long)bits[1]);
}

static const char *answer_prefix(const struct sim_ask *a)
{
    if (a->rq->operation == SIM_COMPLETIONS)
        return "cmpl-";
    switch (a->rq->dialect) {
    case DIALECT_CHAT: return "chatcmpl-";
    case DIALECT_RESPONSES: return "resp_";
    case DIALECT_ANTHROPIC: return "msg_";
    default: return "";
    }
}

struct sim_plan *sim_plan_make(struct sim_ask *a)
{
    struct sim_plan *p = arena_new(a->arena, struct sim_plan);
    bool completions = a->rq->operation == SIM_COMPLETIONS;

    p->arena = a->arena;
    p->operation = a->rq->operation;
    p->model = str_dup(a->arena, a->rq->model);
    p->created = clock_wall_ms() / 1000;
    p->input_tokens = a->input_tokens;
    p->reasoning_shown = a->reasoning_shown || a->say.reasoning;
    p->reasoning_sealed = a->reasoning_sealed;
    draw_nonce(p);
    p->id = sim_id(p, answer_prefix(a), 0);
    p->n_choices = completions ? a->n * a->n_inputs : a->n;
    p->choices = arena_array(a->arena, struct sim_choice, p->n_choices);
    for (unsigned k = 0; k < p->n_choices; k++) {
        fill_choice(a, p, k, completions && k / a->n > 0 ? a->inputs[k / a->n] : a->user);
        if (a->max_tokens)
            cut_choice(p, &p->choices[k], a->max_tokens);
    }
    count(p);
    sim_speak_init(p, a);
    return p;
}

/* ---- Steps of a stream ---- */

enum { PIECE_MAX = 24 };

size_t sim_piece(str text)
{
    size_t n = 0;

    while (n < text.n && ascii_space(text.p[n]) && n < PIECE_MAX)
        n++;
    while (n < text.n && !ascii_space(text.p[n]) && n < PIECE_MAX)
        n++;
    /* Not in the middle of a character; four bytes are the longest one. */
    while (n < text.n && ((unsigned char)text.p[n] & 0xC0) == 0x80)
        n++;
    return n;
}

bool sim_stream_at_text(const struct sim_stream *s)
{
    return s->at == SIM_AT_TEXT && s->offset < s->plan->blocks[s->block].text.n;
}

static size_t step_text(struct sim_stream *s, struct buf *out)
{
    const struct sim_block *b = &s->plan->blocks[s->block];
    str rest = str_from(b->text, s->offset);
    size_t n = sim_piece(rest);

    if (n == 0) {
        sim_speak_close(s->plan, b, out);
        s->block++;
        s->at = SIM_AT_BLOCK;
        return 0;
    }
    sim_speak_text(s->plan, b, str_head(rest, n), out);
    s->offset += n;
    return n;
}

static void step_block(struct sim_stream *s, struct buf *out)
{
    const struct sim_choice *c = &s->plan->choices[s->choice];

    if (s->block == c->first + c->count) {
        sim_speak_finish(s->plan, s->choice, out);
        s->choice++;
        s->at = SIM_AT_CHOICE;
        return;
    }
    sim_speak_open(s->plan, &s->plan->blocks[s->block], out);
    s->offset = 0;
    s->at = SIM_AT_TEXT;
}

static void step_choice(struct sim_stream *s, struct buf *out)
{
    if (s->choice == s->plan->n_choices) {
        sim_speak_end(s->plan, out);
        s->at = SIM_AT_END;
        return;
    }
    s->block = s->plan->choices[s->choice].first;
    s->at = SIM_AT_BLOCK;
}

size_t sim_stream_step(struct sim_stream *s, struct buf *out)
{
    switch (s->at) {
    case SIM_AT_START:
        sim_speak_start(s->plan, out);
        s->at = SIM_AT_CHOICE;
        return 0;
    case SIM_AT_CHOICE: step_choice(s, out); return 0;
    case SIM_AT_BLOCK: step_block(s, out); return 0;
    case SIM_AT_TEXT: return step_text(s, out);
    case SIM_AT_END: return 0;
    }
    return 0;
}
