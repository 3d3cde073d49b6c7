#include "config/blocks.h"

#define VENDOR(name, base, aliases) {name, aliases, name, base, CHANNEL_OPENAI, SHAPE_VENDOR},

const struct block blocks[] = {
    {"openai-compatibility", "", NULL, NULL, CHANNEL_OPENAI, SHAPE_COMPAT},
    {"claude-api-key", "", "claude", "https://api.anthropic.com", CHANNEL_CLAUDE, SHAPE_KEY},
    {"gemini-api-key", "", "gemini", "https://generativelanguage.googleapis.com", CHANNEL_GEMINI,
     SHAPE_KEY},
    {"codex-api-key", "", "codex", NULL, CHANNEL_CODEX, SHAPE_KEY},
    {"xai-api-key", "", "xai", NULL, CHANNEL_CODEX, SHAPE_KEY},
    {"vertex-api-key", "", "vertex", "https://aiplatform.googleapis.com", CHANNEL_VERTEX,
     SHAPE_KEY},
    {"sim", "", NULL, "", CHANNEL_SIM, SHAPE_SIM},
#include "config/vendors.def"
};

const size_t n_blocks = sizeof blocks / sizeof *blocks;

const struct block *block_find(str key)
{
    for (size_t i = 0; i < n_blocks; i++) {
        str aliases = str_c(blocks[i].aliases);
        if (str_eq(key, str_c(blocks[i].name)))
            return &blocks[i];
        while (aliases.n)
            if (str_eq(key, str_split(&aliases, ' ')))
                return &blocks[i];
    }
    return NULL;
}
