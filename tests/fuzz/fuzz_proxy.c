/*
 * What a proxy says, and URLs. The first byte picks: 0 an URL and a NO_PROXY list, else the kind of
 * proxy; the rest is its input, fed in pieces of 1 to 7 bytes.
 *
 * Properties: a word of ours is never larger than its bound, a refusal has a text, and once
 * through or refused nothing is asked any more.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/must.h"
#include "http/proxy.h"
#include "http/proxy_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void url(str text)
{
    struct url u;
    struct fail f;
    if (url_parse(text, &u, &f)) {
        must(f.code == ERR_CONFIG && f.text[0]);
        return;
    }
    must(u.host.n > 0 && u.host.n < URL_HOST_MAX);
    must(u.host.p >= text.p && u.host.p + u.host.n <= text.p + text.n);
    (void)no_proxy_match(text, u.host, u.port);
}

static void proxy(enum proxy_kind kind, str text)
{
    struct http_origin o = {.host = S("provider.example"), .port = 443};
    struct proxy_talk t;
    struct fail f;
    o.proxy = (struct proxy){.kind = kind, .host = S("p"), .port = 1};
    if (text.n & 1)
        o.proxy.user = S("me");
    proxy_talk_init(&t, &o, NULL);
    enum proxy_state state = PROXY_MORE;
    for (size_t at = 0, step = 1; at < text.n && state == PROXY_MORE; at += step) {
        buf_clear(&t.out);
        step = 1 + (size_t)(unsigned char)text.p[at] % 7;
        state = proxy_talk_feed(&t, str_head(str_from(text, at), step), &f);
        must(!t.out.failed);
    }
    must(state != PROXY_REFUSED || (f.code == ERR_UP_PROXY && f.text[0]));
    proxy_talk_fini(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    str text = str_of((const char *)data + 1, size - 1);
    if (data[0] % 4 == 0)
        url(text);
    else
        proxy(data[0] % 4 == 1   ? PROXY_HTTP
              : data[0] % 4 == 2 ? PROXY_SOCKS5
                                 : PROXY_SOCKS5H,
              text);
    return 0;
}
