#include "common/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool error_set(struct error *err, enum error_code code, const char *fmt, ...)
{
    va_list args;

    err->code = code;
    va_start(args, fmt);
    (void)vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    return false;
}

bool error_context(struct error *err, const char *fmt, ...)
{
    char context[ERROR_TEXT_MAX];
    char joined[2 * ERROR_TEXT_MAX + 2];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(context, sizeof context, fmt, args);
    va_end(args);
    (void)snprintf(joined, sizeof joined, "%s: %s", context, err->text);
    /* the cause is what must survive when both do not fit: the beginning is cut */
    size_t length = strlen(joined);
    size_t cut = length >= sizeof err->text ? length - sizeof err->text + 1 : 0;

    memcpy(err->text, joined + cut, length - cut + 1);
    return false;
}

int error_exit_status(const struct error *err)
{
    return err->code == ERR_USAGE ? 2 : 3;
}
