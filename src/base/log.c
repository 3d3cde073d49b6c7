#include "base/log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

enum { LINE_ROOM = 640, QUEUE_MAX = 1024 * 1024, VALUE_MAX = 2048 };

/* One per thread that logs; the mutex is only ever contended by the writer's pointer swap. */
struct queue {
    struct queue *next;
    pthread_mutex_t lock;
    struct buf lines;
    uint64_t dropped;
};

static struct {
    _Atomic int level;
    _Atomic bool started;
    _Atomic bool asleep; /* the writer wants to be woken */
    void (*wake)(void *);
    void *wake_arg;
    pthread_mutex_t lock; /* of the list */
    struct queue *queues;
    struct buf spare; /* the writer's: changes places with a queue's */
} logger = {.level = LOG_INFO, .lock = PTHREAD_MUTEX_INITIALIZER};

static _Thread_local struct queue *my_queue;

static struct queue *queue_of_thread(void)
{
    if (my_queue)
        return my_queue;
    struct queue *q = mem_zero(sizeof *q);
    pthread_mutex_init(&q->lock, NULL);
    buf_init(&q->lines, QUEUE_MAX);
    pthread_mutex_lock(&logger.lock);
    q->next = logger.queues;
    logger.queues = q;
    pthread_mutex_unlock(&logger.lock);
    return my_queue = q;
}

/* "2026-11-22 20:14:04." of a second; the date arithmetic is done once a second and thread. */
static str second_text(uint64_t second)
{
    static _Thread_local uint64_t cached = UINT64_MAX;
    static _Thread_local char text[32];
    if (second != cached) {
        time_t t = (time_t)second;
        struct tm tm;
        localtime_r(&t, &tm);
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S.", &tm);
        cached = second;
    }
    return str_c(text);
}

static void put_padded(struct buf *out, unsigned v, unsigned digits)
{
    char text[8];
    for (unsigned i = digits; i > 0; i--) {
        text[i - 1] = (char)('0' + v % 10);
        v /= 10;
    }
    buf_put(out, str_of(text, digits));
}

static void put_id(struct buf *out, uint32_t id)
{
    char text[8];
    if (id == 0) {
        buf_lit(out, "--------");
        return;
    }
    for (int i = 0; i < 8; i++)
        text[i] = "0123456789abcdef"[(id >> (28 - 4 * i)) & 15];
    buf_put(out, str_of(text, 8));
}

static bool plain_byte(unsigned char c)
{
    return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f;
}

/* Nearly all values: ASCII, nothing to escape. */
static bool all_plain(str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!plain_byte((unsigned char)s.p[i]) || (unsigned char)s.p[i] >= 0x80)
            return false;
    }
    return true;
}

/* A JSON string of s, cut at VALUE_MAX; bytes that are not UTF-8 would break the line's readers,
 * so a malformed string is printed with every high byte as '?'. */
static void put_value(struct buf *out, str s)
{
    if (s.n > VALUE_MAX) {
        size_t cut = VALUE_MAX; /* not inside a sequence, which has three bytes after its first */
        while (cut > VALUE_MAX - 3 && ((unsigned char)s.p[cut] & 0xc0) == 0x80)
            cut--;
        s = str_head(s, cut);
    }
    if (all_plain(s)) {
        buf_put_char(out, '"');
        buf_put(out, s);
        buf_put_char(out, '"');
        return;
    }
    bool utf8 = str_utf8(s);
    buf_put_char(out, '"');
    size_t run = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (plain_byte(c) && (utf8 || c < 0x80))
            continue;
        buf_put(out, str_of(s.p + run, i - run));
        run = i + 1;
        if (c == '"' || c == '\\') {
            buf_put_char(out, '\\');
            buf_put_char(out, (char)c);
        } else if (c == '\n') {
            buf_lit(out, "\\n");
        } else {
            buf_put_char(out, '?');
        }
    }
    if (s.n > run)
        buf_put(out, str_of(s.p + run, s.n - run));
    buf_put_char(out, '"');
}

static void put_ms(struct buf *out, int64_t ns)
{
    uint64_t tenths = ns > 0 ? ((uint64_t)ns + 50000) / 100000 : 0;
    buf_put_u64(out, tenths / 10);
    buf_put_char(out, '.');
    buf_put_u64(out, tenths % 10);
}

static void put_field(struct buf *out, const struct log_field *f)
{
    switch (f->kind) {
    case LOG_STR: put_value(out, f->s); break;
    case LOG_INT: buf_put_i64(out, f->i); break;
    case LOG_UINT: buf_put_u64(out, (uint64_t)f->i); break;
    case LOG_MS: put_ms(out, f->i); break;
    case LOG_BOOL: buf_put(out, f->i ? S("true") : S("false")); break;
    case LOG_END: break;
    }
}

