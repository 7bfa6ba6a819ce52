/*
 * check.h - what every unit test begins with: cmocka, and assertions about errors and uuids.
 *
 * A function that can fail is called inside assert_ok or assert_fails, with a `struct error err` in
 * sight: a test that fails then says what the function said.
 */
#ifndef PAGEMETER_TESTS_CHECK_H
#define PAGEMETER_TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/error.h"
#include "common/units.h"
#include "common/uuid.h"

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        if (!(call))                                                                               \
            fail_msg("%s: %s", #call, err.text);                                                   \
    } while (0)

/* It fails with this code, and its sentence has this in it. */
#define assert_fails(call, expected_code, said)                                                    \
    do {                                                                                           \
        err = (struct error){.code = ERR_NONE};                                                    \
        if (call)                                                                                  \
            fail_msg("%s succeeded", #call);                                                       \
        assert_error(&err, expected_code, said);                                                   \
    } while (0)

static inline void assert_error(const struct error *err, enum error_code code, const char *said)
{
    if (err->code != code)
        fail_msg("code %d instead of %d: %s", (int)err->code, (int)code, err->text);
    if (strstr(err->text, said) == NULL)
        fail_msg("'%s' does not say '%s'", err->text, said);
}

static inline void assert_text_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("'%s' does not have '%s'", text, part);
}

/* A uuid whose 16 bytes are all n. */
static inline struct uuid uuid_of(unsigned n)
{
    struct uuid uuid;

    memset(uuid.bytes, (int)n, sizeof uuid.bytes);
    return uuid;
}

static inline void assert_uuid_equal(const struct uuid *is, const struct uuid *expected)
{
    char a[UUID_TEXT_MAX];
    char b[UUID_TEXT_MAX];

    assert_string_equal(uuid_format(is, a), uuid_format(expected, b));
}

static inline void assert_usage_equal(usage_kib_ns is, usage_kib_ns expected)
{
    char a[USAGE_TEXT_MAX];
    char b[USAGE_TEXT_MAX];

    assert_string_equal(usage_format(is, a), usage_format(expected, b));
}

#endif
