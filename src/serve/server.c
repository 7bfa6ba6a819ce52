#include "serve/server.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "serve/answer.h"
#include "serve/asset.h"
#include "serve/cache.h"
#include "serve/listen.h"
#include "serve/response.h"
#include "serve/slow.h"

struct server {
    struct server_options o;
    struct readers *readers;
    struct cache *cache;
    struct slow *slow;
    struct listener main, metrics;
    struct MHD_Daemon *daemon, *metrics_daemon;
    uint64_t answers;
    unsigned connections; /* at most; metrics have their own */
};

/* What is known of a request between its first header and its answer. */
struct exchange {
    bool is_too_long;
    bool is_seen; /* an answer before the second call would end the connection */
};

/* ---- who asks ---- */

static const char *header(struct MHD_Connection *c, const char *name)
{
    return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

/* By what proxies add. Some add nothing unless they are told to: docs/serve.md. */
static bool has_come_through_a_proxy(struct MHD_Connection *c)
{
    static const char *const names[] = {"Forwarded",         "X-Forwarded-For", "X-Forwarded-Host",
                                        "X-Forwarded-Proto", "X-Real-IP",       "Via"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (header(c, names[i]) != NULL)
            return true;
    return false;
}

/*
 * With a link he is a customer, whatever else he is. Without one he is the operator, when he speaks
 * to this machine itself: not through a proxy, and not from a page whose name was made to lead
 * here.
 */
static bool find_asker(const struct server *s, struct MHD_Connection *c, struct asker *out)
{
    const char *cookie = MHD_lookup_connection_value(c, MHD_COOKIE_KIND, "pagemeter");
    const char *host = header(c, "Host");
    struct link link;

    *out = (struct asker){.is_operator = false};
    if (cookie != NULL) {
        if (s->o.key == NULL || !link_check(s->o.key, cookie, clock_utc().ns / NS_PER_S, &link))
            return false;
        (void)strcpy(out->account, link.account);
        out->expiry_s = link.expiry_s;
        return true;
    }
    out->is_operator = !s->o.is_customers_only && !has_come_through_a_proxy(c) &&
                       (host == NULL || request_is_local_host(host));
    return out->is_operator;
}

/* ---- answers ---- */

struct making {
    struct server *server;
    const struct asker *asker;
    const struct serve_request *request;
};

static bool write_answer(const struct making *m, struct reader *reader, FILE *out,
                         struct error *err)
{
    const struct answering a = {reader, m->asker, m->request, out, &m->server->o};

    switch (m->request->endpoint) {
    case ENDPOINT_ME:
        return answer_me(&a, err);
    case ENDPOINT_FLEET:
        return answer_fleet(&a, err);
    case ENDPOINT_VM:
        return answer_vm(&a, err);
    case ENDPOINT_SERIES:
        return answer_series(&a, err);
    case ENDPOINT_ACCOUNT:
        return answer_account(&a, err);
    case ENDPOINT_PERIOD:
        return answer_period(&a, err);
    case ENDPOINT_METRICS:
        return answer_metrics(&a, err);
    default:
        return answer_not_there(err);
    }
}

static struct body *refusal(const struct error *err)
{
    switch (err->code) {
    case ERR_USAGE:
        return response_error(MHD_HTTP_BAD_REQUEST, err->text);
    case ERR_REFUSED:
        return response_error(MHD_HTTP_NOT_FOUND, err->text);
    case ERR_RETRY:
        log_event(LOG_LEVEL_WARNING, "%s", err->text);
        return response_error(MHD_HTTP_SERVICE_UNAVAILABLE, "the database is busy: ask again");
    default:
        log_event(LOG_LEVEL_ERROR, "%s", err->text);
        return response_error(MHD_HTTP_INTERNAL_SERVER_ERROR,
                              "this can't be answered now; the log of pagemeter-serve says why");
    }
}

static const char *type_of(enum endpoint endpoint)
{
    return endpoint == ENDPOINT_METRICS
               ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
               : "application/json; charset=utf-8";
}

static struct body *make_answer(void *context)
{
    const struct making *m = context;
    struct reader *reader = NULL;
    struct body *body = NULL;
    struct error err = {.code = ERR_NONE};
    char *text = NULL;
    size_t length = 0;

    if (!readers_take(m->server->readers, &reader, &err))
        return refusal(&err);
    FILE *out = open_memstream(&text, &length);
    bool is_ok = out != NULL && write_answer(m, reader, out, &err);

    if (out == NULL)
        (void)error_set(&err, ERR_NOMEM, "not enough memory for an answer");
    else if (fclose(out) != 0)
        is_ok = error_set(&err, ERR_NOMEM, "not enough memory for an answer");
    if (is_ok && length > ANSWER_BYTES_MAX)
        is_ok = error_set(&err, ERR_USAGE, "the answer is too large: ask for less");
    readers_give(m->server->readers, reader,
                 !is_ok && err.code != ERR_USAGE && err.code != ERR_REFUSED);
    if (is_ok && !body_has_room(length))
        is_ok = error_set(&err, ERR_RETRY, "so many answers are not read that there is no room");
    body =
        is_ok ? body_make(MHD_HTTP_OK, type_of(m->request->endpoint), text, length) : refusal(&err);
    free(text);
    return body;
}

/* ---- parameters ---- */

/* A key that was cut would be that of other questions too: it is longer than what is kept. */
enum { KEY_SIZE = CACHE_KEY_MAX + 1 };

struct taking {
    struct serve_request *request;
    struct error *err;
    char *key; /* of the cache, KEY_SIZE: who, path, parameters; full: too long for it */
    bool is_ok;
};

static void add_key(char *key, const char *text)
{
    size_t length = strlen(key);

    (void)strncat(key, text, KEY_SIZE - length - 1);
    (void)strncat(key, "\n", KEY_SIZE - strlen(key) - 1);
}

static enum MHD_Result take_parameter(void *self, enum MHD_ValueKind kind, const char *name,
                                      const char *value)
{
    struct taking *t = self;

    (void)kind;
    t->is_ok = request_take(t->request, name, value, t->err);
    if (t->is_ok) {
        add_key(t->key, name);
        add_key(t->key, value);
    }
    return t->is_ok ? MHD_YES : MHD_NO;
}

/* ---- one request ---- */

static struct body *find_asset(const char *path)
{
    for (const struct asset *a = serve_assets; a->path != NULL; a++)
        if (strcmp(a->path, path) == 0)
            return body_make(MHD_HTTP_OK, a->type, (const char *)a->bytes, a->length);
    return response_error(MHD_HTTP_NOT_FOUND, "there is nothing here that you may see");
}

static enum MHD_Result let_in(const struct server *s, struct MHD_Connection *c, const char *text)
{
    struct link link;
    int64_t now_s = clock_utc().ns / NS_PER_S;

    if (s->o.key == NULL || !link_check(s->o.key, text, now_s, &link))
        return response_send(
            c, response_error(MHD_HTTP_FORBIDDEN,
                              "this link is not valid, or no more: ask for a new one"));
    return response_let_in(c, text, link.expiry_s - now_s, s->o.is_secure);
}

static enum MHD_Result answer_api(struct server *s, struct MHD_Connection *c, const char *path,
                                  struct serve_request *request)
{
    char key[KEY_SIZE] = "";
    struct error err;
    struct asker asker;

    if (!find_asker(s, c, &asker))
        return response_send(c, response_error(MHD_HTTP_FORBIDDEN,
                                               "you need a link that is valid: ask for a new one"));
    if (request->endpoint == ENDPOINT_METRICS && (!asker.is_operator || s->o.metrics != NULL))
        return response_send(c, response_error(MHD_HTTP_NOT_FOUND,
                                               "there is nothing here that you may see"));
    add_key(key, asker.account);
    add_key(key, path);
    struct taking t = {request, &err, key, true};

    (void)MHD_get_connection_values(c, MHD_GET_ARGUMENT_KIND, take_parameter, &t);
    if (!t.is_ok || !request_finish(request, &err))
        return response_send(c, response_error(MHD_HTTP_BAD_REQUEST, err.text));
    struct making making = {s, &asker, request};

    /* who a customer is depends on his link: its end is in one answer */
    return response_send(c, request->endpoint == ENDPOINT_ME
                                ? make_answer(&making)
                                : cache_get(s->cache, key, make_answer, &making));
}

static enum MHD_Result check_request(struct MHD_Connection *c, const char *method,
                                     const struct exchange *x, bool *is_refused)
{
    const char *length = header(c, "Content-Length");

    *is_refused = true;
    if (x == NULL) /* no memory */
        return MHD_NO;
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return response_send_allow(c);
    if (x->is_too_long)
        return response_send(c,
                             response_error(MHD_HTTP_URI_TOO_LONG, "the request line is too long"));
    if ((length != NULL && strcmp(length, "0") != 0) || header(c, "Transfer-Encoding") != NULL)
        return response_send(c,
                             response_error(MHD_HTTP_CONTENT_TOO_LARGE,
                                            "a request has no body: nothing can be changed here"));
    if (response_headers_size(c) > SERVER_HEADERS_MAX)
        return response_send(c, response_error(MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE,
                                               "the headers are too large"));
    *is_refused = false;
    return MHD_YES;
}

static enum MHD_Result handle(void *self, struct MHD_Connection *c, const char *path,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **context)
{
    struct server *s = self;
    struct exchange *x = *context;
    struct serve_request request;
    bool is_refused;

    (void)version, (void)upload;
    slow_note_headers(s->slow, c);
    enum MHD_Result result = check_request(c, method, x, &is_refused);

    if (is_refused)
        return result;
    if (*upload_size != 0)
        return MHD_NO;
    if (!x->is_seen)
        return x->is_seen = true, MHD_YES;
    (void)__atomic_add_fetch(&s->answers, 1, __ATOMIC_RELAXED);
    request_parse_path(path, clock_utc().ns, &request);
    if (request.endpoint == ENDPOINT_LINK)
        return let_in(s, c, request.link);
    if (request.endpoint == ENDPOINT_LEAVE)
        return response_let_in(c, "", 0, s->o.is_secure);
    if (request.endpoint == ENDPOINT_ASSET || request.endpoint == ENDPOINT_NONE)
        return response_send(c, find_asset(path));
    return answer_api(s, c, path, &request);
}

/* A socket of its own, with one thing to be had: who reaches it is a scraper. */
static enum MHD_Result handle_metrics(void *self, struct MHD_Connection *c, const char *path,
                                      const char *method, const char *version, const char *upload,
                                      size_t *upload_size, void **context)
{
    struct server *s = self;
    struct asker asker = {.is_operator = true};
    struct serve_request request;
    bool is_refused;

    (void)version, (void)upload, (void)upload_size;
    slow_note_headers(s->slow, c);
    enum MHD_Result result = check_request(c, method, *context, &is_refused);

    if (is_refused)
        return result;
    request_parse_path(path, clock_utc().ns, &request);
    if (request.endpoint != ENDPOINT_METRICS)
        return response_send(c, response_error(MHD_HTTP_NOT_FOUND,
                                               "there are metrics here, at /metrics"));
    struct making making = {s, &asker, &request};

    return response_send(c, cache_get(s->cache, "metrics", make_answer, &making));
}

/* ---- connections ---- */

/* The request line, before anything else of it. What is returned comes back as *context. */
static void *see_line(void *self, const char *line, struct MHD_Connection *c)
{
    struct exchange *x = calloc(1, sizeof *x);

    (void)self, (void)c;
    if (x != NULL)
        x->is_too_long = strlen(line) > SERVER_LINE_MAX;
    return x;
}

static void end_request(void *self, struct MHD_Connection *c, void **context,
                        enum MHD_RequestTerminationCode code)
{
    struct server *s = self;

    (void)code;
    slow_note_end(s->slow, c);
    free(*context);
    *context = NULL;
}

static void note_connection(void *self, struct MHD_Connection *c, void **context,
                            enum MHD_ConnectionNotificationCode code)
{
    struct server *s = self;

    (void)context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        slow_note_begin(s->slow, c);
    else
        slow_note_gone(s->slow, c);
}

/* What libmicrohttpd has to say is about clients, who may say what they like. */
static void drop_log(void *self, const char *format, va_list values)
{
    (void)self, (void)format, (void)values;
}

/*
 * When 128 events come to a thread at once, libmicrohttpd (0.9.75 to 1.0.1, MHD_epoll) waits for
 * another one before it looks at them: its clients wait until somebody else asks. So a thread has
 * fewer than that, with the socket that listens and the one that ends it. By poll it would take
 * one connection only for all answers of a turn. ITC, since a thread whose places are all taken
 * does not look at the socket by which it would be ended otherwise.
 */
enum { EVENTS_AT_ONCE = 128 };
_Static_assert(SERVER_THREAD_CONNECTIONS + 2 < EVENTS_AT_ONCE, "clients would wait for others");

static struct MHD_Daemon *start(struct server *s, int fd, MHD_AccessHandlerCallback handler,
                                unsigned threads, unsigned connections)
{
    return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_ERROR_LOG, 0,
                            NULL, NULL, handler, s, MHD_OPTION_EXTERNAL_LOGGER, drop_log, NULL,
                            MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_THREAD_POOL_SIZE, threads,
                            MHD_OPTION_CONNECTION_LIMIT, connections, MHD_OPTION_CONNECTION_TIMEOUT,
                            (unsigned)SERVER_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                            (size_t)(4 * SERVER_HEADERS_MAX), MHD_OPTION_STRICT_FOR_CLIENT, 1,
                            MHD_OPTION_URI_LOG_CALLBACK, see_line, s, MHD_OPTION_NOTIFY_COMPLETED,
                            end_request, s, MHD_OPTION_NOTIFY_CONNECTION, note_connection, s,
                            MHD_OPTION_UNESCAPE_CALLBACK, response_unescape, NULL, MHD_OPTION_END);
}

static bool start_metrics(struct server *s, struct error *err)
{
    if (s->o.metrics == NULL || strcmp(s->o.metrics, "none") == 0)
        return true;
    if (!listener_open(&s->metrics, s->o.metrics, s->o.is_public, err))
        return false;
    s->metrics_daemon = start(s, s->metrics.fd, handle_metrics, SERVER_METRICS_THREADS,
                              SERVER_METRICS_CONNECTIONS_MAX);
    return s->metrics_daemon != NULL ||
           error_set(err, ERR_SYSTEM, "the server of metrics can't begin");
}

/* What is no connection: the databases, of which each reader has several files, and the loops. */
enum { FILES_MORE = 256, CONNECTIONS_LEAST = 64 };

/*
 * A process may have 1,024 files unless it asks for more, and connections would leave none of them
 * for the databases. Where there are no more to be had, there are fewer connections.
 */
static bool make_room_for_files(unsigned *connections, struct error *err)
{
    const rlim_t more = SERVER_METRICS_CONNECTIONS_MAX + FILES_MORE;
    const rlim_t wanted = SERVER_CONNECTIONS_MAX + more;
    struct rlimit limit = {.rlim_cur = 0};

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
        (void)getrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur < more + CONNECTIONS_LEAST)
        return error_set(err, ERR_SYSTEM, "%d open files are too few: raise that limit, to %d",
                         (int)limit.rlim_cur, (int)wanted);
    *connections = limit.rlim_cur < wanted ? (unsigned)(limit.rlim_cur - more)
                                           : (unsigned)SERVER_CONNECTIONS_MAX;
    return true;
}

