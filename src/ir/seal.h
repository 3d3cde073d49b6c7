/*
 * ir/seal.h - opaque reasoning on a trip through a client of another dialect.
 *
 * A provider's signature must come back to it unchanged with the next turn, but the client in
 * between speaks another dialect, has another field for such things, and may one day be talking to
 * another provider. So the seal is packed: issuer, id and value, as standard base64 (Gemini clients
 * decode the field; the others take any string). Unpacking tells whose it is; a seal that is not
 * packed was issued by a provider of the client's own dialect.
 */
#ifndef CLIPROXY_IR_SEAL_H
#define CLIPROXY_IR_SEAL_H

#include "ir/part.h"

enum { IR_SEAL_MAX = 1024 * 1024 };

/* What every packed seal begins with. Other things that are made up for a client of another
 * dialect, and that a provider of that dialect would refuse, bear it as well. Alone it is no seal.
 */
#define IR_SEAL_MARK "Y2xpcHJveHkx"

/* The seal as a client of another dialect keeps it: base64 of a tag, the issuer, id and value.
 * Issued by `to` itself it stays as it is. */
str ir_seal_pack(const struct ir_seal *seal, enum dialect_id to, struct arena *a);

/* What a client of dialect `from` sent back. */
struct ir_seal ir_seal_unpack(str value, enum dialect_id from, struct arena *a);

/* Whether a text has the mark: a quick look for whoever would pass it on unread. */
bool ir_seal_mentioned(str text);

#endif
