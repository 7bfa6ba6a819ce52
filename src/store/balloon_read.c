/*
 * balloon_read.c - what balloon.db holds, for a daemon that starts, and for people.
 */
#include <stdlib.h>
#include <string.h>

#include "store/balloon_impl.h"

/* A text of ours: one that does not fit was not written by us. */
static bool copy_text(const struct balloon_store *s, struct db_stmt *stmt, int column, char *out,
                      size_t size, struct error *err)
{
    const char *text = db_text(stmt, column);

    if (text == NULL || strlen(text) >= size)
        return error_set(err, ERR_STORE, "%s: '%.40s' is longer than it can be", s->db.path,
                         text != NULL ? text : "nothing");
    (void)strcpy(out, text);
    return true;
}

/* The place behind the last of `count`, of `size` bytes each, or NULL. */
static void *place_for(void **list, size_t count, size_t size, struct error *err)
{
    if ((count & (count - 1)) == 0) { /* doubled at each power of two */
        void *larger = realloc(*list, (count == 0 ? 1 : 2 * count) * size);

        if (larger == NULL) {
            (void)error_set(err, ERR_NOMEM, "not enough memory to read the store");
            return NULL;
        }
        *list = larger;
    }
    return (char *)*list + count * size;
}

static bool take_setting(struct balloon_store *s, struct db_stmt *stmt, struct balloon_setting *out,
                         struct error *err)
{
    char scope[UUID_TEXT_MAX];

    *out = (struct balloon_setting){0};
    if (!copy_text(s, stmt, 0, scope, sizeof scope, err))
        return false;
    out->is_host = strcmp(scope, "host") == 0;
    return (out->is_host || db_uuid(stmt, 0, &out->vm, err)) &&
           copy_text(s, stmt, 1, out->key, sizeof out->key, err) &&
           copy_text(s, stmt, 2, out->value, sizeof out->value, err);
}

bool balloon_store_settings(struct balloon_store *s, struct balloon_setting **list, size_t *count,
                            struct error *err)
{
    struct db_stmt *stmt = NULL;
    void *all = NULL;
    size_t n = 0;
    enum db_row row = DB_FAILED;
    bool is_ok = db_prepare(&s->db, SQL_BALLOON_SELECT_SETTINGS, &stmt, err);

    while (is_ok && (row = db_step(stmt, "read the settings", err)) == DB_ROW) {
        struct balloon_setting *place = place_for(&all, n, sizeof *place, err);

        is_ok = place != NULL && take_setting(s, stmt, place, err);
        n += is_ok;
    }
    db_finalize(stmt);
    if (!is_ok || row == DB_FAILED) {
        free(all);
        return false;
    }
    *list = all;
    *count = n;
    return true;
}

static bool take_reservation(struct balloon_store *s, struct db_stmt *stmt, struct reservation *out,
                             struct error *err)
{
    *out =
        (struct reservation){.size_kib = (uint64_t)db_int(stmt, 2), .expires_ns = db_int(stmt, 3)};
    return (db_is_empty(stmt, 0) || db_uuid(stmt, 0, &out->uuid, err)) &&
           copy_text(s, stmt, 1, out->name, sizeof out->name, err);
}

bool balloon_store_reservations(struct balloon_store *s, struct reservation **list, size_t *count,
                                struct error *err)
{
    struct db_stmt *stmt = NULL;
    void *all = NULL;
    size_t n = 0;
    enum db_row row = DB_FAILED;
    bool is_ok = db_prepare(&s->db, SQL_BALLOON_SELECT_RESERVATIONS, &stmt, err);

    while (is_ok && (row = db_step(stmt, "read the reservations", err)) == DB_ROW) {
        struct reservation *place = place_for(&all, n, sizeof *place, err);

        is_ok = place != NULL && take_reservation(s, stmt, place, err);
        n += is_ok;
    }
    db_finalize(stmt);
    if (!is_ok || row == DB_FAILED) {
        free(all);
        return false;
    }
    *list = all;
    *count = n;
    return true;
}

/* Which of the words stands there. */
static bool find_word(const struct balloon_store *s, struct db_stmt *stmt, int column,
                      const char *const *words, int count, int *out, struct error *err)
{
    const char *text = db_text(stmt, column);

    for (int i = 0; text != NULL && i < count; i++) {
        if (strcmp(words[i], text) == 0) {
            *out = i;
            return true;
        }
    }
    return error_set(err, ERR_STORE, "%s: '%.40s' is a word that this version does not know",
                     s->db.path, text != NULL ? text : "nothing");
}

