#include "serve/response.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "serve/link.h"

struct body *response_error(unsigned status, const char *sentence)
{
    struct body *body = NULL;
    struct json json;
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);

    if (out == NULL)
        return NULL;
    json_begin(&json, out);
    json_text(&json, "error", sentence);
    json_end(&json);
    if (fclose(out) == 0)
        body = body_make(status, "application/json; charset=utf-8", text, length);
    free(text);
    return body;
}

static void add_headers(struct MHD_Response *response, const char *type)
{
    static const char *const headers[][2] = {
        {"Content-Security-Policy",
         "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src "
         "'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
        {"X-Frame-Options", "DENY"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Permissions-Policy", "camera=(), geolocation=(), microphone=()"},
        {"Cache-Control", "no-store"},
    };

    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        (void)MHD_add_response_header(response, headers[i][0], headers[i][1]);
    if (type != NULL)
        (void)MHD_add_response_header(response, "Content-Type", type);
}

static void give_body(void *body)
{
    body_give(body);
}

static struct MHD_Response *response_of(struct body *body)
{
    struct MHD_Response *response;

    if (body == NULL)
        return NULL;
    response = MHD_create_response_from_buffer_with_free_callback_cls(body->length, body->bytes,
                                                                      give_body, body);
    if (response == NULL)
        body_give(body);
    else
        add_headers(response, body->type);
    return response;
}

static enum MHD_Result queue(struct MHD_Connection *c, unsigned status,
                             struct MHD_Response *response)
{
    if (response == NULL)
        return MHD_NO;
    enum MHD_Result result = MHD_queue_response(c, status, response);

    MHD_destroy_response(response);
    return result;
}

enum MHD_Result response_send(struct MHD_Connection *c, struct body *body)
{
    unsigned status = body != NULL ? body->status : 0;

    return queue(c, status, response_of(body));
}

enum MHD_Result response_send_allow(struct MHD_Connection *c)
{
    struct MHD_Response *response =
        response_of(response_error(MHD_HTTP_METHOD_NOT_ALLOWED, "there is only GET and HEAD"));

    if (response != NULL) {
        (void)MHD_add_response_header(response, "Allow", "GET, HEAD");
        (void)MHD_add_response_header(response, "Connection", "close");
    }
    return queue(c, MHD_HTTP_METHOD_NOT_ALLOWED, response);
}

enum MHD_Result response_let_in(struct MHD_Connection *c, const char *link, int64_t seconds,
                                bool is_secure)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);
    char cookie[LINK_TEXT_MAX + 128];

    if (response == NULL)
        return MHD_NO;
    (void)snprintf(cookie, sizeof cookie,
                   "pagemeter=%s; Path=/; Max-Age=%lld; HttpOnly; SameSite=Strict%s", link,
                   (long long)seconds, is_secure ? "; Secure" : "");
    add_headers(response, NULL);
    (void)MHD_add_response_header(response, "Set-Cookie", cookie);
    (void)MHD_add_response_header(response, "Location", "/");
    return queue(c, MHD_HTTP_SEE_OTHER, response);
}

static enum MHD_Result add_size(void *self, enum MHD_ValueKind kind, const char *name,
                                const char *value)
{
    size_t *size = self;

    (void)kind;
    *size += strlen(name) + (value != NULL ? strlen(value) : 0) + strlen(": \r\n");
    return MHD_YES;
}

size_t response_headers_size(struct MHD_Connection *c)
{
    size_t size = 0;

    (void)MHD_get_connection_values(c, MHD_HEADER_KIND, add_size, &size);
    return size;
}

size_t response_unescape(void *self, struct MHD_Connection *c, char *text)
{
    (void)self, (void)c;
    if (strstr(text, "%00") != NULL)
        text[0] = '\0';
    return MHD_http_unescape(text);
}
