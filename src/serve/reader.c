#include "serve/reader.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/uri.h"
#include "store/central.h"

struct readers {
    char db[1024];
    pthread_mutex_t mutex;
    pthread_cond_t is_free;
    struct reader list[READERS_MAX];
    size_t count;
    struct weeks *weeks;
};

bool readers_make(struct readers **out, const char *db, size_t count, struct error *err)
{
    struct readers *r = calloc(1, sizeof *r);

    if (r == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to begin");
    if (strlen(db) >= sizeof r->db) {
        free(r);
        return error_set(err, ERR_USAGE, "the name of the database is too long");
    }
    if (!weeks_open(&r->weeks, err)) {
        free(r);
        return false;
    }
    (void)strcpy(r->db, db);
    r->count = count < READERS_MAX ? count : READERS_MAX;
    for (size_t i = 0; i < r->count; i++)
        r->list[i].weeks = r->weeks;
    (void)pthread_mutex_init(&r->mutex, NULL);
    (void)pthread_cond_init(&r->is_free, NULL);
    *out = r;
    return true;
}

static void forget_book(struct reader *r)
{
    book_free(r->book);
    r->book = NULL;
    free(r->marks.list);
    r->marks = (struct cost_marks){0};
}

static void reader_close(struct reader *r)
{
    forget_book(r);
    billing_close(r->books);
    balloon_store_close(r->balloon);
    query_close(r->query);
    store_close(r->measured);
    r->balloon = NULL;
    r->books = NULL;
    r->query = NULL;
    r->measured = NULL;
}

void readers_free(struct readers *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->count; i++)
        reader_close(&r->list[i]);
    weeks_close(r->weeks);
    free(r);
}

static bool has_balloon(const char *db)
{
    char path[1100];

    (void)snprintf(path, sizeof path, "%s/balloon.db", db);
    return !uri_is_postgres(db) && access(path, F_OK) == 0;
}

/* All else is answered without it. */
static void open_balloon(struct reader *r, const char *db)
{
    struct error err;

    r->is_balloon_lost = has_balloon(db) && !balloon_store_open(&r->balloon, db, STORE_READ, &err);
    if (r->is_balloon_lost)
        log_event(LOG_LEVEL_WARNING, "answers are without memory on demand: %s", err.text);
}

static bool reader_open(struct reader *r, const char *db, struct error *err)
{
    r->opened_ns = clock_mono().ns;
    open_balloon(r, db);
    return store_open_named(&r->measured, db, err) && query_open(&r->query, db, err) &&
           (!query_has_books(db) || billing_open(&r->books, db, STORE_READ, err));
}

static bool refresh_book(struct reader *r, struct error *err)
{
    int64_t now = clock_mono().ns;

    if (r->books == NULL || (r->book != NULL && now - r->book_ns < READER_BOOK_NS))
        return true;
    forget_book(r);
    r->book_ns = now;
    return book_read(&r->book, r->books, err) &&
           cost_read_marks(r->measured, r->books, &r->marks, err);
}

static struct reader *wait_for_one(struct readers *readers)
{
    struct reader *found = NULL;

    (void)pthread_mutex_lock(&readers->mutex);
    while (found == NULL) {
        for (size_t i = 0; i < readers->count && found == NULL; i++)
            if (!readers->list[i].is_used)
                found = &readers->list[i];
        if (found == NULL)
            (void)pthread_cond_wait(&readers->is_free, &readers->mutex);
    }
    found->is_used = true;
    (void)pthread_mutex_unlock(&readers->mutex);
    return found;
}

bool readers_take(struct readers *readers, struct reader **out, struct error *err)
{
    struct reader *r = wait_for_one(readers);

    if (r->measured != NULL && clock_mono().ns - r->opened_ns > READER_AGE_NS)
        reader_close(r);
    if ((r->measured == NULL && !reader_open(r, readers->db, err)) || !refresh_book(r, err)) {
        readers_give(readers, r, true);
        return false;
    }
    *out = r;
    return true;
}

void readers_give(struct readers *readers, struct reader *r, bool has_failed)
{
    if (has_failed)
        reader_close(r);
    (void)pthread_mutex_lock(&readers->mutex);
    r->is_used = false;
    (void)pthread_cond_signal(&readers->is_free);
    (void)pthread_mutex_unlock(&readers->mutex);
}

/* ---- SQL ---- */

static bool pass_head(void *self, const struct query_row *row, struct error *err)
{
    (void)self, (void)row, (void)err;
    return true;
}

static bool pass_row(void *self, const struct query_row *row, struct error *err)
{
    const struct reader_sink *sink = self;

    return sink->row(sink->self, row->values, err);
}

bool reader_ask(struct reader *r, const char *file, const struct query_parameter *parameters,
                size_t count, const struct reader_sink *sink, struct error *err)
{
    struct reader_sink copy = *sink;
    const struct query_sink all = {pass_head, pass_row, &copy};

    for (const struct sql_file *f = serve_sql; f->name != NULL; f++)
        if (strcmp(f->name, file) == 0)
            return query_ask(r->query, f, parameters, count, &all, err);
    return error_set(err, ERR_STORE, "this program was built without sql/serve/%s.sql", file);
}

int64_t reader_number(const char *value)
{
    return value != NULL ? strtoll(value, NULL, 10) : 0;
}
