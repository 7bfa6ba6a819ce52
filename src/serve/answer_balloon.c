#include "serve/answer_balloon.h"

#include "balloon/decision.h"
#include "balloon/reason.h"
#include "chart/downsample.h"
#include "chart/guest.h"
#include "common/calendar.h"

enum { STRETCH_HOURS = 31 * 24 };

/* The part of a stretch that may be seen. Lines stay thin, so that a year of a talkative guest
 * fits. */
static bool add_stretch(const struct answering *a, struct access *access, int64_t hour, int64_t to,
                        struct guest *guest, struct error *err)
{
    const struct serve_request *r = a->request;
    struct series_span whole = {r->from_hour * NS_PER_HOUR, r->to_hour * NS_PER_HOUR};

    for (int64_t end; access_next(access, &hour, to, &end); hour = end) {
        struct series_span span = {hour * NS_PER_HOUR, end * NS_PER_HOUR};

        if (!guest_read(a->reader->balloon, &r->vm, &span, guest, err))
            return false;
        for (int i = 0; i < BALLOON_LINES; i++)
            downsample(&guest->lines[i], &whole, r->points);
    }
    return true;
}

static bool put_lines(const struct answering *a, struct json *json, struct access *access,
                      struct error *err)
{
    const struct serve_request *r = a->request;
    struct guest guest = {.is_rolled = false};
    bool is_ok = true;

    for (int64_t hour = r->from_hour; is_ok && hour < r->to_hour; hour += STRETCH_HOURS)
        is_ok = add_stretch(a, access, hour,
                            hour + STRETCH_HOURS < r->to_hour ? hour + STRETCH_HOURS : r->to_hour,
                            &guest, err);
    for (int i = 0; is_ok && i < BALLOON_LINES; i++) {
        if (guest.lines[i].count == 0)
            continue;
        json_open_flat_object(json, NULL);
        json_text(json, "name", guest_line_name((enum balloon_line)i));
        answer_line(json, &guest.lines[i]);
        json_close(json);
    }
    guest_clear(&guest);
    return is_ok;
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
    struct decisions decisions = {json, access, 0};
    bool has = a->reader->balloon != NULL;

    json_open_list(json, "guest");
    bool is_ok = !has || put_lines(a, json, access, err);

    json_close(json);
    json_open_list(json, "decisions");
    is_ok = is_ok && (!has || put_decisions(a, &decisions, err));
    json_close(json);
    json_int(json, "decisions_more",
             decisions.count > ANSWER_DECISIONS_MAX ? decisions.count - ANSWER_DECISIONS_MAX : 0);
    return is_ok;
}
