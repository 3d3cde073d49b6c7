/*
 * ir/names.c - the request's side: what the target cannot spell, spelt anew. The answer's side is
 * ir/unname.c.
 *
 * Names that fit are reserved before others are made, so that no made name takes one of them away
 * from its tool. All is decided in the order of the tools: the same tools get the same names in
 * every request, as the provider's prompt cache wants it.
 */
#include "ir/names.h"

#include <stdio.h>

#include "base/hash.h"
#include "base/map.h"
#include "json/read.h"

/* A tool's name with its namespace: what the client means, and what goes over the wire. */
struct entry {
    str name, space, wire; /* wire.p == NULL: not yet decided */
    enum ir_call_kind call;
    size_t suffix; /* the last one tried for those who wanted the same wire name */
};

struct fitting {
    struct ir_request *rq;
    const struct ir_alphabet *to;
    struct map entries; /* by space and name */
    struct map bare;    /* by name alone: the first of it; choices name tools so */
    struct map wires;   /* names that are taken */
    struct arena *life;
    struct ir_names *names;
    yyjson_val *input_schema;
};

/* ---- spelling ---- */

static bool allowed(char c, const char *extra)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (c && extra && strchr(extra, c));
}

static bool all_allowed(str s, const char *extra)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!allowed(s.p[i], extra))
            return false;
    }
    return true;
}

static bool starts_well(str name, const struct ir_alphabet *to)
{
    char c = name.n ? ascii_lower(name.p[0]) : 0;
    return !to->name_starts_with_letter || c == '_' || (c >= 'a' && c <= 'z');
}

static bool short_enough(str name, const struct ir_alphabet *to)
{
    return !to->name_max || name.n <= to->name_max;
}

static bool fits(str name, const struct ir_alphabet *to)
{
    return name.n && short_enough(name, to) && starts_well(name, to) &&
           all_allowed(name, to->name_extra);
}

/* A copy with '_' for each character (not byte) that is not allowed. */
static str spell(str s, const char *extra, struct arena *a)
{
    char *p = arena_alloc(a, s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (allowed(s.p[i], extra))
            p[n++] = s.p[i];
        else if (((unsigned char)s.p[i] & 0xc0) != 0x80)
            p[n++] = '_';
    }
    return str_of(p, n);
}

/* SPEC 5.5: of an MCP tool's long name the prefix and the last segment tell most. */
static str shorten(str name, const struct ir_alphabet *to, struct arena *a)
{
    if (short_enough(name, to))
        return name;
    size_t at = name.n;
    while (at > 2 && !(name.p[at - 1] == '_' && name.p[at - 2] == '_'))
        at--;
    str parts[] = {S("mcp__"), str_from(name, at)};
    if (str_starts(name, parts[0]) && at > parts[0].n && parts[1].n &&
        parts[0].n + parts[1].n <= to->name_max)
        return str_join(a, parts, 2);
    return str_head(name, to->name_max);
}

static str joined(const struct fitting *f, str space, str name)
{
    str parts[] = {space, S("__"), name};
    return space.n && !f->to->has_space ? str_join(f->rq->arena, parts, 3) : name;
}

/* The name in the target's alphabet and length, perhaps taken already. */
static str respell(struct fitting *f, const struct entry *e)
{
    struct arena *a = f->rq->arena;
    str name = spell(joined(f, e->space, e->name), f->to->name_extra, a);
    str alone = spell(e->name, f->to->name_extra, a);
    if (!name.n)
        name = S("tool");
    if (!starts_well(name, f->to)) {
        str parts[] = {S("_"), name};
        name = str_join(a, parts, 2);
    }
    /* A namespace that makes the name too long goes, unless it is MCP's. */
    if (!short_enough(name, f->to) && !str_starts(name, S("mcp__")) && fits(alone, f->to))
        name = alone;
    return shorten(name, f->to, a);
}

static bool reserve(struct fitting *f, struct entry *e, str wire)
{
    void **at = map_at(&f->wires, wire);
    if (*at)
        return false;
    *at = e;
    e->wire = wire;
    return true;
}

/* Who holds the name remembers how many have come for it, so that a thousand do not each try a
 * thousand suffixes. */
