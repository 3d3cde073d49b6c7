#include "dialect/reference.h"

#include "dialect/codec.h"

static const char *const titles[DIALECT_COUNT] = {
    [DIALECT_CHAT] = "OpenAI Chat Completions",
    [DIALECT_RESPONSES] = "OpenAI Responses",
    [DIALECT_ANTHROPIC] = "Anthropic Messages",
    [DIALECT_GEMINI] = "Gemini generateContent",
};

static const struct ir_fate_row *row_of(enum dialect_id d, unsigned f)
{
    return &codec_get(d)->fates[f];
}

/* What is no feature of a dialect has no spelling there. */
static bool can_say(const struct ir_fate_row *row)
{
    return row->wire[0] || row->fate == FATE_CARRIED;
}

/* ---- the tables side by side ---- */

static void put_cell(FILE *out, const struct ir_fate_row *row)
{
    static const char *const words[] = {
        [FATE_UNSET] = "?",         [FATE_CARRIED] = "",        [FATE_APPROX] = "near",
        [FATE_DROPPED] = "dropped", [FATE_REFUSED] = "refused", [FATE_IMPLICIT] = "implied"};
    fputs(" ", out);
    if (row->fate == FATE_CARRIED && !row->wire[0])
        fputs("yes", out);
    else if (row->fate == FATE_CARRIED)
        fprintf(out, "`%s`", row->wire);
    else if (row->fate == FATE_APPROX && row->wire[0])
        fprintf(out, "near: `%s`", row->wire);
    else
        fputs(words[row->fate], out);
    fputs(" |", out);
}

static void put_rows(FILE *out, bool asks)
{
    fprintf(out, "\n| %s |", asks ? "requests" : "answers");
    for (unsigned d = 0; d < DIALECT_COUNT; d++)
        fprintf(out, " %s |", dialect_get((enum dialect_id)d)->name);
    fputs("\n| --- | --- | --- | --- | --- |\n", out);
    for (unsigned f = 0; f < CAN_COUNT; f++) {
        if (ir_feature_asks((enum ir_feature)f) != asks)
            continue;
        fprintf(out, "| %s |", ir_feature_text((enum ir_feature)f));
        for (unsigned d = 0; d < DIALECT_COUNT; d++)
            put_cell(out, row_of((enum dialect_id)d, f));
        fputs("\n", out);
    }
}

/* ---- pairs ---- */

/* The features of one fate, on one line or as a list with their notes. */
struct group {
    const char *title;
    enum ir_fate fate;
    bool noted; /* those that have a note; else those without */
};

static const struct group groups[] = {
    {"Carried", FATE_CARRIED, false},
    {"Carried, within limits", FATE_CARRIED, true},
    {"Implied", FATE_IMPLICIT, false},
    {"Implied", FATE_IMPLICIT, true},
    {"Approximated", FATE_APPROX, false},
    {"Approximated", FATE_APPROX, true},
    {"Dropped, and named in `x-cliproxy-dropped`", FATE_DROPPED, false},
    {"Dropped, because", FATE_DROPPED, true},
    {"Refused", FATE_REFUSED, false},
    {"Refused, because", FATE_REFUSED, true},
};

static bool belongs(const struct group *g, enum dialect_id said, enum dialect_id heard, unsigned f,
                    bool asks)
{
    const struct ir_fate_row *row = row_of(heard, f);
    return ir_feature_asks((enum ir_feature)f) == asks && can_say(row_of(said, f)) &&
           row->fate == g->fate && (row->note[0] != 0) == g->noted;
}

static void put_member(FILE *out, const struct group *g, enum dialect_id said,
                       enum dialect_id heard, unsigned f, bool first)
{
    const char *spelt = row_of(said, f)->wire, *what = ir_feature_text((enum ir_feature)f);
    if (!g->noted) {
        fprintf(out, "%s%s", first ? "" : "; ", what);
        return;
    }
    fprintf(out, "- %s", what);
    if (spelt[0])
        fprintf(out, " (`%s`)", spelt);
    fprintf(out, ": %s\n", row_of(heard, f)->note);
}

static void put_group(FILE *out, const struct group *g, enum dialect_id said, enum dialect_id heard,
                      bool asks)
{
    bool any = false;
    for (unsigned f = 0; f < CAN_COUNT; f++) {
        if (!belongs(g, said, heard, f, asks))
            continue;
        if (!any)
            fprintf(out, "%s:%s", g->title, g->noted ? "\n\n" : " ");
        put_member(out, g, said, heard, f, !any);
        any = true;
    }
    if (any)
        fputs(g->noted ? "\n" : ".\n\n", out);
}

static void put_side(FILE *out, enum dialect_id said, enum dialect_id heard, bool asks)
{
    fprintf(out, "#### %s\n\n", asks ? "What the client asks" : "What the provider answers");
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        put_group(out, &groups[i], said, heard, asks);
}

static void put_pair(FILE *out, enum dialect_id client, enum dialect_id provider)
{
    fprintf(out, "### %s client, %s provider\n\n", dialect_get(client)->name,
            dialect_get(provider)->name);
    put_side(out, client, provider, true);
    put_side(out, provider, client, false);
}

/* ---- the page ---- */

static void put_introduction(FILE *out)
{
    fputs(
        "# Dialects\n\n"
        "What becomes of a request or an answer between a client of one dialect and a provider of\n"
        "another. Generated from `src/dialect/*/features.def`. Between equals nothing is\n"
        "translated: bodies pass as they are.\n\n"
        "- **carried**: the other dialect has the same thing; the table names its spelling;\n"
        "- **near** (approximated): it has something like it, and the note says what;\n"
        "- **implied**: it never says so, and its silence means the same;\n"
        "- **dropped**: left out; counted, and named in the header `x-cliproxy-dropped`. Members\n"
        "  that no table knows are dropped and named as well;\n"
        "- **refused**: without it the request would mean another thing; the answer is a 400 that\n"
        "  names it.\n\n",
        out);
    for (unsigned d = 0; d < DIALECT_COUNT; d++)
        fprintf(out, "- `%s`: %s\n", dialect_get((enum dialect_id)d)->name, titles[d]);
}

void dialect_print_reference(FILE *out)
{
    put_introduction(out);
    fputs("\n## What each can say\n", out);
    put_rows(out, true);
    put_rows(out, false);
    fputs("\n## Pairs\n\n", out);
    for (unsigned c = 0; c < DIALECT_COUNT; c++) {
        for (unsigned p = 0; p < DIALECT_COUNT; p++) {
            if (c != p)
                put_pair(out, (enum dialect_id)c, (enum dialect_id)p);
        }
    }
}
