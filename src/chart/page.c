#include "chart/page.h"

#include <inttypes.h>
#include <nettle/base64.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>

#include "chart/caption.h"
#include "chart/scale.h"
#include "common/calendar.h"

enum { ROWS_BY_HOUR_MAX = 48, HASH_TEXT_MAX = 64 };

/* The policy allows this text as a style, and no other. */
static const char style[] =
    ":root{color-scheme:light dark}"
    "body{font:15px/1.45 system-ui,sans-serif;margin:1.2em auto;max-width:70em;padding:0 1em}"
    "h1{font-size:1.25em;margin:0;overflow-wrap:anywhere}"
    "img{max-width:100%;height:auto;margin:1em 0}"
    "ul{list-style:none;padding:0;margin:.4em 0;display:flex;flex-wrap:wrap;gap:.1em 1.4em}"
    ".scroll{overflow-x:auto}"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.9em}"
    "th,td{padding:.15em .8em;text-align:right;white-space:nowrap;border-bottom:1px solid #8884}"
    "th:first-child,td:first-child{text-align:left}"
    "caption{text-align:left;padding:.4em 0}";

static const char dark_only[] = ":root{color-scheme:dark}";
static const char light_only[] = ":root{color-scheme:light}";

/* ---- text ---- */

static void put_text(FILE *out, const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        switch (*p) {
        case '&':
            (void)fputs("&amp;", out);
            break;
        case '<':
            (void)fputs("&lt;", out);
            break;
        case '>':
            (void)fputs("&gt;", out);
            break;
        case '"':
            (void)fputs("&quot;", out);
            break;
        case '\'':
            (void)fputs("&#39;", out);
            break;
        default:
            (void)putc(*p, out);
        }
    }
}

/* "sha256-...", of a style. */
static const char *hash_of(const char *text, char out[HASH_TEXT_MAX])
{
    struct sha256_ctx hash;
    uint8_t digest[SHA256_DIGEST_SIZE];

    sha256_init(&hash);
    sha256_update(&hash, strlen(text), (const uint8_t *)text);
    sha256_digest(&hash, sizeof digest, digest);
    memset(out, 0, HASH_TEXT_MAX);
    (void)strcpy(out, "sha256-");
    base64_encode_raw(out + strlen(out), sizeof digest, digest);
    return out;
}

static bool put_base64(FILE *out, const struct picture_bytes *picture, struct error *err)
{
    size_t length = BASE64_ENCODE_RAW_LENGTH(picture->count);
    char *text = malloc(length + 1);

    if (text == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory for a page");
    base64_encode_raw(text, picture->count, picture->bytes);
    (void)fputs("data:image/svg+xml;base64,", out);
    (void)fwrite(text, 1, length, out);
    free(text);
    return true;
}

/* ---- head, words, picture ---- */

static const char *second_style(const struct page_pictures *p)
{
    return p->dark != NULL ? NULL : p->is_dark ? dark_only : light_only;
}

static void put_head(FILE *out, const struct chart *chart, const struct page_pictures *p)
{
    const char *second = second_style(p);
    char hash[HASH_TEXT_MAX];

    (void)fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                "img-src data:; style-src ",
                out);
    (void)fprintf(out, "'%s'", hash_of(style, hash));
    if (second != NULL)
        (void)fprintf(out, " '%s'", hash_of(second, hash));
    (void)fputs("; base-uri 'none'; form-action 'none'\">\n"
                "<meta name=\"referrer\" content=\"no-referrer\">\n"
                "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>",
                out);
    put_text(out, chart->name);
    (void)fprintf(out, " - memory</title>\n<style>%s</style>\n", style);
    if (second != NULL)
        (void)fprintf(out, "<style>%s</style>\n", second);
    (void)fputs("</head>\n<body>\n<main>\n<h1><bdi>", out);
    put_text(out, chart->name);
    (void)fputs("</bdi></h1>\n", out);
}

static void put_caption(FILE *out, const struct chart *chart)
{
    struct caption caption;
    char uuid[UUID_TEXT_MAX];

    caption_make(chart, &caption);
    (void)fputs("<ul>\n", out);
    for (size_t i = 0; i < caption.count; i++) {
        (void)fputs("<li>", out);
        put_text(out, caption.parts[i]);
        (void)fputs("</li>\n", out);
    }
    if (chart->has_name)
        (void)fprintf(out, "<li>VM %s</li>\n", uuid_format(&chart->vm, uuid));
    (void)fputs("</ul>\n", out);
}

static bool put_pictures(FILE *out, const struct page_pictures *p, struct error *err)
{
    (void)fputs("<picture>", out);
    if (p->dark != NULL) {
        (void)fputs("<source media=\"(prefers-color-scheme: dark)\" srcset=\"", out);
        if (!put_base64(out, p->dark, err))
            return false;
        (void)fputs("\">", out);
    }
    (void)fprintf(out,
                  "<img width=\"%d\" height=\"%d\" alt=\"Memory over time; the table below has "
                  "the figures.\" src=\"",
                  p->size.width, p->size.height);
    if (!put_base64(out, p->one, err))
        return false;
    (void)fputs("\"></picture>\n", out);
    return true;
}

