#include "serve/totals.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/calendar.h"
#include "common/clock.h"

#define LATE_HOURS 26 /* a day is not old before: hours are derived when they are over */

/* What a life used. */
struct total {
    struct uuid vm;
    usage_kib_ns used;
};

/* What is kept from one time to the next: days before end_day, as they were for these marks. */
static struct {
    pthread_mutex_t mutex;
    struct total *list;
    struct store_marks *marks;
    size_t count, stores;
    int64_t end_day, made_ns;
    bool is_made;
} kept = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* ---- usage, life by life ---- */

struct sums {
    struct usage_reader usage;
    usage_kib_ns *list; /* of usage.lives; NULL: none came yet */
};

static bool add_part(struct usage_reader *reader, size_t life, const struct usage_part *part,
                     struct error *err)
{
    struct sums *s = (struct sums *)((char *)reader - offsetof(struct sums, usage));

    if (s->list == NULL)
        s->list = calloc(reader->count, sizeof *s->list);
    if (s->list == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory for the usage of %zu lives",
                         reader->count);
    return !reader->lives[life].is_billed || usage_add(&s->list[life], part->kib_ns) ||
           error_set(err, ERR_RANGE, "a sum does not fit 128 bits");
}

static void begin_again(struct sums *s)
{
    free(s->list);
    s->list = NULL;
}

/* ---- what is kept ---- */

static bool is_same(const struct store_marks *mark, int64_t end_hour)
{
    for (size_t i = 0; i < kept.stores; i++) {
        const struct store_marks *before = &kept.marks[i];

        if (!uuid_is_equal(&before->store, &mark->store))
            continue;
        return before->derived == mark->derived ||
               (before->open_hour >= end_hour && mark->open_hour >= end_hour);
    }
    return false;
}

/* Nothing of these days was derived since. */
static bool is_good(const struct store_marks *marks, size_t stores, int64_t end_day)
{
    if (!kept.is_made || kept.end_day != end_day || kept.stores != stores ||
        clock_mono().ns - kept.made_ns > NS_PER_HOUR)
        return false;
    for (size_t i = 0; i < stores; i++)
        if (!is_same(&marks[i], end_day * HOURS_PER_DAY))
            return false;
    return true;
}

/* Of what was read of the days before end_day. marks become its own. */
static bool keep(const struct sums *s, struct store_marks *marks, size_t stores, int64_t end_day,
                 struct error *err)
{
    struct total *list = calloc(s->usage.count + 1, sizeof *list);
    size_t count = 0;

    if (list == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory for the usage of %zu lives",
                         s->usage.count);
    for (size_t i = 0; s->list != NULL && i < s->usage.count; i++)
        if (s->list[i] > 0)
            list[count++] = (struct total){s->usage.lives[i].vm, s->list[i]};
    free(kept.list);
    free(kept.marks);
    kept.list = list;
    kept.count = count;
    kept.marks = marks;
    kept.stores = stores;
    kept.end_day = end_day;
    kept.made_ns = clock_mono().ns;
    kept.is_made = true;
    return true;
}

static bool bring_up(struct store *store, int64_t end_day, struct sums *s, struct error *err)
{
    struct usage_query old = {.to_hour = end_day * HOURS_PER_DAY};
    struct store_marks *marks = NULL;
    size_t stores;

    if (!store_marks(store, &marks, &stores, err))
        return false;
    if (is_good(marks, stores, end_day)) {
        free(marks);
        return true;
    }
    bool is_ok = store_usage(store, &old, &s->usage, err) && keep(s, marks, stores, end_day, err);

    if (!is_ok)
        free(marks);
    begin_again(s);
    return is_ok;
}

/* ---- both ---- */

static bool hand_out(const struct sums *s, const struct totals_reader *reader, struct error *err)
{
    for (size_t i = 0; i < kept.count; i++)
        if (!reader->add(reader->self, &kept.list[i].vm, kept.list[i].used, err))
            return false;
    for (size_t i = 0; s->list != NULL && i < s->usage.count; i++)
        if (s->list[i] > 0 && !reader->add(reader->self, &s->usage.lives[i].vm, s->list[i], err))
            return false;
    return true;
}

bool totals_read(struct store *store, int64_t now_utc_ns, const struct totals_reader *reader,
                 struct error *err)
{
    int64_t hour = calendar_hour_of((uint64_t)now_utc_ns);
    int64_t end_day = hour > LATE_HOURS ? (hour - LATE_HOURS) / HOURS_PER_DAY : 0;
    struct usage_query rest = {.from_hour = end_day * HOURS_PER_DAY,
                               .to_hour = INT64_MAX / NS_PER_HOUR + 1};
    struct sums s = {.usage = {.add = add_part}};

    (void)pthread_mutex_lock(&kept.mutex);
    bool is_ok = store_snapshot_begin(store, err);

    if (is_ok) {
        is_ok = bring_up(store, end_day, &s, err) && store_usage(store, &rest, &s.usage, err) &&
                hand_out(&s, reader, err);
        store_snapshot_end(store);
    }
    (void)pthread_mutex_unlock(&kept.mutex);
    free(s.usage.lives);
    free(s.list);
    return is_ok;
}
