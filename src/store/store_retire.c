/*
 * store_retire.c - a host that is gone: nothing more comes of its stores, so that the hour that is
 * open is derived too, and nobody waits for another tick.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "common/calendar.h"
#include "common/uri.h"
#include "store/central.h"
#include "store/central_impl.h"

static bool insert(struct store *s, const struct store_marks *m, int64_t at_ns, int64_t now_ns,
                   struct error *err)
{
    struct db_stmt *stmt = NULL;

    if (!db_prepare(&s->db, STORE_SQL(s, INSERT_RETIRED), &stmt, err))
        return false;
    db_bind_ints(stmt, (const int64_t[]){at_ns, m->last_tick, now_ns}, 3);
    bool is_ok = db_run(stmt, "retire a host", err);

    db_finalize(stmt);
    return is_ok;
}

/* It can't have measured after it was gone. */
static bool check_time(const struct store_marks *m, int64_t at_ns, struct error *err)
{
    char text[HOUR_TEXT_MAX];
    int64_t hour = m->last_utc_ns / NS_PER_HOUR;

    if (m->last_utc_ns <= at_ns)
        return true;
    return error_set(err, ERR_REFUSED,
                     "it has measured after %s: name an hour behind that with --at",
                     calendar_format_hour(hour, text));
}

static bool dismiss(struct store *s, const struct store_retiring *r, bool *is_dismissed,
                    struct error *err)
{
    struct db_stmt *stmt = NULL;

    *is_dismissed = false;
    if (!s->db.is_postgres || r->store != NULL)
        return true;
    if (!db_prepare(&s->db, SQL_PG_DISMISS_HOST, &stmt, err))
        return false;
    db_bind_uuid(stmt, 1, r->host);
    bool is_ok = db_step(stmt, "dismiss a host", err) == DB_ROW;

    *is_dismissed = is_ok && db_int(stmt, 0) > 0;
    db_finalize(stmt);
    return is_ok;
}

static bool look_whether_awaited(struct store *s, const struct store_retiring *r, bool *is_awaited,
                                 struct error *err)
{
    struct silent_host *list;
    size_t count;
    bool is_ok = store_silent_hosts(s, &list, &count, err);

    for (size_t i = 0; is_ok && i < count; i++)
        *is_awaited = *is_awaited || uuid_is_equal(&list[i].host, r->host);
    free(list);
    return is_ok;
}

static bool retire_all(struct store *s, const struct store_retiring *r, struct store_retired *out,
                       struct error *err)
{
    struct store_marks *marks;
    size_t stores, known = 0;
    bool is_ok = store_marks(s, &marks, &stores, err);

    *out = (struct store_retired){0};
    for (size_t i = 0; is_ok && i < stores; i++) {
        if (!uuid_is_equal(&marks[i].host, r->host) ||
            (r->store != NULL && !uuid_is_equal(&marks[i].store, r->store)))
            continue;
        known++;
        if (marks[i].is_retired)
            continue;
        is_ok =
            check_time(&marks[i], r->at_ns, err) && insert(s, &marks[i], r->at_ns, r->now_ns, err);
        out->stores++;
    }
    free(marks);
    is_ok = is_ok && (out->stores > 0 ? look_whether_awaited(s, r, &out->is_awaited, err)
                                      : dismiss(s, r, &out->is_dismissed, err));
    return is_ok && (known > 0 || out->is_dismissed ||
                     error_set(err, ERR_REFUSED, "no measurements of this host are here"));
}

static bool retire(struct store *s, const struct store_retiring *retiring,
                   struct store_retired *out, struct error *err)
{
    if (!db_begin(&s->db, DB_WRITING, "retire a host", err))
        return false;
    s->is_in_transaction = true;
    s->is_cut = true;
    bool is_ok = retire_all(s, retiring, out, err) && store_derive(s, err) &&
                 db_commit(&s->db, "retire a host", err);

    s->is_in_transaction = false;
    if (!is_ok)
        db_rollback(&s->db);
    return is_ok;
}

bool store_retire_named(const char *name, const struct store_retiring *retiring,
                        struct store_retired *out, struct error *err)
{
    struct store *s = NULL;
    bool is_ok = (uri_is_postgres(name) ? central_open_store(&s, name, true, err)
                                        : store_open(&s, name, STORE_WRITE, err)) &&
                 retire(s, retiring, out, err);

    store_close(s);
    return is_ok;
}
