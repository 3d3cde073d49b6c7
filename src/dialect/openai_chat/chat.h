/* dialect/openai_chat/chat.h - what the files of this folder share. */
#ifndef CLIPROXY_DIALECT_OPENAI_CHAT_CHAT_H
#define CLIPROXY_DIALECT_OPENAI_CHAT_CHAT_H

#include "base/buf.h"
#include "base/err.h"

/* See dialect_stream_from_whole. */
enum err chat_stream_from_whole(str body, struct buf *out) must_check;

#endif