static void make_wire(struct fitting *f, struct entry *e)
{
    char suffix[24];
    str base = e->wire.p ? e->wire : respell(f, e), tried;
    if (e->wire.p || reserve(f, e, base))
        return;
    struct entry *holder = map_get(&f->wires, base);
    do {
        int n = snprintf(suffix, sizeof suffix, "_%zu", ++holder->suffix);
        size_t room = f->to->name_max ? f->to->name_max - (size_t)n : base.n;
        str parts[] = {str_head(base, room), str_of(suffix, (size_t)n)};
        tried = str_join(f->rq->arena, parts, 2);
    } while (!reserve(f, e, tried));
}

/* ---- tools ---- */

static str key_of(struct fitting *f, str space, str name)
{
    str parts[] = {space, str_of("\0", 1), name};
    return space.n ? str_join(f->rq->arena, parts, 3) : name;
}

/* The entry; NULL when there was one already and `again` is not asked for. */
static struct entry *entry_of(struct fitting *f, str space, str name, bool again)
{
    void **at = map_at(&f->entries, key_of(f, space, name));
    if (*at)
        return again ? *at : NULL;
    struct entry *e = arena_new(f->rq->arena, struct entry);
    *e = (struct entry){.name = name, .space = space};
    *at = e;
    at = map_at(&f->bare, name);
    if (!*at)
        *at = e;
    str full = joined(f, space, name);
    if (fits(full, f->to))
        reserve(f, e, full);
    return e;
}

static bool has_name(const struct ir_tool *t)
{
    return t->kind == IR_TOOL_FUNCTION || t->kind == IR_TOOL_CUSTOM ||
           (t->kind == IR_TOOL_OWN && t->schema);
}

/* Only what the way back needs. */
static void remember(struct fitting *f, const struct entry *e)
{
    bool apart = e->space.n && !f->to->has_space;
    if (!apart && e->call == IR_CALL_FUNCTION && str_eq(e->wire, e->name))
        return;
    struct ir_renamed *r = arena_new(f->life, struct ir_renamed);
    *r = (struct ir_renamed){.next = f->names->list,
                             .wire = str_dup(f->life, e->wire),
                             .name = str_dup(f->life, e->name),
                             .space = str_dup(f->life, apart ? e->space : S("")),
                             .call = e->call};
    f->names->list = r;
}

/* Whether calls must be turned back into the client's kind. */
static enum ir_call_kind kind_back(const struct fitting *f, const struct ir_tool *t)
{
    if (t->kind == IR_TOOL_CUSTOM && !f->to->has_custom)
        return IR_CALL_CUSTOM;
    return t->kind == IR_TOOL_OWN ? IR_CALL_OWN : IR_CALL_FUNCTION;
}

/* What the model is told of a tool that takes text, where tools take objects only. */
static str describe(struct fitting *f, const struct ir_tool *t)
{
    str syntax = jv_get_str(t->grammar, "syntax"), text = jv_get_str(t->grammar, "definition");
    str parts[] = {t->description,
                   t->description.n ? S("\n\n") : S(""),
                   S("This tool takes free text: give all of it as the string `input`, as it is, "
                     "without quoting it or wrapping it in JSON of your own."),
                   text.n ? S("\n\nThe text must match this grammar (") : S(""),
                   text.n ? (syntax.n ? syntax : S("lark")) : S(""),
                   text.n ? S("):\n") : S(""),
                   text};
    return str_join(f->rq->arena, parts, sizeof parts / sizeof parts[0]);
}

static yyjson_val *input_schema(struct fitting *f)
{
    static const char text[] =
        "{\"type\":\"object\",\"properties\":{\"input\":{\"type\":\"string\","
        "\"description\":\"The free text that the tool takes\"}},\"required\":[\"input\"]}";
    if (!f->input_schema && json_read(str_c(text), f->rq->arena, &f->input_schema, NULL) != OK)
        must_fail(__FILE__, __LINE__, "the schema of custom tools is not JSON");
    return f->input_schema;
}

static void fit_tool(struct fitting *f, struct ir_tool *t, struct entry *e)
{
    make_wire(f, e);
    e->call = kind_back(f, t);
    remember(f, e);
    t->name = e->wire;
    if (!f->to->has_space)
        t->space = S("");
    if (e->call == IR_CALL_CUSTOM) {
        t->description = describe(f, t);
        t->schema = input_schema(f);
        t->grammar = NULL;
        t->strict = IR_UNSAID;
    }
    if (e->call != IR_CALL_FUNCTION)
        t->kind = IR_TOOL_FUNCTION;
}

