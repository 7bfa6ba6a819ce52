/*
 * balloon_store.c - opening balloon.db and writing to it; balloon_read.c reads.
 */
#include "store/balloon_store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/balloon_impl.h"

static const char *const statement_texts[BS_COUNT] = {
    [BS_DECISION] = SQL_BALLOON_INSERT_DECISION,
    [BS_FIGURE] = SQL_BALLOON_INSERT_FIGURE,
    [BS_ROLLED_BACK] = SQL_BALLOON_SET_ROLLED_BACK,
    [BS_ALERT] = SQL_BALLOON_INSERT_ALERT,
    [BS_LOST] = SQL_BALLOON_INSERT_LOST,
    [BS_COUNTED] = SQL_BALLOON_COUNT,
    [BS_REACTED] = SQL_BALLOON_COUNT_REACTION,
    [BS_CHANGE] = SQL_BALLOON_INSERT_CHANGE,
    [BS_SET] = SQL_BALLOON_SET,
    [BS_UNSET] = SQL_BALLOON_UNSET,
    [BS_RESERVATION_CHANGE] = SQL_BALLOON_INSERT_RESERVATION_CHANGE,
    [BS_RESERVE] = SQL_BALLOON_RESERVE,
    [BS_UNRESERVE] = SQL_BALLOON_UNRESERVE,
};

bool balloon_store_open(struct balloon_store **out, const char *dir, enum store_mode mode,
                        struct error *err)
{
    struct balloon_store *s = calloc(1, sizeof *s);

    if (s == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to open a store");
    s->lock_fd = -1;
    s->db.writer = "pageballoond";
    bool is_ok = store_name_db(&s->db, dir, "balloon.db", err) &&
                 (mode == STORE_READ || store_lock_dir(dir, "balloon.lock", &s->lock_fd, err)) &&
                 store_open_db(&s->db, sql_balloon_migrations, mode, err);

    for (size_t i = 0; is_ok && mode == STORE_WRITE && i < BS_COUNT; i++)
        is_ok = db_prepare(&s->db, statement_texts[i], &s->statements[i], err);
    is_ok = is_ok && (mode == STORE_READ || balloon_rolled_to(s, &s->rolled_to, err));
    if (!is_ok) {
        balloon_store_close(s);
        return false;
    }
    *out = s;
    return true;
}

void balloon_store_close(struct balloon_store *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < BS_COUNT; i++)
        db_finalize(s->statements[i]);
    db_close(&s->db);
    if (s->lock_fd >= 0)
        (void)close(s->lock_fd);
    free(s);
}