bool server_open(struct server **out, const struct server_options *options, struct error *err)
{
    struct server *s = calloc(1, sizeof *s);

    if (s == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to begin");
    s->o = *options;
    s->o.is_customers_only = s->o.is_customers_only || s->o.is_public;
    s->main.fd = s->metrics.fd = -1;
    bool is_ok = make_room_for_files(&s->connections, err) &&
                 readers_make(&s->readers, options->db, SERVER_READERS, err) &&
                 cache_open(&s->cache, err) && slow_open(&s->slow, err) &&
                 listener_open(&s->main, options->listen, options->is_public, err);

    if (is_ok) {
        s->daemon = start(s, s->main.fd, handle, SERVER_THREADS, s->connections);
        is_ok = s->daemon != NULL ? start_metrics(s, err)
                                  : error_set(err, ERR_SYSTEM, "the server can't begin");
    }
    if (!is_ok) {
        server_close(s);
        return false;
    }
    *out = s;
    return true;
}

void server_close(struct server *s)
{
    if (s == NULL)
        return;
    if (s->metrics_daemon != NULL)
        MHD_stop_daemon(s->metrics_daemon);
    if (s->daemon != NULL)
        MHD_stop_daemon(s->daemon);
    listener_close(&s->main);
    listener_close(&s->metrics);
    slow_close(s->slow);
    cache_close(s->cache);
    readers_free(s->readers);
    free(s);
}

void server_look(struct server *s)
{
    slow_end_late(s->slow, clock_mono().ns - (int64_t)SERVER_WAIT_S * NS_PER_S);
}

uint64_t server_answers(const struct server *s)
{
    return __atomic_load_n(&s->answers, __ATOMIC_RELAXED);
}
