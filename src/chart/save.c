/*
 * save.c - one chart in one file, in any of its formats.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chart/chart_json.h"
#include "chart/many.h"
#include "chart/page.h"

enum { PATH_MAX_BYTES = 4096 };

static const char *const format_names[CHART_FORMATS] = {
    [CHART_SVG] = "svg", [CHART_PNG] = "png", [CHART_HTML] = "html", [CHART_JSON] = "json"};

const char *chart_format_name(enum chart_format format)
{
    return format_names[format];
}

bool chart_parse_format(const char *text, enum chart_format *out, struct error *err)
{
    for (int i = 0; i < CHART_FORMATS; i++) {
        if (strcmp(text, format_names[i]) == 0) {
            *out = (enum chart_format)i;
            return true;
        }
    }
    return error_set(err, ERR_USAGE, "'%.40s' is not a format: write svg, png, html or json", text);
}

bool chart_format_of_file(const char *file, enum chart_format *out, struct error *err)
{
    const char *dot = strrchr(file, '.');

    if (dot != NULL && chart_parse_format(dot + 1, out, err))
        return true;
    return error_set(err, ERR_USAGE,
                     "the name of the file tells its format: .svg, .png, .html or .json; or say "
                     "--format");
}

/* ---- what is in it ---- */

static bool make_picture(const struct chart *chart, const struct chart_options *o, bool is_dark,
                         struct picture_bytes *out, struct error *err)
{
    struct picture_options options = {.kind = o->format == CHART_PNG ? PICTURE_PNG : PICTURE_SVG,
                                      .theme = is_dark ? PICTURE_DARK : PICTURE_LIGHT,
                                      .size = o->size};

    return picture_make(chart, &options, out, err);
}

/* The table has averages of what is not thinned: so the pictures are drawn of a thinner copy. */
static bool write_page(FILE *out, const struct chart *chart, struct chart *thin,
                       const struct chart_options *o, struct error *err)
{
    struct picture_bytes one = {0};
    struct picture_bytes dark = {0};
    struct page_pictures pictures = {.one = &one, .is_dark = o->is_dark, .size = o->size};
    bool is_ok = make_picture(thin, o, o->is_dark, &one, err);

    if (is_ok && !o->is_dark && !o->is_light) {
        pictures.dark = &dark;
        is_ok = make_picture(thin, o, true, &dark, err);
    }
    is_ok = is_ok && page_write(out, chart, &pictures, err);
    free(one.bytes);
    free(dark.bytes);
    return is_ok;
}

static bool copy_points(const struct points *from, struct points *to, struct error *err)
{
    *to = (struct points){0};
    if (from->count == 0)
        return true;
    to->list = malloc(from->count * sizeof *to->list);
    if (to->list == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory for a page");
    memcpy(to->list, from->list, from->count * sizeof *to->list);
    to->count = to->room = from->count;
    return true;
}

/* Its own lines; all else is the original's. */
static bool copy_lines(const struct chart *chart, struct chart *thin, struct error *err)
{
    bool is_ok = true;

    *thin = *chart;
    thin->billed = thin->again = thin->excluded = (struct points){0};
    memset(thin->guest.lines, 0, sizeof thin->guest.lines);
    is_ok = copy_points(&chart->billed, &thin->billed, err) &&
            copy_points(&chart->again, &thin->again, err) &&
            copy_points(&chart->excluded, &thin->excluded, err);
    for (int i = 0; is_ok && i < BALLOON_LINES; i++)
        is_ok = copy_points(&chart->guest.lines[i], &thin->guest.lines[i], err);
    return is_ok;
}

static void free_lines(struct chart *thin)
{
    points_clear(&thin->billed);
    points_clear(&thin->again);
    points_clear(&thin->excluded);
    guest_clear(&thin->guest);
}

static bool write_page_of(FILE *out, const struct chart *chart, const struct chart_options *o,
                          struct error *err)
{
    struct chart thin;
    bool is_ok = copy_lines(chart, &thin, err);

    if (is_ok) {
        chart_thin(&thin, picture_points(&o->size));
        is_ok = write_page(out, chart, &thin, o, err);
    }
    free_lines(&thin);
    return is_ok;
}

static bool write_chart(FILE *out, struct chart *chart, const struct chart_options *o,
                        struct error *err)
{
    struct picture_bytes picture = {0};

    if (o->format == CHART_JSON) {
        chart_write_json(out, chart, &(struct chart_json){true, true});
        return true;
    }
    if (o->format == CHART_HTML)
        return write_page_of(out, chart, o, err);
    chart_thin(chart, picture_points(&o->size));
    if (!make_picture(chart, o, o->is_dark, &picture, err))
        return false;
    (void)fwrite(picture.bytes, 1, picture.count, out);
    free(picture.bytes);
    return true;
}

/* ---- the file ---- */

static bool fail(const char *file, const char *what, int why, struct error *err)
{
    return error_set(err, ERR_SYSTEM, "%.200s can't be %s: %s", file, what, strerror(why));
}

/* ".NAME.new" in the same directory. */
static bool name_fresh(const char *file, char out[PATH_MAX_BYTES], struct error *err)
{
    const char *slash = strrchr(file, '/');
    int dir = slash != NULL ? (int)(slash - file) + 1 : 0;

    if (snprintf(out, PATH_MAX_BYTES, "%.*s.%s.new", dir, file, file + dir) >= PATH_MAX_BYTES)
        return error_set(err, ERR_USAGE, "the name of the file is too long");
    return true;
}

bool chart_save(struct chart *chart, const struct chart_options *o, const char *file,
                struct error *err)
{
    char fresh[PATH_MAX_BYTES];

    if (strcmp(file, "-") == 0)
        return write_chart(stdout, chart, o, err);
    if (!name_fresh(file, fresh, err))
        return false;
    FILE *out = fopen(fresh, "we");

    if (out == NULL)
        return fail(file, "written", errno, err);
    bool is_ok = write_chart(out, chart, o, err);
    bool is_whole = ferror(out) == 0;
    int why = errno;

    is_whole = fclose(out) == 0 && is_whole;
    if (is_ok && !is_whole)
        is_ok = fail(file, "written", errno != 0 ? errno : why, err);
    if (is_ok && rename(fresh, file) != 0)
        is_ok = fail(file, "written", errno, err);
    if (!is_ok)
        (void)unlink(fresh);
    return is_ok;
}