/* ` {"key":` for the first field, `,"key":` for the others; the room is looked for once. */
static void put_key(struct buf *out, char before, const char *key)
{
    size_t n = strlen(key);
    if (!buf_reserve(out, n + 5))
        return;
    char *p = out->p + out->n;
    if (before == '{')
        *p++ = ' ';
    *p++ = before;
    *p++ = '"';
    memcpy(p, key, n);
    p += n;
    *p++ = '"';
    *p++ = ':';
    out->n = (size_t)(p - out->p);
}

void log_format(struct buf *out, uint64_t wall_ms, enum log_level level, uint32_t id,
                const char *message, const struct log_field *fields)
{
    static const char *const names[] = {"] [debug] ", "] [info ] ", "] [warn ] ", "] [error] "};
    buf_reserve(out, LINE_ROOM); /* what does not fit is found out by the appends */
    out->failed = false;
    buf_put_char(out, '[');
    buf_put(out, second_text(wall_ms / 1000));
    put_padded(out, (unsigned)(wall_ms % 1000), 3);
    buf_lit(out, "] [");
    put_id(out, id);
    buf_put(out, str_c(names[level]));
    buf_put(out, str_c(message));
    char before = '{';
    for (const struct log_field *f = fields; f->kind != LOG_END; f++) {
        if (!f->key)
            continue;
        put_key(out, before, f->key);
        put_field(out, f);
        before = ',';
    }
    buf_put(out, before == ',' ? S("}\n") : S("\n"));
}

struct log_field log_masked(const char *key, str secret)
{
    static _Thread_local char masks[4][8];
    static _Thread_local unsigned next;
    char *mask = masks[next++ % 4];
    snprintf(mask, sizeof masks[0], "...%.*s", secret.n >= 12 ? 4 : 0,
             secret.n >= 12 ? secret.p + secret.n - 4 : "");
    return log_str(key, str_c(mask));
}

bool log_on(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&logger.level, memory_order_relaxed);
}

void log_set_level(enum log_level least)
{
    atomic_store(&logger.level, (int)least);
}

static void write_directly(enum log_level level, uint32_t id, const char *message,
                           const struct log_field *fields)
{
    struct buf line;
    buf_init(&line, QUEUE_MAX);
    log_format(&line, clock_wall_ms(), level, id, message, fields);
    if (write(STDERR_FILENO, line.p, line.n) < 0)
        line.failed = true; /* nowhere left to say so */
    buf_fini(&line);
}

void log_write(enum log_level level, uint32_t id, const char *message,
               const struct log_field *fields)
{
    if (!atomic_load_explicit(&logger.started, memory_order_acquire)) {
        write_directly(level, id, message, fields);
        return;
    }
    struct queue *q = queue_of_thread();
    pthread_mutex_lock(&q->lock);
    size_t before = q->lines.n;
    log_format(&q->lines, clock_wall_ms(), level, id, message, fields);
    if (q->lines.failed) {
        q->lines.n = before;
        q->lines.failed = false;
        q->dropped++;
    }
    pthread_mutex_unlock(&q->lock);
    /* Read first: the exchange writes to a cache line that every worker shares. */
    if (atomic_load_explicit(&logger.asleep, memory_order_relaxed) &&
        atomic_exchange(&logger.asleep, false))
        logger.wake(logger.wake_arg);
}

void log_start(void (*wake)(void *), void *arg)
{
    logger.wake = wake;
    logger.wake_arg = arg;
    if (!logger.spare.max)
        buf_init(&logger.spare, QUEUE_MAX);
    atomic_store(&logger.asleep, true);
    atomic_store_explicit(&logger.started, true, memory_order_release);
}

void log_stop(void)
{
    atomic_store(&logger.started, false);
}

static uint64_t queue_take(struct queue *q, struct buf *out)
{
    pthread_mutex_lock(&q->lock);
    struct buf full = q->lines;
    q->lines = logger.spare;
    uint64_t dropped = q->dropped;
    q->dropped = 0;
    pthread_mutex_unlock(&q->lock);
    buf_put(out, buf_str(&full));
    buf_clear(&full);
    logger.spare = full;
    return dropped;
}

uint64_t log_take(struct buf *out)
{
    uint64_t dropped = 0;
    /* Asleep before looking: a line queued after our look wakes us again. */
    atomic_store(&logger.asleep, true);
    pthread_mutex_lock(&logger.lock);
    struct queue *q = logger.queues;
    pthread_mutex_unlock(&logger.lock);
    for (; q; q = q->next)
        dropped += queue_take(q, out);
    return dropped;
}
