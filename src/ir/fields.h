/*
 * ir/fields.h - tables of a request's members: one row reads and writes.
 *
 * Plain members (a number, a string, a boolean, a tree) are an offset into struct ir_request;
 * odd ones have hooks. The same engine reads nested option objects (Gemini's generationConfig,
 * Responses' text and reasoning) with tables of their own. What no row knows is noted as unknown
 * and, in the same dialect, written again.
 */
#ifndef CLIPROXY_IR_FIELDS_H
#define CLIPROXY_IR_FIELDS_H

#include "ir/request.h"
#include "json/write.h"

/* What a writer is told about where the request goes. */
struct ir_target {
    str model; /* the provider's id of it */
    bool stream;
    bool counting;          /* only its tokens are to be counted: write what the counting endpoint
                            takes (Anthropic and Responses refuse max_tokens and the like there;
                            Gemini wants it inside generateContentRequest) */
    uint64_t max_output;    /* tokens the model can write; 0: unknown */
    bool is_compat;         /* not the dialect's own vendor: a lenient or partial copy of its API */
    bool vertex;            /* Gemini: on Vertex AI, whose API lacks some members of the other */
    enum ir_tri reasons;    /* whether the model is known to reason, or not to */
    struct ir_losses *lost; /* for what a writer leaves out because of this very model or provider;
                               may be NULL */
};

static inline void ir_target_lose(const struct ir_target *to, str name)
{
    if (to->lost)
        ir_losses_add(to->lost, name);
}

enum ir_field_kind { FIELD_NUMBER, FIELD_STRING, FIELD_BOOLEAN, FIELD_TREE, FIELD_HOOK };

struct ir_field {
    const char *key;
    enum ir_field_kind kind;
    size_t at; /* NUMBER, STRING: a str; BOOLEAN: an enum ir_tri; TREE: yyjson_val * */
    enum ir_feature feature; /* marked when the member is there; CAN_COUNT: none */
    /* HOOK. v is never null. write puts key and value, or nothing. NULL: only read / written by
     * somebody else. */
    enum err (*read)(struct ir_request *rq, yyjson_val *v, struct fail *f);
    void (*write)(const struct ir_request *rq, const struct ir_target *to, struct json_writer *w);
};

#define IR_AT(member) offsetof(struct ir_request, member)
#define FIELD_NUM(key, member, feature)                             \
    {                                                               \
        key, FIELD_NUMBER, IR_AT(member), CAN_##feature, NULL, NULL \
    }
#define FIELD_STR(key, member, feature)                             \
    {                                                               \
        key, FIELD_STRING, IR_AT(member), CAN_##feature, NULL, NULL \
    }
#define FIELD_BOOL(key, member, feature)                             \
    {                                                                \
        key, FIELD_BOOLEAN, IR_AT(member), CAN_##feature, NULL, NULL \
    }
#define FIELD_JSON(key, member, feature)                          \
    {                                                             \
        key, FIELD_TREE, IR_AT(member), CAN_##feature, NULL, NULL \
    }
#define FIELD_OF(key, feature, reader, writer)            \
    {                                                     \
        key, FIELD_HOOK, 0, CAN_##feature, reader, writer \
    }
/* A member of which only its presence matters: kept for the dialect itself, lost by its feature
 * elsewhere. */
#define FIELD_OWN(key, feature)                       \
    {                                                 \
        key, FIELD_HOOK, 0, CAN_##feature, NULL, NULL \
    }
#define FIELD_LAST                                 \
    {                                              \
        NULL, FIELD_HOOK, 0, CAN_COUNT, NULL, NULL \
    }

/*
 * Whether a member's key is name. A camelCase name is also met by its snake_case spelling: proto3
 * JSON parsers take both (protobuf.dev, ProtoJSON format), and so clients of Gemini write both.
 */
bool ir_key_is(str key, const char *name);

/*
 * Reads obj's members; null counts as absent. Rows take keys as ir_key_is does; of both spellings
 * the camelCase one counts. path ("" or "generationConfig.") goes into messages
 * and the names of unknown members. ERR_BAD_REQUEST names the member and what it must be.
 */
enum err ir_fields_read(const struct ir_field *rows, struct ir_request *rq, yyjson_val *obj,
                        const char *path, struct fail *f) must_check;

/*
 * Writes the rows' members in table order; then, when rq came from the dialect self, what of src
 * (the object they were read from, or NULL) no row has written: nulls, OWN members, unknown ones.
 */
void ir_fields_write(const struct ir_field *rows, const struct ir_request *rq, enum dialect_id self,
                     yyjson_val *src, const struct ir_target *to, struct json_writer *w);

/* Whether a hook's value has the type it must have; else ERR_BAD_REQUEST: "tools must be an array,
 * it is a string". */
enum err ir_want_array(yyjson_val *v, const char *name, struct fail *f) must_check;
enum err ir_want_object(yyjson_val *v, const char *name, struct fail *f) must_check;
enum err ir_want_string(yyjson_val *v, const char *name, struct fail *f) must_check;

#endif
