/*
 * answer_vm.c - one VM: what it is called, whose it is, and its lives.
 */
#include <stdlib.h>
#include <string.h>

#include "common/calendar.h"
#include "serve/answer.h"

struct vm_answer {
    const struct answering *a;
    struct json json;
    struct access access;
    int64_t now_hour, lives;
};

/* The hour of a tick, or when that was pruned the one that is kept of its usage; -1: it is not
 * known. */
static int64_t hour_of(const char *utc_ns, const char *hour)
{
    if (utc_ns != NULL)
        return calendar_hour_of((uint64_t)reader_number(utc_ns));
    return hour != NULL ? reader_number(hour) : -1;
}

/* Is any of it the asker's? */
static bool is_visible(struct vm_answer *x, const char *const *v)
{
    int64_t from = hour_of(v[2], v[6]);
    int64_t to = reader_number(v[4]) == 1 ? x->now_hour : hour_of(v[3], v[7]);

    return x->a->asker->is_operator || (from >= 0 && access_has_any(&x->access, from, to + 1));
}

static void put_instant(struct json *json, const char *name, const char *utc_ns)
{
    if (utc_ns != NULL)
        answer_time(json, name, reader_number(utc_ns));
    else
        json_null(json, name);
}

/* Where it ran, and as what, is the operator's business. */
static bool put_life(void *self, const char *const *v, struct error *err)
{
    struct vm_answer *x = self;
    bool is_operator = x->a->asker->is_operator;

    (void)err;
    if (!is_visible(x, v) || x->lives++ >= ANSWER_LIVES_MAX)
        return true;
    json_open_flat_object(&x->json, NULL);
    if (is_operator) {
        json_text(&x->json, "life", v[0]);
        json_text(&x->json, "host", v[1]);
    }
    /* when it began or ended may be in an hour that was another's */
    bool shows_first = v[2] != NULL &&
                       access_has_hour(&x->access, calendar_hour_of((uint64_t)reader_number(v[2])));
    bool shows_last = v[3] != NULL &&
                      access_has_hour(&x->access, calendar_hour_of((uint64_t)reader_number(v[3])));

    put_instant(&x->json, "from", shows_first ? v[2] : NULL);
    put_instant(&x->json, "to", shows_last ? v[3] : NULL);
    json_bool(&x->json, "is_open",
              reader_number(v[4]) == 1 && access_has_hour(&x->access, x->now_hour));
    json_bool(&x->json, "is_billed", reader_number(v[5]) == 1);
    json_close(&x->json);
    return true;
}

/* One that was given to somebody, and has not run yet, is there for him, as its series is. */
static bool is_there(struct vm_answer *x, const struct rate *now)
{
    bool is_operator = x->a->asker->is_operator;

    return x->lives > 0 ||
           (is_operator ? now->account != NULL : access_has_any(&x->access, 0, x->now_hour + 1));
}

static bool put_vm(struct vm_answer *x, const char *name, struct error *err)
{
    const struct answering *a = x->a;
    char vm[UUID_TEXT_MAX];
    struct query_parameter parameter = {"vm", uuid_format(&a->request->vm, vm)};
    struct rate rate = {0};
    bool is_his_now = access_has_hour(&x->access, x->now_hour);

    if (a->reader->book != NULL)
        book_rate(a->reader->book, &a->request->vm, x->now_hour, &rate);
    json_begin(&x->json, a->out);
    json_text(&x->json, "vm", vm);
    json_text(&x->json, "name", name != NULL && is_his_now ? name : "");
    if (rate.account != NULL && is_his_now)
        json_text(&x->json, "account", rate.account->id);
    else
        json_null(&x->json, "account");
    if (is_his_now && rate.price != NULL) {
        char price[PRICE_TEXT_MAX];

        json_text(&x->json, "price", price_format(rate.price, price));
        json_text(&x->json, "currency", rate.price->currency.code);
        json_text(&x->json, "unit", unit_name(rate.price->unit));
    }
    json_open_list(&x->json, "lives");
    if (!answer_ask(a, "lives", &parameter, &(struct reader_sink){put_life, x}, err))
        return false;
    json_close(&x->json);
    json_end(&x->json);
    return is_there(x, &rate) || answer_not_there(err);
}

bool answer_vm(const struct answering *a, struct error *err)
{
    struct vm_answer x = {
        .a = a,
        .access = access_to(a->asker, a->reader->book, &a->request->vm),
        .now_hour = calendar_hour_of((uint64_t)a->request->now_utc_ns),
    };
    struct vm_names names = {0};
    bool is_ok = answer_names(a, INT64_MAX, &names, err) &&
                 put_vm(&x, vm_names_find(&names, &a->request->vm), err);

    vm_names_clear(&names);
    return is_ok;
}
