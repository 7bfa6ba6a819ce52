/*
 * Names that others wrote, to be shown: one short line of UTF-8, without controls, and clean when
 * it is cleaned again. And sizes of pictures: what is taken is within the limits.
 */
#include "fuzz.h"

#include <stdio.h>

#include "chart/label.h"
#include "chart/picture.h"
#include "common/utf8.h"

static void check_size(const char *text)
{
    struct picture_size size;
    struct error err;
    char again[32];

    if (!picture_parse_size(text, &size, &err))
        return;
    HOLDS(size.width >= PICTURE_LEAST && size.width <= PICTURE_MOST);
    HOLDS(size.height >= PICTURE_LEAST && size.height <= PICTURE_MOST);
    (void)snprintf(again, sizeof again, "%dx%d", size.width, size.height);
    HOLDS(strcmp(again, text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char out[LABEL_TEXT_MAX];
    char again[LABEL_TEXT_MAX];
    char *text = fuzz_text(data, size);
    size_t characters = 0;

    label_clean((const char *)data, size, out);
    for (const char *p = out; *p != '\0'; p += utf8_length(p)) {
        HOLDS(utf8_length(p) > 0 && !utf8_is_control(p));
        characters++;
    }
    HOLDS(characters <= 3 * LABEL_CHARACTERS + 1); /* two accents on each, and the ellipsis */
    HOLDS(out[0] != ' ');
    if (strstr(out, "\u2026") == NULL)
        HOLDS(strcmp(label_clean(out, strlen(out), again), out) == 0);
    check_size(text);
    free(text);
    return 0;
}
