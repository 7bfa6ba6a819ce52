#include "common/csv.h"

#include <stdbool.h>
#include <string.h>

static bool must_quote(const char *text, char separator)
{
    char special[] = {separator, '"', '\r', '\n', '\0'};
    size_t length = strlen(text);

    return strcspn(text, special) != length ||
           (length > 0 && (text[0] == ' ' || text[length - 1] == ' '));
}

void csv_field(FILE *out, const char *text, char separator)
{
    bool is_quoted = must_quote(text, separator);

    if (is_quoted)
        (void)putc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"')
            (void)putc('"', out);
        (void)putc(*text, out);
    }
    if (is_quoted)
        (void)putc('"', out);
}
