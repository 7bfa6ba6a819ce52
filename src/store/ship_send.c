#include "store/ship_send.h"

#include <stdlib.h>

#include "store/postgres.h"
#include "store/sql.h"

enum { PROTOCOL = 1 };

struct ship_sender {
    struct db db;
    struct db_stmt *call;
};

bool ship_sender_open(struct ship_sender **out, const char *uri, struct error *err)
{
    struct ship_sender *s = calloc(1, sizeof *s);

    if (s == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to ship");
    if (!postgres_open(&s->db, uri, true, err) ||
        !db_prepare(&s->db, SQL_SHIP_CALL, &s->call, err)) {
        ship_sender_close(s);
        return false;
    }
    *out = s;
    return true;
}

void ship_sender_close(struct ship_sender *s)
{
    if (s == NULL)
        return;
    db_finalize(s->call);
    db_close(&s->db);
    free(s);
}

static bool run_for(struct ship_sender *s, const char *sql, const struct uuid *host,
                    struct error *err)
{
    struct db_stmt *stmt = NULL;
    bool is_ok = db_prepare(&s->db, sql, &stmt, err);

    if (is_ok) {
        db_bind_uuid(stmt, 1, host);
        is_ok = db_run(stmt, "deliver for a host", err);
    }
    db_finalize(stmt);
    return is_ok;
}

bool ship_sender_begin_as(struct ship_sender *s, const struct uuid *host, struct error *err)
{
    return db_exec(&s->db, "BEGIN ISOLATION LEVEL READ COMMITTED", "deliver for a host", err) &&
           run_for(s, SQL_PG_BORROW_ADMIT, host, err);
}

bool ship_sender_commit_as(struct ship_sender *s, const struct uuid *host, struct error *err)
{
    return run_for(s, SQL_PG_BORROW_RETURNED, host, err) &&
           db_commit(&s->db, "deliver for a host", err);
}

static void bind_origin(struct db_stmt *call, const struct ship_origin *o)
{
    db_bind_int(call, 1, PROTOCOL);
    db_bind_uuid(call, 2, &o->store);
    db_bind_int(call, 3, o->number);
    db_bind_int(call, 4, o->created_ns);
    if (o->is_restored)
        db_bind_uuid(call, 5, &o->restored_from);
    else
        db_bind_text(call, 5, "");
    db_bind_int(call, 6, o->begin);
}

static bool call(struct ship_sender *s, const char *what, struct ship_answer *out,
                 struct error *err)
{
    struct ship_answer answer = {0, 0};
    enum db_row row = db_step(s->call, what, err);

    if (row == DB_ROW) {
        answer = (struct ship_answer){db_int(s->call, 0), db_int(s->call, 1)};
        row = db_step(s->call, what, err);
    } else if (row == DB_DONE) {
        return error_set(err, ERR_STORE, "%s: can't %s: its function ship() says nothing",
                         s->db.path, what);
    }
    if (row != DB_DONE)
        return false;
    *out = answer;
    return true;
}

bool ship_send(struct ship_sender *s, const struct ship_origin *origin, const struct ship_batch *b,
               struct ship_answer *out, struct error *err)
{
    if (b->up_to >= STORE_NUMBERS)
        return error_set(
            err, ERR_REFUSED,
            "tick %lld is beyond what a database of many hosts numbers (10^12): it can only "
            "be kept in a directory",
            (long long)b->up_to);
    bind_origin(s->call, origin);
    db_bind_int(s->call, 7, b->after);
    db_bind_int(s->call, 8, b->up_to);
    db_bind_int(s->call, 9, b->hour);
    db_bind_text(s->call, 10, b->rows.text);
    db_bind_text(s->call, 11, b->tick_numbers.text);
    db_bind_text(s->call, 12, b->segment_numbers.text);
    return call(s, "ship to it", out, err) ||
           error_context(err, "ticks %lld to %lld", (long long)b->first_tick, (long long)b->up_to);
}

bool ship_ask(struct ship_sender *s, const struct ship_origin *origin, struct ship_answer *out,
              struct error *err)
{
    bind_origin(s->call, origin);
    db_bind_int(s->call, 7, origin->begin);
    db_bind_int(s->call, 8, origin->begin);
    db_bind_int(s->call, 9, 0);
    db_bind_text(s->call, 10, "{}");
    db_bind_text(s->call, 11, "{}");
    db_bind_text(s->call, 12, "{}");
    return call(s, "ask what was shipped", out, err);
}