/* Names that fit first; a tool that is declared twice stays once. */
static void fit_tools(struct fitting *f)
{
    struct ir_request *rq = f->rq;
    struct ir_tool *t = rq->tools, *next;
    rq->tools_end = &rq->tools;
    for (; t; t = next) {
        next = t->next;
        if (has_name(t) && !entry_of(f, t->space, t->name, false))
            continue;
        *rq->tools_end = t;
        rq->tools_end = &t->next;
    }
    *rq->tools_end = NULL;
    for (t = rq->tools; t; t = t->next) {
        if (has_name(t))
            fit_tool(f, t, entry_of(f, t->space, t->name, true));
    }
}

static void fit_choice(struct fitting *f)
{
    struct ir_choice *c = &f->rq->choice;
    str *names = arena_array(f->rq->arena, str, c->n_names);
    for (size_t i = 0; i < c->n_names; i++) {
        struct entry *e = map_get(&f->bare, c->names[i]);
        names[i] = e ? e->wire : c->names[i];
    }
    c->names = names;
    if (c->tool == IR_TOOL_CUSTOM && !f->to->has_custom)
        c->tool = IR_TOOL_FUNCTION;
}

/* ---- calls and results ---- */

/*
 * An id in the target's alphabet and length. What does not fit keeps as much as there is room for,
 * and gets a hash of all: two ids stay two.
 */
static str fit_id(const struct fitting *f, str id)
{
    enum { HASH = 17, OTHERWISE = 64 };
    size_t max = f->to->id_max ? f->to->id_max : OTHERWISE;
    bool short_ = !f->to->id_max || id.n <= f->to->id_max;
    if (short_ && (!f->to->id_extra || all_allowed(id, f->to->id_extra)))
        return id;
    str head = spell(id, f->to->id_extra ? f->to->id_extra : "_-", f->rq->arena);
    head = str_head(head, max > HASH ? max - HASH : 0);
    return arena_printf(f->rq->arena, "%.*s_%016llx", STR_FMT(head),
                        (unsigned long long)hash_siphash(0x6964, 0, id));
}

static void fit_name(struct fitting *f, struct ir_part *p)
{
    struct entry *e = entry_of(f, p->space, p->name, true);
    if (!e->wire.p) { /* a tool that is no longer declared, and may be called again all the same */
        make_wire(f, e);
        e->call = p->kind == IR_PART_CALL && (p->call == IR_CALL_OWN || !f->to->has_custom)
                      ? p->call
                      : IR_CALL_FUNCTION;
        remember(f, e);
    }
    p->name = e->wire;
    if (!f->to->has_space)
        p->space = S("");
}

static void text_to_input(struct fitting *f, struct ir_part *p)
{
    struct buf b;
    buf_init(&b, SIZE_MAX / 2);
    buf_lit(&b, "{\"input\":");
    json_put_string(&b, p->text);
    buf_lit(&b, "}");
    p->text = str_dup(f->rq->arena, buf_str(&b));
    p->args = NULL;
    p->no_text = false;
    buf_fini(&b);
}

static void fit_part(struct fitting *f, struct ir_part *p)
{
    bool custom = p->call == IR_CALL_CUSTOM && !f->to->has_custom;
    if (p->id.n)
        p->id = fit_id(f, p->id);
    if (p->name.n || p->kind == IR_PART_CALL)
        fit_name(f, p);
    if (custom && p->kind == IR_PART_CALL)
        text_to_input(f, p);
    if (custom || p->call == IR_CALL_OWN)
        p->call = IR_CALL_FUNCTION;
}

void ir_names_fit(struct ir_request *rq, const struct ir_alphabet *to, struct arena *a,
                  struct ir_names *names)
{
    struct fitting f = {.rq = rq, .to = to, .life = a, .names = names};
    map_init(&f.entries, rq->arena);
    map_init(&f.bare, rq->arena);
    map_init(&f.wires, rq->arena);
    *names = (struct ir_names){NULL};
    fit_tools(&f);
    fit_choice(&f);
    for (struct ir_message *m = rq->messages; m; m = m->next) {
        for (struct ir_part *p = m->parts.first; p; p = p->next) {
            if (p->kind == IR_PART_CALL || p->kind == IR_PART_RESULT)
                fit_part(&f, p);
        }
    }
}

const struct ir_renamed *ir_names_find(const struct ir_names *names, str wire)
{
    for (const struct ir_renamed *r = names->list; r; r = r->next) {
        if (str_eq(r->wire, wire))
            return r;
    }
    return NULL;
}
