#include "serve/answer_balloon.h"

#include <stdlib.h>

#include "balloon/decision.h"
#include "balloon/reason.h"
#include "common/calendar.h"
#include "serve/curve.h"
#include "store/balloon_lines.h"

/* When a guest says nothing for longer, its line is blank. */
#define SILENT_NS (INT64_C(60) * 1000000000)
/* A line is thinned when it has come so far, so that a year of a talkative guest fits. */
enum { LINE_POINTS_MAX = 100000 };

static const char *const line_names[BALLOON_LINES] = {
    [LINE_USED] = "used",   [LINE_FREE] = "free",       [LINE_CACHED] = "cache",
    [LINE_SWAP] = "swap",   [LINE_NEED] = "need",       [LINE_TARGET] = "target",
    [LINE_FLOOR] = "floor", [LINE_CEILING] = "ceiling",
};

struct lines {
    const struct answering *a;
    struct access *access;
    struct curve curves[BALLOON_LINES];
    int64_t last_ns; /* up to which the sample before stands */
};

static void thin(const struct lines *l, struct curve *curve)
{
    const struct serve_request *r = l->a->request;

    curve_thin(curve, r->from_hour * NS_PER_HOUR, r->to_hour * NS_PER_HOUR, r->points);
}

/* A five minutes' least and most become points of their own, so that a peak stays one. */
static bool add_value(struct curve *c, const struct balloon_sample *sample,
                      const struct balloon_value *v, struct error *err)
{
    int64_t at = sample->utc_ns, third = sample->span_ns / 3;

    if (!v->is_there)
        return curve_put(c, at, -1, err);
    if (sample->span_ns == 0 || v->least_kib == v->most_kib)
        return curve_put(c, at, (int64_t)v->kib, err);
    return curve_put(c, at, (int64_t)v->kib, err) &&
           curve_put(c, at + third, (int64_t)v->least_kib, err) &&
           curve_put(c, at + 2 * third, (int64_t)v->most_kib, err);
}

static bool take_sample(void *self, const struct balloon_sample *sample, struct error *err)
{
    struct lines *l = self;
    bool was_silent = l->last_ns != 0 && sample->utc_ns - l->last_ns > SILENT_NS;

    if (!access_has_hour(l->access, calendar_hour_of((uint64_t)sample->utc_ns)))
        return true;
    for (int i = 0; i < BALLOON_LINES; i++) {
        struct curve *c = &l->curves[i];

        if ((was_silent && c->count > 0 && !curve_put(c, l->last_ns, -1, err)) ||
            !add_value(c, sample, &sample->lines[i], err))
            return false;
        if (c->count > LINE_POINTS_MAX)
            thin(l, c);
    }
    l->last_ns = sample->utc_ns + sample->span_ns;
    return true;
}

static bool has_value(const struct curve *c)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->list[i].kib >= 0)
            return true;
    return false;
}

static void put_line(struct json *json, const char *name, const struct curve *c)
{
    json_open_flat_object(json, NULL);
    json_text(json, "name", name);
    json_open_list(json, "ms");
    for (size_t i = 0; i < c->count; i++)
        json_int(json, NULL, c->list[i].utc_ns / 1000000);
    json_close(json);
    json_open_list(json, "kib");
    for (size_t i = 0; i < c->count; i++)
        if (c->list[i].kib < 0)
            json_null(json, NULL);
        else
            json_int(json, NULL, c->list[i].kib);
    json_close(json);
    json_close(json);
}

static bool put_lines(struct lines *l, struct json *json, struct error *err)
{
    const struct serve_request *r = l->a->request;
    struct balloon_lines_reader reader = {take_sample, l};

    if (!balloon_store_lines(l->a->reader->balloon, &r->vm, r->from_hour * NS_PER_HOUR,
                             r->to_hour * NS_PER_HOUR, &reader, err))
        return false;
    for (int i = 0; i < BALLOON_LINES; i++) {
        if (l->last_ns != 0 && !curve_put(&l->curves[i], l->last_ns + 1, -1, err))
            return false;
        thin(l, &l->curves[i]);
        if (has_value(&l->curves[i]))
            put_line(json, line_names[i], &l->curves[i]);
    }
    return true;
}

/* ---- decisions ---- */

struct decisions {
    struct json *json;
    struct access *access;
    int64_t count;
};

static bool take_decision(void *self, const struct balloon_entry *entry, struct error *err)
{
    struct decisions *d = self;
    const struct decision *decision = &entry->decision;

    (void)err;
    if (!access_has_hour(d->access, calendar_hour_of((uint64_t)entry->utc_ns)) ||
        d->count++ >= ANSWER_DECISIONS_MAX)
        return true;
    json_open_flat_object(d->json, NULL);
    json_int(d->json, "ms", entry->utc_ns / 1000000);
    json_text(d->json, "action", decision_actions[decision->action.kind]);
    json_text(d->json, "reason", reason_word(decision->action.reason));
    json_text(d->json, "text", reason_sentence(decision->action.reason));
    json_int(d->json, "target_kib", (int64_t)decision->action.target_kib);
    json_int(d->json, "had_kib", (int64_t)decision->tot_kib);
    json_text(d->json, "failure", reason_word(decision->failure));
    json_close(d->json);
    return true;
}

static bool put_decisions(const struct answering *a, struct decisions *d, struct error *err)
{
    const struct serve_request *r = a->request;
    struct balloon_query query = {ENTRY_DECISION, &r->vm, r->from_hour * NS_PER_HOUR,
                                  r->to_hour * NS_PER_HOUR};
    struct balloon_reader reader = {take_decision, d};

    return balloon_store_read(a->reader->balloon, &query, &reader, err);
}

bool answer_balloon(const struct answering *a, struct json *json, struct access *access,
                    struct error *err)
{
    struct lines lines = {.a = a, .access = access};
    struct decisions decisions = {json, access, 0};
    bool has = a->reader->balloon != NULL;

    json_open_list(json, "guest");
    bool is_ok = !has || put_lines(&lines, json, err);

    json_close(json);
    json_open_list(json, "decisions");
    is_ok = is_ok && (!has || put_decisions(a, &decisions, err));
    json_close(json);
    json_int(json, "decisions_more",
             decisions.count > ANSWER_DECISIONS_MAX ? decisions.count - ANSWER_DECISIONS_MAX : 0);
    for (int i = 0; i < BALLOON_LINES; i++)
        curve_clear(&lines.curves[i]);
    return is_ok;
}
