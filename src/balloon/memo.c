#include "balloon/memo.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/number.h"
#include "common/units.h"

enum { MEMO_LINE_MAX = 512, MEMO_FIELDS = 13 };
#define MEMO_HEAD "pageballoond 2"

/* The fields of a line, all numbers but the uuid; times are what was left of them. */
struct memory {
    struct uuid uuid;
    uint64_t domid, backoff, filled, is_tracking, held_ms, young_ms, target_kib, first_kib;
    uint64_t tot_offset, current_offset, day, spent_kib_s, asked_seq;
};

enum { OFFSET_BIAS = 1 << 20, HELD_FOR_EVER_MS = 1 << 30 };

struct memo {
    bool is_there;
    size_t count;
    struct memory list[];
};

/* ---- a line ---- */

static bool parse_line(char *line, struct memory *m)
{
    uint64_t *const fields[] = {&m->domid,      &m->backoff,        &m->filled,     &m->is_tracking,
                                &m->held_ms,    &m->young_ms,       &m->target_kib, &m->first_kib,
                                &m->tot_offset, &m->current_offset, &m->day,        &m->spent_kib_s,
                                &m->asked_seq};
    char *rest = NULL, *word = strtok_r(line, " \n", &rest);

    if (word == NULL || !uuid_parse(word, strlen(word), &m->uuid))
        return false;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        word = strtok_r(NULL, " \n", &rest);
        if (word == NULL || !number_parse(word, strlen(word), INT64_MAX, fields[i]))
            return false;
    }
    return strtok_r(NULL, " \n", &rest) == NULL && m->tot_offset < 2 * OFFSET_BIAS &&
           m->current_offset < 2 * OFFSET_BIAS && m->backoff < 16 && m->asked_seq <= UINT32_MAX &&
           m->young_ms <= 60000;
}

static uint64_t left_ms(int64_t until_ns, int64_t now_ns)
{
    if (until_ns == INT64_MAX)
        return HELD_FOR_EVER_MS;
    return until_ns > now_ns ? (uint64_t)(until_ns - now_ns) / 1000000 : 0;
}

static bool print_line(FILE *out, const struct vm *vm, int64_t now_ns)
{
    char uuid[UUID_TEXT_MAX];

    return fprintf(out,
                   "%s %u %u %u %d %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRId64
                   " %" PRId64 " %" PRId64 " %" PRIu64 " %" PRIu32 "\n",
                   uuid_format(&vm->uuid, uuid), vm->domid, vm->backoff, vm->filled,
                   vm->is_tracking, left_ms(vm->foreign_until_ns, now_ns),
                   left_ms(vm->young_until_ns, now_ns), vm->target_kib, vm->first_target_kib,
                   vm->tot_offset_kib + OFFSET_BIAS, vm->current_offset_kib + OFFSET_BIAS, vm->day,
                   (uint64_t)(vm->spent_kib_ns / (uint64_t)NS_PER_S), vm->asked_seq) > 0;
}

/* ---- the file ---- */

struct memo *memo_read(const char *path)
{
    struct memo *memo = calloc(1, sizeof *memo + BALLOON_VMS_MAX * sizeof memo->list[0]);
    FILE *in = fopen(path, "re");
    char line[MEMO_LINE_MAX];

    if (memo != NULL && in != NULL && fgets(line, sizeof line, in) != NULL &&
        strcmp(line, MEMO_HEAD "\n") == 0)
        for (memo->is_there = true;
             memo->count < BALLOON_VMS_MAX && fgets(line, sizeof line, in) != NULL;)
            memo->count += parse_line(line, &memo->list[memo->count]);
    if (in != NULL)
        (void)fclose(in);
    return memo;
}

bool memo_is_there(const struct memo *memo)
{
    return memo->is_there;
}

void memo_free(struct memo *memo)
{
    free(memo);
}

static void apply(const struct memory *m, struct vm *vm, int64_t now_ns)
{
    vm->backoff = (unsigned)m->backoff;
    vm->filled = (unsigned)m->filled;
    vm->is_tracking = m->is_tracking != 0;
    vm->grant_ns = now_ns;
    vm->young_until_ns = now_ns + (int64_t)m->young_ms * 1000000;
    vm->foreign_until_ns = m->held_ms >= HELD_FOR_EVER_MS ? INT64_MAX
                           : m->held_ms == 0              ? 0
                                                          : now_ns + (int64_t)m->held_ms * 1000000;
    vm->target_kib = m->target_kib;
    vm->first_target_kib = m->first_kib;
    vm->tot_offset_kib = (int64_t)m->tot_offset - OFFSET_BIAS;
    vm->current_offset_kib = (int64_t)m->current_offset - OFFSET_BIAS;
    vm->asked_seq = (uint32_t)m->asked_seq;
    vm->day = (int64_t)m->day;
    vm->spent_kib_ns = (unsigned __int128)m->spent_kib_s * (uint64_t)NS_PER_S;
}

bool memo_recall(struct memo *memo, struct vm *vm, int64_t now_ns)
{
    for (size_t i = 0; i < memo->count; i++)
        if (memo->list[i].domid == vm->domid && uuid_is_equal(&memo->list[i].uuid, &vm->uuid)) {
            apply(&memo->list[i], vm, now_ns);
            memo->list[i] = memo->list[--memo->count];
            return true;
        }
    return false;
}

bool memo_write(const char *path, const struct engine *engine, struct error *err)
{
    char temporary[256];
    bool is_ok;

    (void)snprintf(temporary, sizeof temporary, "%s.new", path);
    FILE *out = fopen(temporary, "we");

    if (out == NULL)
        return error_set(err, ERR_SYSTEM, "can't write %s: %s", temporary, strerror(errno));
    is_ok = fputs(MEMO_HEAD "\n", out) >= 0;
    for (size_t i = 0; i < engine->count; i++)
        is_ok = print_line(out, &engine->vms[i], engine->host.now_ns) && is_ok;
    is_ok = fclose(out) == 0 && is_ok;
    if (is_ok && rename(temporary, path) == 0)
        return true;
    return error_set(err, ERR_SYSTEM, "can't write %s: %s", path, strerror(errno));
}
