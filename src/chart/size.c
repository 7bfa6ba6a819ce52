/*
 * size.c - how large a picture is to be: what of picture.h needs no drawing library.
 */
#include <string.h>

#include "chart/picture.h"
#include "common/number.h"

enum { POINTS_PER_PIXEL = 4 };

bool picture_parse_size(const char *text, struct picture_size *out, struct error *err)
{
    const char *x = strchr(text, 'x');
    uint64_t width;
    uint64_t height;

    if (x != NULL && number_parse(text, (size_t)(x - text), PICTURE_MOST, &width) &&
        number_parse(x + 1, strlen(x + 1), PICTURE_MOST, &height) && width >= PICTURE_LEAST &&
        height >= PICTURE_LEAST) {
        *out = (struct picture_size){(int)width, (int)height};
        return true;
    }
    return error_set(err, ERR_USAGE, "'%.40s' is not a size: write WIDTHxHEIGHT, %d to %d each",
                     text, PICTURE_LEAST, PICTURE_MOST);
}

size_t picture_points(const struct picture_size *size)
{
    return (size_t)size->width * POINTS_PER_PIXEL;
}
