/*
 * json/edit.h - a JSON text with some spans replaced.
 *
 * Edits are collected against the original text and applied in one go as a list of pieces that
 * point into the original and into the replacements: no byte of an unedited span is copied.
 */
#ifndef CLIPROXY_JSON_EDIT_H
#define CLIPROXY_JSON_EDIT_H

#include <sys/uio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "json/scan.h"

enum { JSON_EDITS_MAX = 16, JSON_PIECES_MAX = 2 * JSON_EDITS_MAX + 1 };

/* Which commas go or come with a removed or inserted member is settled at the end, when it is known
 * which of its neighbours stay. */
enum json_edit_kind { JSON_EDIT_REPLACE, JSON_EDIT_REMOVE, JSON_EDIT_INSERT };

struct json_edit_span {
    enum json_edit_kind kind;
    size_t at, n; /* the span of doc that goes */
    str text;     /* what comes instead; an insertion's begins with a comma that may be dropped */
};

struct json_edit {
    str doc;
    struct arena *arena; /* replacements are kept here */
    size_t n;
    struct json_edit_span spans[JSON_EDITS_MAX]; /* private */
    bool failed;                                 /* too many edits, or overlapping ones; sticky */
};

void json_edit_init(struct json_edit *e, str doc, struct arena *a);

/*
 * Replaces a span by text (valid JSON there; borrowed until the pieces are used). Done again to the
 * same span, the last text counts; edits inside the span are forgotten. n == 0 puts text in as it
 * is, commas included: for a caller who knows what stands there.
 */
void json_edit_replace(struct json_edit *e, size_t at, size_t n, str text);

/* Replaces a value by a string literal made of text. */
void json_edit_set_string(struct json_edit *e, struct json_span value, str text);

/* Removes a member with its comma; edits inside it are forgotten. */
void json_edit_remove(struct json_edit *e, struct json_span member);

/*
 * Sets obj[path[0]][path[1]]... to value (JSON text, borrowed), creating objects on the way; a
 * non-object on the way is replaced. obj is an object of doc. What earlier edits put or removed
 * there is taken into account. ERR_DUPLICATE_KEY as in a scan.
 */
enum err json_edit_set(struct json_edit *e, struct json_span obj, const str *path, size_t n_path,
                       str value, struct fail *f) must_check;

/* The result as pieces (empty ones left out); returns how many, 0 when failed. Sorts the spans. */
size_t json_edit_pieces(struct json_edit *e, struct iovec out[JSON_PIECES_MAX]);

size_t json_edit_length(const struct json_edit *e);

#endif