/* A guest's counter may be any 64 bits. */
static int64_t bounded(uint64_t value)
{
    return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

static void bind_text(struct db_stmt *stmt, int place, const char *text)
{
    db_bind_text(stmt, place, text);
}

static bool write_decision(struct balloon_store *s, const struct balloon_entry *e,
                           struct error *err)
{
    const struct decision *d = &e->decision;
    const struct action *a = &d->action;
    struct db_stmt *stmt = s->statements[BS_DECISION];

    db_bind_ints(stmt,
                 (const int64_t[]){e->utc_ns, d->at_ns, d->domid, bounded(d->cause.number),
                                   d->cause.domid, bounded(a->before_kib), bounded(a->target_kib),
                                   bounded(a->cap_kib), bounded(a->claim_kib), bounded(d->need_kib),
                                   bounded(d->available_kib), bounded(d->headroom_kib),
                                   bounded(d->tot_kib), bounded(d->rate_kib_s), a->surplus_kib},
                 15);
    db_bind_uuid(stmt, 16, &d->uuid);
    bind_text(stmt, 17, decision_actions[a->kind]);
    bind_text(stmt, 18, reason_word(a->reason));
    bind_text(stmt, 19, reason_word(d->failure));
    bind_text(stmt, 20, decision_causes[d->cause.kind]);
    return db_run(stmt, "write a decision", err);
}

/* The clock was set back: what is rolled up already is rolled up again. */
static bool roll_back(struct balloon_store *s, int64_t utc_ns, struct error *err)
{
    struct db_stmt *stmt = s->statements[BS_ROLLED_BACK];
    int64_t five_min = utc_ns / FIVE_MIN_NS;

    if (five_min >= s->rolled_to)
        return true;
    s->rolled_to = five_min; /* too early, should this be undone: that only costs time */
    db_bind_int(stmt, 1, five_min);
    return db_run(stmt, "write a guest's figures", err);
}

static bool write_figure(struct balloon_store *s, const struct balloon_entry *e, struct error *err)
{
    const struct balloon_figure *f = &e->figure;
    struct db_stmt *stmt = s->statements[BS_FIGURE];
    int place = 9;

    db_bind_ints(stmt,
                 (const int64_t[]){e->utc_ns, f->domid, f->is_fallback, bounded(f->tot_kib),
                                   bounded(f->target_kib), bounded(f->cap_kib),
                                   bounded(f->need_kib), bounded(f->headroom_kib),
                                   f->figures.flags},
                 9);
#define BIND_FIGURE(key, member, most) db_bind_int(stmt, ++place, bounded(f->figures.member));
    FIGURES(BIND_FIGURE)
#undef BIND_FIGURE
    db_bind_uuid(stmt, place + 1, &f->vm);
    db_bind_int(stmt, place + 2, bounded(f->floor_kib));
    db_bind_int(stmt, place + 3, bounded(f->ceiling_kib));
    return roll_back(s, e->utc_ns, err) && db_run(stmt, "write a guest's figures", err);
}

static bool write_alert(struct balloon_store *s, const struct balloon_entry *e, struct error *err)
{
    struct db_stmt *stmt = s->statements[BS_ALERT];

    db_bind_ints(stmt, (const int64_t[]){e->utc_ns, e->alert.domid}, 2);
    db_bind_uuid(stmt, 3, &e->alert.vm);
    bind_text(stmt, 4, reason_word(e->alert.reason));
    return db_run(stmt, "write an alert", err);
}

static bool write_lost(struct balloon_store *s, const struct balloon_entry *e, struct error *err)
{
    struct db_stmt *stmt = s->statements[BS_LOST];

    db_bind_ints(stmt, (const int64_t[]){e->utc_ns, bounded(e->lost)}, 2);
    return db_run(stmt, "write what was lost", err);
}

static bool write_reaction(struct balloon_store *s, const struct tally_count *c, struct error *err)
{
    struct db_stmt *stmt = s->statements[BS_REACTED];
    int64_t up_to_ms = c->place < REACTION_BOUNDS ? reaction_bounds_ms[c->place] : 0;

    db_bind_ints(stmt, (const int64_t[]){up_to_ms, bounded(c->total), bounded(c->ns)}, 3);
    return db_run(stmt, "write how long needs waited", err);
}

static bool write_tally(struct balloon_store *s, const struct balloon_entry *e, struct error *err)
{
    const struct tally_count *c = &e->tally;
    struct db_stmt *stmt = s->statements[BS_COUNTED];
    char vm[UUID_TEXT_MAX] = "";

    if (c->what == TALLY_REACTION)
        return write_reaction(s, c, err);
    if (!c->is_host)
        uuid_format(&c->vm, vm);
    db_bind_ints(stmt, (const int64_t[]){bounded(c->total), e->utc_ns}, 2);
    bind_text(stmt, 3, vm);
    bind_text(stmt, 4, tally_words[c->what]);
    bind_text(stmt, 5, reason_word(c->reason));
    return db_run(stmt, "write what was counted", err);
}

static bool write_setting(struct balloon_store *s, const struct balloon_entry *e, struct error *err)
{
    const struct balloon_setting *set = &e->setting;
    struct db_stmt *change = s->statements[BS_CHANGE];
    bool is_set = set->value[0] != '\0';
    struct db_stmt *stmt = s->statements[is_set ? BS_SET : BS_UNSET];
    char scope[UUID_TEXT_MAX] = "host";

    if (!set->is_host)
        uuid_format(&set->vm, scope);
    db_bind_int(change, 1, e->utc_ns);
    bind_text(change, 2, e->who);
    bind_text(change, 3, scope);
    bind_text(change, 4, set->key);
    bind_text(change, 5, set->value);
    bind_text(stmt, 1, scope);
    bind_text(stmt, 2, set->key);
    if (is_set)
        bind_text(stmt, 3, set->value);
    return db_run(change, "write a change", err) && db_run(stmt, "write a setting", err);
}

static bool write_reservation(struct balloon_store *s, const struct balloon_entry *e,
                              struct error *err)
{
    static const struct uuid nobody;
    const struct reservation *r = &e->reservation;
    bool is_made = e->kind == ENTRY_RESERVE;
    struct db_stmt *change = s->statements[BS_RESERVATION_CHANGE];
    struct db_stmt *stmt = s->statements[is_made ? BS_RESERVE : BS_UNRESERVE];
    char vm[UUID_TEXT_MAX] = "";
    char size[32] = "";

    if (!uuid_is_equal(&r->uuid, &nobody))
        uuid_format(&r->uuid, vm);
    if (is_made)
        (void)snprintf(size, sizeof size, "%" PRId64 "K", bounded(r->size_kib));
    db_bind_int(change, 1, e->utc_ns);
    bind_text(change, 2, e->who);
    bind_text(change, 3, vm);
    bind_text(change, 4, r->name);
    bind_text(change, 5, size);
    if (is_made)
        db_bind_ints(stmt, (const int64_t[]){bounded(r->size_kib), r->expires_ns}, 2);
    bind_text(stmt, is_made ? 3 : 1, vm);
    bind_text(stmt, is_made ? 4 : 2, r->name);
    return db_run(change, "write a change", err) && db_run(stmt, "write a reservation", err);
}

static bool write_entry(struct balloon_store *s, const struct balloon_entry *e, struct error *err)
{
    switch (e->kind) {
    case ENTRY_DECISION:
        return write_decision(s, e, err);
    case ENTRY_FIGURE:
        return write_figure(s, e, err);
    case ENTRY_SETTING:
        return write_setting(s, e, err);
    case ENTRY_RESERVE:
    case ENTRY_UNRESERVE:
        return write_reservation(s, e, err);
    case ENTRY_ALERT:
        return write_alert(s, e, err);
    case ENTRY_TALLY:
        return write_tally(s, e, err);
    case ENTRY_LOST:
        return write_lost(s, e, err);
    }
    return error_set(err, ERR_STORE, "%s: an entry of an unknown kind", s->db.path);
}

bool balloon_store_write(struct balloon_store *s, const struct balloon_entry *entries, size_t count,
                         struct error *err)
{
    bool is_ok = db_begin(&s->db, DB_WRITING, "write to it", err);

    for (size_t i = 0; is_ok && i < count; i++)
        is_ok = write_entry(s, &entries[i], err);
    is_ok = is_ok && db_commit(&s->db, "write to it", err);
    if (!is_ok)
        db_rollback(&s->db);
    return is_ok;
}

/* Each by itself, so that what comes meanwhile need not wait long. */
static bool prune(struct balloon_store *s, const char *text, int64_t before, struct error *err)
{
    struct db_stmt *stmt = NULL;
    bool is_ok = db_prepare(&s->db, text, &stmt, err);

    if (is_ok)
        db_bind_int(stmt, 1, before);
    is_ok = is_ok && db_run(stmt, "prune it", err);
    db_finalize(stmt);
    return is_ok;
}

/* Both or neither: a sum over all VMs never goes back. */
static bool prune_tally(struct balloon_store *s, int64_t before, struct error *err)
{
    bool is_ok = db_begin(&s->db, DB_WRITING, "prune it", err) &&
                 prune(s, SQL_BALLOON_ADD_UP_TALLY, before, err) &&
                 prune(s, SQL_BALLOON_PRUNE_TALLY, before, err) &&
                 db_commit(&s->db, "prune it", err);

    if (!is_ok)
        db_rollback(&s->db);
    return is_ok;
}

bool balloon_store_prune(struct balloon_store *s, const struct balloon_ages *ages,
                         struct error *err)
{
    int64_t rolled_ns = s->rolled_to * FIVE_MIN_NS;
    int64_t figures_ns = ages->figures_before_ns < rolled_ns ? ages->figures_before_ns : rolled_ns;

    return prune(s, SQL_BALLOON_PRUNE_DECISIONS, ages->before_utc_ns, err) &&
           prune(s, SQL_BALLOON_PRUNE_ALERTS, ages->before_utc_ns, err) &&
           prune(s, SQL_BALLOON_PRUNE_LOSSES, ages->before_utc_ns, err) &&
           prune(s, SQL_BALLOON_PRUNE_FIGURES, figures_ns, err) &&
           prune_tally(s, ages->rolled_up_before_ns, err) &&
           balloon_prune_rolled(s, ages->rolled_up_before_ns, err);
}
