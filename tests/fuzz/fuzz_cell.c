/*
 * Names that others wrote, as a cell of a spreadsheet and as JSON: harmless, whole, and UTF-8.
 */
#include "fuzz.h"

#include <stdbool.h>

#include "common/cell.h"
#include "common/json.h"
#include "common/utf8.h"

static char *cell_of(const char *name)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    HOLDS(out != NULL);
    cell_write(out, name);
    HOLDS(fclose(out) == 0);
    return text;
}

static void assert_utf8(const char *text, bool allows_lines)
{
    for (size_t length; *text != '\0'; text += length) {
        length = utf8_length(text);
        HOLDS(length > 0);
        HOLDS(!utf8_is_control(text) || (allows_lines && strchr("\t\r\n", *text) != NULL));
    }
}

/* What a CSV reader makes of the field. The caller frees it. */
static char *unquoted(const char *cell)
{
    size_t length = strlen(cell);
    char *text = malloc(length + 1), *to = text;

    HOLDS(text != NULL && length >= 2 && cell[0] == '"' && cell[length - 1] == '"');
    for (size_t i = 1; i < length - 1; i++) {
        if (cell[i] == '"')
            HOLDS(++i < length - 1 && cell[i] == '"');
        *to++ = cell[i];
    }
    *to = '\0';
    return text;
}

/* Wherever a program may see a cell begin, none begins like a formula. */
static void assert_harmless(const char *text)
{
    bool is_start = true;

    HOLDS(strchr("\t\r\n", text[strspn(text, "\" ")]) == NULL || text[strspn(text, "\" ")] == '\0');
    for (; *text != '\0'; text++) {
        if (strchr(",;\t\r\n", *text) != NULL)
            is_start = true;
        else if (strchr("\" ", *text) == NULL) {
            HOLDS(!is_start || strchr("=+-@", *text) == NULL);
            is_start = false;
        }
    }
}

/* Only apostrophes were put in, and marks for what is no text. */
static void assert_whole(const char *text, const char *name)
{
    while (*name != '\0') {
        size_t length = utf8_length(name);
        bool is_mark = strncmp(text, "\xef\xbf\xbd", 3) == 0;

        if (length > 0 && strncmp(text, name, length) == 0) {
            text += length;
            name += length;
        } else if (is_mark && (length == 0 || utf8_is_control(name))) {
            text += 3;
            name += length == 0 ? 1 : length;
        } else {
            HOLDS(*text == '\'');
            text++;
        }
    }
    HOLDS(*text == '\0');
}

static void check_json(const char *name)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct json json;

    HOLDS(out != NULL);
    json_begin(&json, out);
    json_text(&json, "name", name);
    json_end(&json);
    HOLDS(fclose(out) == 0);
    assert_utf8(text, true);
    HOLDS(strncmp(text, "{\n  \"name\": \"", 13) == 0);
    /* the text ends at its first quote that nothing stands before */
    const char *p = text + 13;

    while (*p != '"') {
        HOLDS((unsigned char)*p >= 0x20);
        p += *p == '\\' ? 2 : 1;
    }
    HOLDS(strcmp(p, "\"\n}\n") == 0);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *name = fuzz_text(data, size), *cell = cell_of(name), *text = unquoted(cell);

    assert_utf8(text, true);
    assert_harmless(text);
    assert_whole(text, name);
    check_json(name);
    free(text);
    free(cell);
    free(name);
    return 0;
}
