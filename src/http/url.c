#include "http/url.h"

#include <arpa/inet.h>

static bool is_name(str host)
{
    for (size_t i = 0; i < host.n; i++) {
        char c = ascii_lower(host.p[i]);
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '.' && c != '_')
            return false;
    }
    return host.n > 0 && host.p[0] != '.' && host.p[0] != '-';
}

static bool is_v6(str host)
{
    char text[INET6_ADDRSTRLEN + 1];
    struct in6_addr out;
    if (host.n >= sizeof text)
        return false;
    memcpy(text, host.p, host.n);
    text[host.n] = 0;
    return inet_pton(AF_INET6, text, &out) == 1;
}

static enum err parse_port(str text, struct url *u, struct fail *f)
{
    uint64_t port = 0;
    u->port = 0;
    if (text.n == 0)
        return OK;
    if (!str_u64(text, &port) || port == 0 || port > 65535)
        return fail_set(f, ERR_CONFIG, "the URL's port is not a number from 1 to 65535");
    u->port = (uint16_t)port;
    return OK;
}

/* host, host:port, [v6] or [v6]:port */
static enum err parse_host(str text, struct url *u, struct fail *f)
{
    bool brackets = str_starts(text, S("["));
    size_t end = brackets ? str_find_char(text, ']') : str_find_char(text, ':');
    str port = str_from(text, brackets ? end + 1 : end);
    u->host = brackets ? str_from(str_head(text, end), 1) : str_head(text, end);
    bool good =
        u->host.n < URL_HOST_MAX && (brackets ? end < text.n && is_v6(u->host) : is_name(u->host));
    if (!good || (port.n && port.p[0] != ':'))
        return fail_set(f, ERR_CONFIG, "the URL has no valid host");
    return parse_port(str_from(port, 1), u, f);
}

enum err url_parse(str text, struct url *u, struct fail *f)
{
    *u = (struct url){.scheme = S("")};
    size_t mark = str_find(text, S("://"));
    if (mark == text.n || mark == 0)
        return fail_set(f, ERR_CONFIG, "the URL has no scheme such as https://");
    u->scheme = str_head(text, mark);
    str rest = str_from(text, mark + 3);
    size_t end = 0;
    while (end < rest.n && !memchr("/?#", rest.p[end], 3))
        end++;
    u->after = str_from(rest, end);
    str authority = str_head(rest, end);
    size_t at = str_find_last(authority, '@');
    if (at < authority.n) {
        str user = str_head(authority, at);
        size_t colon = str_find_char(user, ':');
        u->has_user = true;
        u->user = str_head(user, colon);
        u->password = str_from(user, colon + 1);
        authority = str_from(authority, at + 1);
    }
    return parse_host(authority, u, f);
}
