/*
 * ir/tokens.h - how many tokens something is, counted here: for answers to counting requests when
 * the provider has no endpoint for them.
 *
 * It is an estimate. Vocabularies of 2 to 5 MB per vendor would be exact for some and are published
 * for few; so a text is cut into pieces as tokenizers do, and each class of pieces has a price per
 * family, fitted to real tokenizers (tools/fit_tokens.py). doc/tokens.md has the measured error:
 * half of all texts within 3 %, nine in ten within 10 %.
 */
#ifndef CLIPROXY_IR_TOKENS_H
#define CLIPROXY_IR_TOKENS_H

#include "base/str.h"

struct ir_request;

/* Who shares a tokenizer. */
enum token_family {
    TOKENS_O200K,     /* OpenAI since gpt-4o; whoever is not known */
    TOKENS_CL100K,    /* OpenAI before; near to Llama 3, Qwen, DeepSeek */
    TOKENS_CLAUDE,    /* Claude 3 to 4.6 */
    TOKENS_CLAUDE_47, /* Claude 4.7 and later: up to 1.5 times as many for English */
    TOKENS_GEMINI,    /* Gemini and Gemma */
    TOKEN_FAMILIES
};

/* By the name of a model, whatever stands before it ("us.anthropic.claude-opus-4-7-v1:0"). */
enum token_family token_family_of(str model);

/* Never allocates, takes any bytes, 250 to 330 MB/s. */
uint64_t tokens_of_text(str utf8, enum token_family family);

/* All of a request: texts, media, tools, and what the vendor puts around them. */
uint64_t tokens_of_request(const struct ir_request *rq, enum token_family family);

/* ---- Media, by the vendors' published rules. ---- */

/* Width and height from the first bytes of a PNG, GIF, WebP or JPEG (a JPEG's may come late: some
 * 64 KB are enough mostly); false when they do not tell. */
bool image_size(str head, uint32_t *width, uint32_t *height);

/* width == 0: not known, then that of a usual screenshot. low: the client asked for low detail. */
uint64_t tokens_of_image(enum token_family family, uint32_t width, uint32_t height, bool low);

/* Files by their size in bytes. head are the first bytes, or empty; a WAV's tell its bit rate. */
uint64_t tokens_of_pdf(enum token_family family, uint64_t bytes);
uint64_t tokens_of_audio(enum token_family family, uint64_t bytes, str head);
uint64_t tokens_of_video(enum token_family family, uint64_t bytes);

#endif
