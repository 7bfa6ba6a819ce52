/*
 * postgres_text.h - SQL as PostgreSQL wants it: one statement of a text, its parameters numbered.
 * Pure, but for the heap. Internal to src/store/.
 */
#ifndef PAGEMETER_POSTGRES_TEXT_H
#define PAGEMETER_POSTGRES_TEXT_H

#include <stddef.h>

#include "common/error.h"

enum { POSTGRES_PARAMETERS_MAX = 32, POSTGRES_NAME_MAX = 32 };

struct postgres_text {
    char *sql; /* NULL: there was only space and comments; the caller's to free */
    int parameters;
    char names[POSTGRES_PARAMETERS_MAX][POSTGRES_NAME_MAX]; /* "": it has a number only */
};

/*
 * ?1 becomes $1; :name becomes the next number that is free, each name once. Quotes, comments and
 * casts (::) are left alone. *rest: what follows the semicolon, or the end; NULL: not asked for.
 */
MUST_CHECK bool postgres_text_read(const char *sql, const char **rest, struct postgres_text *out,
                                   struct error *err);

#endif
