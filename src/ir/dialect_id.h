/*
 * ir/dialect_id.h - the wire languages, by number: whom a form, a signature or a leftover is from.
 */
#ifndef CLIPROXY_IR_DIALECT_ID_H
#define CLIPROXY_IR_DIALECT_ID_H

enum dialect_id {
    DIALECT_CHAT,
    DIALECT_RESPONSES,
    DIALECT_ANTHROPIC,
    DIALECT_GEMINI,
    DIALECT_COUNT
};

#endif
