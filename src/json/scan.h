/*
 * json/scan.h - one strict pass over a JSON text that finds what we act on.
 *
 * The scanner validates the whole text (RFC 8259: one value, no trailing commas, no control bytes
 * in strings, well-formed UTF-8 and escapes, numbers by the grammar; depth below a limit) and
 * records, for a handful of watched top-level members, where key and value stand. Nothing is
 * copied or converted: the text itself is what gets forwarded, so we route by the very bytes the
 * provider will read.
 *
 * A watched key that appears twice, in whatever spelling (`model`, `mod\u0065l`), is an error:
 * two readers could disagree about which one counts.
 */
#ifndef CLIPROXY_JSON_SCAN_H
#define CLIPROXY_JSON_SCAN_H

#include "base/err.h"
#include "base/str.h"

enum json_kind {
    JSON_ABSENT,
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

/* A member or value found by a scan; offsets into the scanned text. */
struct json_span {
    enum json_kind kind;
    bool escaped;  /* JSON_STRING: contains a backslash */
    size_t key_at; /* the opening quote of the key (members only) */
    size_t at, n;  /* the value with its quotes or brackets */
};

/* The value's text. */
static inline str json_text(str doc, struct json_span v)
{
    return v.kind == JSON_ABSENT ? (str){NULL, 0} : str_of(doc.p + v.at, v.n);
}

/*
 * Scans doc, which must be one object. keys[i] names a watched member; found[i] is filled, or
 * kind JSON_ABSENT. max_depth counts nested containers, the root included.
 *   OK, or ERR_BAD_JSON / ERR_TOO_DEEP / ERR_DUPLICATE_KEY with the byte offset in *f's text.
 */
enum err json_scan_object(str doc, const str *keys, struct json_span *found, size_t n_keys,
                          unsigned max_depth, struct fail *f) must_check;

/* The same inside an object already found by a scan (hence valid): watched members of obj. */
enum err json_scan_members(str doc, struct json_span obj, const str *keys, struct json_span *found,
                           size_t n_keys, struct fail *f) must_check;

/* The root object of a text that has been scanned; JSON_ABSENT when it is blank. */
static inline struct json_span json_root(str doc)
{
    str s = str_trim(doc);
    return (struct json_span){
        .kind = s.n ? JSON_OBJECT : JSON_ABSENT, .at = (size_t)(s.p - doc.p), .n = s.n};
}

/* Validates any one JSON value; its kind goes to *kind if not NULL. */
enum err json_validate(str doc, unsigned max_depth, enum json_kind *kind,
                       struct fail *f) must_check;

/*
 * Decodes a string literal (with its quotes) into out, which needs room for lit.n bytes. Returns
 * the number of bytes. The literal must be valid, as a scan has found it. A lone surrogate
 * becomes U+FFFD.
 */
size_t json_unescape(str lit, char *out);

/* True when the literal's decoded text equals want; no copy. */
bool json_string_is(str lit, str want);

#endif
