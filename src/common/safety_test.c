/*
 * safety_test.c - for test programs, linked instead of safety.c: the environment variable
 * PAGEMETER_SAFETY_OFF names the safeties that are off, separated by spaces.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/safety.h"

static const char *const names[SAFETY_COUNT] = {
#define SAFETY_NAME(name, text, without) [SAFETY_##name] = text,
    SAFETIES(SAFETY_NAME)
#undef SAFETY_NAME
};

static bool is_named(const char *list, const char *name)
{
    size_t length = strlen(name);

    for (const char *p = strstr(list, name); p != NULL; p = strstr(p + 1, name))
        if ((p == list || p[-1] == ' ') && (p[length] == '\0' || p[length] == ' '))
            return true;
    return false;
}

bool safety_is_on(enum safety safety)
{
    static bool is_read;
    static bool is_off[SAFETY_COUNT];
    const char *list = getenv("PAGEMETER_SAFETY_OFF");

    if (!is_read && list != NULL)
        for (int i = 0; i < SAFETY_COUNT; i++)
            is_off[i] = is_named(list, names[i]);
    is_read = true;
    return !is_off[safety];
}

bool safety_print(void)
{
    for (int i = 0; i < SAFETY_COUNT; i++)
        (void)puts(names[i]);
    return true;
}
