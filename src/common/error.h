/*
 * error.h - what went wrong, told to the person who must act.
 *
 * A function that can fail returns bool, is MUST_CHECK, and takes `struct error *err` last. On
 * failure it fills *err and leaves its results untouched. Callers add context on the way up with
 * error_context. Only main and the daemon's loop print.
 */
#ifndef PAGEMETER_ERROR_H
#define PAGEMETER_ERROR_H

#include <stdbool.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))

enum error_code {
    ERR_NONE,
    ERR_USAGE,   /* the command line or the configuration is wrong */
    ERR_INPUT,   /* a trace or a file says something that cannot be */
    ERR_REFUSED, /* well formed, but it does not fit what is there */
    ERR_CLOCK,   /* time does not go forward */
    ERR_RANGE,   /* a figure does not fit its type */
    ERR_SYSTEM,  /* the operating system or the hypervisor said no */
    ERR_STORE,   /* the database said no, and will again */
    ERR_RETRY,   /* the database said no for now: full, busy, I/O error */
    ERR_NOMEM
};

enum { ERROR_TEXT_MAX = 512 };

struct error {
    enum error_code code;
    char text[ERROR_TEXT_MAX]; /* one sentence or more, no newline at the end */
};

/* Fills *err. Returns false always, so that a caller can `return error_set(...)`. */
bool error_set(struct error *err, enum error_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Puts "<context>: " before the text of an error that is already set. Returns false always. */
bool error_context(struct error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The exit status that the command line contract gives to this failure: 2 wrong usage, else 3. */
int error_exit_status(const struct error *err);

#endif
