/*
 * answer_fleet.c - all hosts and what their VMs hold now; for a customer, his VMs alone.
 */
#include <stdlib.h>
#include <string.h>

#include "common/calendar.h"
#include "serve/answer.h"

struct fleet {
    const struct answering *a;
    struct json json;
    struct vm_names names;
    int64_t vms, more, kib;
};

static bool put_host(void *self, const char *const *v, struct error *err)
{
    struct fleet *f = self;

    (void)err;
    json_open_flat_object(&f->json, NULL);
    json_text(&f->json, "host", v[0]);
    if (v[2] != NULL)
        answer_time(&f->json, "last_tick", reader_number(v[2]));
    else
        json_null(&f->json, "last_tick");
    json_bool(&f->json, "is_synchronised", reader_number(v[3]) == 1);
    json_int(&f->json, "domains", reader_number(v[4]));
    json_int(&f->json, "kib", reader_number(v[5]));
    json_bool(&f->json, "is_retired", v[6] != NULL);
    json_int(&f->json, "gaps", reader_number(v[7]));
    json_text(&f->json, "gap_ns", v[8] != NULL ? v[8] : "0");
    json_close(&f->json);
    return true;
}

static bool put_gap(void *self, const char *const *v, struct error *err)
{
    struct fleet *f = self;

    (void)err;
    json_open_flat_object(&f->json, NULL);
    json_text(&f->json, "host", v[0]);
    answer_time(&f->json, "from", reader_number(v[1]));
    answer_time(&f->json, "to", reader_number(v[2]));
    json_text(&f->json, "span_ns", v[3]);
    json_text(&f->json, "cause", v[4]);
    json_close(&f->json);
    return true;
}

static void put_owner(struct fleet *f, const struct uuid *vm)
{
    const struct reader *reader = f->a->reader;
    struct rate rate = {0};

    if (reader->book != NULL)
        book_rate(reader->book, vm, calendar_hour_of((uint64_t)f->a->request->now_utc_ns), &rate);
    if (rate.account != NULL)
        json_text(&f->json, "account", rate.account->id);
    else
        json_null(&f->json, "account");
}

/* A VM that is his now was another's when its host was last read, if that fell silent since. */
static bool is_visible(const struct fleet *f, const struct uuid *vm, int64_t read_utc_ns)
{
    const struct answering *a = f->a;
    struct access access = access_to(a->asker, a->reader->book, vm);

    return access_has_hour(&access, calendar_hour_of((uint64_t)read_utc_ns)) &&
           access_has_hour(&access, calendar_hour_of((uint64_t)a->request->now_utc_ns));
}

static bool put_vm(void *self, const char *const *v, struct error *err)
{
    struct fleet *f = self;
    const struct answering *a = f->a;
    struct uuid vm;

    if (!uuid_parse(v[0], strlen(v[0]), &vm))
        return error_set(err, ERR_STORE, "'%.40s' is no uuid of a VM", v[0]);
    const char *name = vm_names_find(&f->names, &vm);

    if ((reader_number(v[3]) == 0 && !a->request->with_unbilled) ||
        !is_visible(f, &vm, reader_number(v[6])))
        return true;
    f->kib += reader_number(v[5]) == 1 ? reader_number(v[4]) : 0;
    if (++f->vms > ANSWER_VMS_MAX) {
        f->more++;
        return true;
    }
    json_open_flat_object(&f->json, NULL);
    json_text(&f->json, "vm", v[0]);
    json_text(&f->json, "name", name != NULL ? name : "");
    put_owner(f, &vm);
    if (a->asker->is_operator) {
        json_text(&f->json, "host", v[1]);
        json_int(&f->json, "domid", reader_number(v[2]));
    }
    json_bool(&f->json, "is_billed", reader_number(v[3]) == 1);
    json_int(&f->json, "kib", reader_number(v[4]));
    json_bool(&f->json, "is_counted", reader_number(v[5]) == 1);
    json_close(&f->json);
    return true;
}

/* Accounts, for who may see them all. */
static void put_accounts(struct fleet *f)
{
    const struct book *book = f->a->reader->book;
    size_t count = 0;
    const struct book_account *list = book != NULL ? book_accounts(book, &count) : NULL;

    json_open_list(&f->json, "accounts");
    for (size_t i = 0; i < count && i < ANSWER_VMS_MAX; i++) {
        json_open_flat_object(&f->json, NULL);
        json_text(&f->json, "account", list[i].id);
        json_text(&f->json, "name", list[i].name);
        json_close(&f->json);
    }
    json_close(&f->json);
}

static bool put_all(struct fleet *f, struct error *err)
{
    struct reader *reader = f->a->reader;
    bool is_operator = f->a->asker->is_operator;

    json_begin(&f->json, f->a->out);
    answer_time(&f->json, "now", f->a->request->now_utc_ns);
    if (is_operator) {
        json_open_list(&f->json, "hosts");
        if (!answer_ask(f->a, "hosts", NULL, &(struct reader_sink){put_host, f}, err))
            return false;
        json_close(&f->json);
        put_accounts(f);
    }
    json_open_list(&f->json, "vms");
    if (!answer_ask(f->a, "held", NULL, &(struct reader_sink){put_vm, f}, err))
        return false;
    json_close(&f->json);
    json_int(&f->json, "vms_more", f->more);
    json_int(&f->json, "kib", f->kib);
    if (is_operator) {
        json_open_list(&f->json, "gaps");
        if (!reader_ask(reader, "last_gaps", NULL, 0, &(struct reader_sink){put_gap, f}, err))
            return false;
        json_close(&f->json);
    }
    json_end(&f->json);
    return true;
}

bool answer_fleet(const struct answering *a, struct error *err)
{
    struct fleet f = {.a = a};
    bool is_ok = answer_names(a, INT64_MAX, &f.names, err) && put_all(&f, err);

    vm_names_clear(&f.names);
    return is_ok;
}