/* ---- the table ---- */

struct row {
    struct series_span span;
    struct series_hour sum;
};

static void put_row_head(FILE *out, const struct chart *chart, bool is_by_hour)
{
    (void)fprintf(out,
                  "<div class=\"scroll\"><table>\n<caption>By the %s, UTC. Least, average and most "
                  "are of what is billed.</caption>\n<thead><tr><th scope=\"col\">%s</th>"
                  "<th scope=\"col\">GiB\u00b7h</th><th scope=\"col\">least</th><th "
                  "scope=\"col\">average</th><th scope=\"col\">most</th><th "
                  "scope=\"col\">measured</th><th scope=\"col\">not measured</th>"
                  "<th scope=\"col\">free of charge</th>",
                  is_by_hour ? "hour" : "day", is_by_hour ? "hour" : "day");
    for (int i = 0; i < BALLOON_LINES; i++)
        if (chart->guest.lines[i].count > 0)
            (void)fprintf(out, "<th scope=\"col\">%s, average</th>",
                          guest_line_name((enum balloon_line)i));
    (void)fputs("</tr></thead>\n<tbody>\n", out);
}

static void put_kib(FILE *out, bool is_there, uint64_t kib)
{
    char text[SCALE_TEXT_MAX];

    (void)fprintf(out, "<td>%s</td>", is_there ? scale_format_kib(kib, text) : "-");
}

static void put_span(FILE *out, int64_t ns)
{
    char text[SCALE_TEXT_MAX];

    (void)fprintf(out, "<td>%s</td>", ns != 0 ? scale_format_span(ns, text) : "-");
}

static void put_row(FILE *out, const struct chart *chart, const struct row *row, bool is_by_hour)
{
    const struct usage_part *part = &row->sum.part;
    bool is_billed = part->measured_ns > 0;
    char when[HOUR_TEXT_MAX];
    char gib_h[USAGE_TEXT_MAX];

    calendar_format_hour(row->span.from_utc_ns / NS_PER_HOUR, when);
    when[is_by_hour ? 16 : 10] = '\0'; /* 2026-11-22T13:00 */
    if (is_by_hour)
        when[10] = ' ';
    (void)fprintf(out, "<tr><th scope=\"row\">%s</th><td>%s</td>", when,
                  usage_format_gib_h(part->kib_ns, gib_h));
    put_kib(out, is_billed, row->sum.least_kib);
    put_kib(out, is_billed, is_billed ? (uint64_t)(part->kib_ns / (uint64_t)part->measured_ns) : 0);
    put_kib(out, is_billed, row->sum.most_kib);
    put_span(out, part->measured_ns);
    put_span(out, part->missing_ns);
    put_span(out, part->excluded_ns);
    for (int i = 0; i < BALLOON_LINES; i++) {
        uint64_t kib = 0;

        if (chart->guest.lines[i].count > 0)
            put_kib(out, points_mean(&chart->guest.lines[i], &row->span, &kib), kib);
    }
    (void)fputs("</tr>\n", out);
}

static void add_hour(struct series_hour *sum, const struct series_hour *hour)
{
    if (hour->part.measured_ns > 0 &&
        (sum->part.measured_ns == 0 || hour->least_kib < sum->least_kib))
        sum->least_kib = hour->least_kib;
    if (hour->most_kib > sum->most_kib)
        sum->most_kib = hour->most_kib;
    sum->part.kib_ns += hour->part.kib_ns;
    sum->part.measured_ns += hour->part.measured_ns;
    sum->part.missing_ns += hour->part.missing_ns;
    sum->part.excluded_ns += hour->part.excluded_ns;
}

/* Rows in which nothing of the VM is there are left out. */
static void put_table(FILE *out, const struct chart *chart)
{
    const struct series *s = &chart->series;
    int64_t from;
    int64_t to;
    size_t hour = 0;

    series_hours(&chart->span, &from, &to);
    bool is_by_hour = to - from <= ROWS_BY_HOUR_MAX;
    int64_t step = is_by_hour ? 1 : HOURS_PER_DAY;

    put_row_head(out, chart, is_by_hour);
    for (int64_t at = from / step * step; at < to && hour < s->hour_count; at += step) {
        struct row row = {.span = {at * NS_PER_HOUR, (at + step) * NS_PER_HOUR}};
        bool has_any = false;

        for (; hour < s->hour_count && s->hours[hour].part.hour < at + step; hour++) {
            add_hour(&row.sum, &s->hours[hour]);
            has_any = true;
        }
        if (has_any)
            put_row(out, chart, &row, is_by_hour);
    }
    (void)fputs("</tbody></table></div>\n", out);
}

bool page_write(FILE *out, const struct chart *chart, const struct page_pictures *pictures,
                struct error *err)
{
    put_head(out, chart, pictures);
    put_caption(out, chart);
    if (!put_pictures(out, pictures, err))
        return false;
    put_table(out, chart);
    (void)fputs("</main>\n</body>\n</html>\n", out);
    return true;
}