static bool find_reason(const struct balloon_store *s, struct db_stmt *stmt, int column,
                        enum reason *out, struct error *err)
{
    static const char *const words[REASON_COUNT] = {
#define REASON_WORD(name, word, sentence) [REASON_##name] = word,
        REASONS(REASON_WORD)
#undef REASON_WORD
    };
    int found = 0;

    if (!find_word(s, stmt, column, words, REASON_COUNT, &found, err))
        return false;
    *out = (enum reason)found;
    return true;
}

static bool take_decision(struct balloon_store *s, struct db_stmt *stmt, struct balloon_entry *e,
                          struct error *err)
{
    struct decision *d = &e->decision;
    uint64_t value[15];
    int action = 0;
    int cause = 0;

    for (int i = 0; i < 15; i++)
        value[i] = (uint64_t)db_int(stmt, i);
    *e = (struct balloon_entry){.kind = ENTRY_DECISION, .utc_ns = (int64_t)value[0]};
    *d = (struct decision){.at_ns = (int64_t)value[1],
                           .domid = (uint16_t)value[2],
                           .cause = {.number = value[3], .domid = (uint16_t)value[4]},
                           .action = {.before_kib = value[5],
                                      .target_kib = value[6],
                                      .cap_kib = value[7],
                                      .claim_kib = value[8],
                                      .surplus_kib = (int64_t)value[14]},
                           .need_kib = value[9],
                           .available_kib = value[10],
                           .headroom_kib = value[11],
                           .tot_kib = value[12],
                           .rate_kib_s = value[13]};
    if (!db_uuid(stmt, 15, &d->uuid, err) ||
        !find_word(s, stmt, 16, decision_actions, DECISION_ACTIONS, &action, err) ||
        !find_reason(s, stmt, 17, &d->action.reason, err) ||
        !find_reason(s, stmt, 18, &d->failure, err) ||
        !find_word(s, stmt, 19, decision_causes, DECISION_CAUSES, &cause, err))
        return false;
    d->action.kind = (enum action_kind)action;
    d->cause.kind = cause;
    return true;
}

static bool take_figure(struct db_stmt *stmt, struct balloon_entry *e, struct error *err)
{
    struct balloon_figure *f = &e->figure;
    int column = 9;

    *e = (struct balloon_entry){.kind = ENTRY_FIGURE, .utc_ns = db_int(stmt, 0)};
    f->domid = (uint16_t)db_int(stmt, 1);
    f->is_fallback = db_int(stmt, 2) != 0;
    f->tot_kib = (uint64_t)db_int(stmt, 3);
    f->target_kib = (uint64_t)db_int(stmt, 4);
    f->cap_kib = (uint64_t)db_int(stmt, 5);
    f->need_kib = (uint64_t)db_int(stmt, 6);
    f->headroom_kib = (uint64_t)db_int(stmt, 7);
    f->figures.flags = (unsigned)db_int(stmt, 8);
#define TAKE_FIGURE(key, member, most) f->figures.member = (uint64_t)db_int(stmt, column++);
    FIGURES(TAKE_FIGURE)
#undef TAKE_FIGURE
    f->floor_kib = (uint64_t)db_int(stmt, column + 1);
    f->ceiling_kib = (uint64_t)db_int(stmt, column + 2);
    return db_uuid(stmt, column, &f->vm, err);
}

bool balloon_store_read(struct balloon_store *s, const struct balloon_query *query,
                        const struct balloon_reader *reader, struct error *err)
{
    bool is_decision = query->kind == ENTRY_DECISION;
    struct db_stmt *stmt = NULL;
    struct balloon_entry entry;
    char vm[UUID_TEXT_MAX] = "";
    enum db_row row = DB_FAILED;
    bool is_ok =
        db_prepare(&s->db, is_decision ? SQL_BALLOON_SELECT_DECISIONS : SQL_BALLOON_SELECT_FIGURES,
                   &stmt, err);

    if (query->vm != NULL)
        uuid_format(query->vm, vm);
    if (is_ok) {
        db_bind_ints(stmt, (const int64_t[]){query->from_utc_ns, query->to_utc_ns}, 2);
        db_bind_text(stmt, 3, vm);
    }
    while (is_ok && (row = db_step(stmt, "read it", err)) == DB_ROW)
        is_ok =
            (is_decision ? take_decision(s, stmt, &entry, err) : take_figure(stmt, &entry, err)) &&
            reader->take(reader->self, &entry, err);
    db_finalize(stmt);
    return is_ok && row == DB_DONE;
}
