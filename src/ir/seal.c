#include "ir/seal.h"

#include "base/base64.h"

/*
 * The packed form is base64 of: the tag (nine bytes are twelve digits, so that it shows without
 * decoding), a digit for the issuer, the length of the id as two hexadecimal digits, the id, the
 * value. Ids longer than that do not occur (Responses: "rs_" and 48 or so characters).
 */
static const str tag = {"cliproxy1", 9}, tag_packed = {IR_SEAL_MARK, sizeof IR_SEAL_MARK - 1};

enum { HEAD = 9 + 1 + 2, ID_MAX = 255 };

static const char hex[] = "0123456789abcdef";

str ir_seal_pack(const struct ir_seal *seal, enum dialect_id to, struct arena *a)
{
    if (seal->issuer == to || !seal->value.n)
        return seal->value;
    if (seal->value.n > IR_SEAL_MAX)
        return S("");
    str id = seal->id.n <= ID_MAX ? seal->id : S("");
    char head[3] = {(char)('0' + seal->issuer), hex[id.n >> 4], hex[id.n & 15]};
    str parts[] = {tag, str_of(head, 3), id, seal->value};
    return base64_encode(str_join(a, parts, 4), a);
}

static bool hex_digit(char c, size_t *v)
{
    const char *at = c ? memchr(hex, c, 16) : NULL;
    *v = *v << 4 | (at ? (size_t)(at - hex) : 0);
    return at != NULL;
}

/* bytes begins with the tag. */
static bool read_packed(str bytes, struct ir_seal *seal)
{
    size_t n = 0;
    if (bytes.n < HEAD)
        return false;
    unsigned issuer = (unsigned char)bytes.p[tag.n] - (unsigned)'0';
    if (issuer >= DIALECT_COUNT || !hex_digit(bytes.p[tag.n + 1], &n) ||
        !hex_digit(bytes.p[tag.n + 2], &n) || n > bytes.n - HEAD)
        return false;
    seal->issuer = (enum dialect_id)issuer;
    seal->id = str_of(bytes.p + HEAD, n);
    seal->value = str_from(bytes, HEAD + n);
    return true;
}

struct ir_seal ir_seal_unpack(str value, enum dialect_id from, struct arena *a)
{
    struct ir_seal seal = {.issuer = from}, none = seal;
    size_t n;
    if (!str_starts(value, tag_packed)) {
        seal.value = value;
        return seal;
    }
    /* What has our tag and is broken is nobody's signature. */
    if (value.n / 4 > (IR_SEAL_MAX + HEAD + ID_MAX) / 3 + 1)
        return none;
    char *bytes = arena_alloc(a, value.n / 4 * 3 + 3);
    return base64_decode(value, bytes, &n) && read_packed(str_of(bytes, n), &seal) ? seal : none;
}

bool ir_seal_mentioned(str text)
{
    return str_find(text, tag_packed) < text.n;
}
