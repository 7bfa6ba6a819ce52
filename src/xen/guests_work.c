#include "xen/guests_work.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/number.h"
#include "common/units.h"

#define HEARTBEAT_NS (NS_PER_S / 2) /* a question, when nothing else asks */

enum { PATH_TEXT_MAX = 96, EVENTS_PER_STEP = 1000, TURNS_PER_STEP = 64, TRIES_MAX = 5 };

static const char *path_in(const char *parent, uint16_t domid, const char *node,
                           char out[PATH_TEXT_MAX])
{
    (void)snprintf(out, PATH_TEXT_MAX, "%s/%u%s%s", parent, domid, *node == 0 ? "" : "/", node);
    return out;
}

static const char *path_of(uint16_t domid, const char *node, char out[PATH_TEXT_MAX])
{
    return path_in(MAIL_DOMAINS, domid, node, out);
}

bool guests_work_is_connected(const struct guests_work *w)
{
    return w->xenstore.xs != NULL;
}

bool guests_work_connect(struct guests_work *w)
{
    return xenstore_open(&w->xenstore) == XENSTORE_OK;
}

void guests_work_disconnect(struct guests_work *w)
{
    xenstore_close(&w->xenstore);
}

int guests_work_fd(struct guests_work *w)
{
    return guests_work_is_connected(w) ? xenstore_fd(&w->xenstore) : -1;
}

bool guests_work_is_hung(struct guests_work *w, int64_t now_ns)
{
    return xenstore_waiting_ns(&w->xenstore, now_ns) > XENSTORE_HUNG_NS ||
           atomic_load(&w->xenstore.was_hung) || atomic_load(&w->is_stale);
}

/* ---- watches ---- */

static void take_watches(struct guests_work *w)
{
    char token[MAIL_TOKEN_MAX];
    enum mail_topic topic;
    uint16_t domid;

    for (int i = 0; i < EVENTS_PER_STEP; i++) {
        if (!xenstore_next_watch(&w->xenstore, token, sizeof token))
            return;
        if (!mail_parse_token(token, &domid, &topic))
            continue;
        w->lock(w->context);
        mail_mark(w->mail, domid, topic);
        w->unlock(w->context, false);
    }
}

/* A watch that cannot be taken back is one that does not exist. */
static enum xenstore_result set_watches(struct guests_work *w, uint16_t domid, bool is_wanted)
{
    char path[PATH_TEXT_MAX];
    char token[MAIL_TOKEN_MAX];

    for (unsigned i = 0; i < MAIL_PATHS; i++) {
        const struct mail_path *p = &mail_paths[i];
        enum xenstore_result result =
            xenstore_watch(&w->xenstore, path_in(p->parent, domid, p->path, path),
                           mail_format_token(domid, i, token), is_wanted);

        if (result == XENSTORE_LOST || (result == XENSTORE_NO && is_wanted))
            return XENSTORE_LOST;
    }
    return XENSTORE_OK;
}

/* ---- reading ---- */

static enum xenstore_result read_node(struct guests_work *w, uint16_t domid, const char *node,
                                      char *text, size_t most, size_t *length)
{
    char path[PATH_TEXT_MAX];

    return xenstore_read(&w->xenstore, path_of(domid, node, path), text, most, length);
}

static enum xenstore_result read_text(struct guests_work *w, uint16_t domid, enum mail_topic topic)
{
    struct mail_text *t = &w->text;
    size_t most = mail_limit(topic);
    unsigned i = 0;

    while (mail_paths[i].topic != topic)
        i++;
    t->second_length = 0;
    enum xenstore_result result =
        read_node(w, domid, mail_paths[i].path, t->text, most, &t->length);

    if (result == XENSTORE_OK && topic == MAIL_TOTALS) /* free stands behind total there, too */
        result = read_node(w, domid, mail_paths[i + 1].path, t->text + t->length, most,
                           &t->second_length);
    if (result != XENSTORE_OK)
        return result;
    w->lock(w->context);
    mail_put_text(w->mail, domid, topic, t, clock_mono().ns);
    w->unlock(w->context, true);
    return result;
}

/* A node with KiB in it; one that is absent, or says something else, is 0. */
static enum xenstore_result read_kib(struct guests_work *w, uint16_t domid, const char *node,
                                     uint64_t *kib)
{
    char text[32];
    size_t length = 0;
    enum xenstore_result result = read_node(w, domid, node, text, sizeof text, &length);

    if (result != XENSTORE_OK || !number_parse(text, length, KIB_MAX, kib))
        *kib = 0;
    return result;
}

/*
 * Toolstacks make this directory with a domain's first device and remove it with the last: libxl
 * with num_devs in it, XAPI's with the devices alone. So it is enough that it is there.
 */
static enum xenstore_result read_pci(struct guests_work *w, uint16_t domid, bool *has_device)
{
    char path[PATH_TEXT_MAX];
    char text[1];
    size_t length = 0;
    enum xenstore_result result =
        xenstore_read(&w->xenstore, path_in(MAIL_PCI_BACKENDS, domid, "0", path), text, sizeof text,
                      &length);

    *has_device = result == XENSTORE_OK;
    return result;
}

static enum xenstore_result read_facts(struct guests_work *w, uint16_t domid)
{
    struct vm_facts facts = {0};
    size_t length = 0;

    if (read_node(w, domid, "name", facts.name, sizeof facts.name - 1, &length) == XENSTORE_LOST ||
        read_kib(w, domid, "memory/target", &facts.target_kib) == XENSTORE_LOST ||
        read_kib(w, domid, "memory/static-max", &facts.static_max_kib) == XENSTORE_LOST ||
        read_kib(w, domid, "memory/videoram", &facts.videoram_kib) == XENSTORE_LOST ||
        read_pci(w, domid, &facts.has_pci_device) == XENSTORE_LOST)
        return XENSTORE_LOST;
    w->lock(w->context);
    mail_put_facts(w->mail, domid, &facts, clock_mono().ns);
    w->unlock(w->context, true);
    return XENSTORE_OK;
}

/* ---- writing: whether the domain is there and the write itself are one transaction, so that
 * nothing is ever made of a domain that has gone ---- */

static bool is_late(const struct mail_write *write)
{
    return clock_mono().ns - write->at_ns > XENSTORE_HUNG_NS;
}

static enum xenstore_result put_target(struct guests_work *w, const struct mail_write *write)
{
    char path[PATH_TEXT_MAX];
    char before[32];
    size_t length;
    enum xenstore_result result =
        xenstore_read(&w->xenstore, path_of(write->domid, "memory/target", path), before,
                      sizeof before, &length);

    return result == XENSTORE_OK ? xenstore_write(&w->xenstore, path, write->value) : result;
}

/* Whoever made the directory: it is dom0's from now on, and so is the node. */
static enum xenstore_result put_word(struct guests_work *w, const struct mail_write *write,
                                     const char *node)
{
    char home[PATH_TEXT_MAX];
    char directory[PATH_TEXT_MAX];
    char path[PATH_TEXT_MAX];
    char before[1];
    size_t length;
    enum xenstore_result result =
        xenstore_read(&w->xenstore, path_of(write->domid, "", home), before, 1, &length);

    if (result != XENSTORE_OK)
        return result;
    (void)path_of(write->domid, "pagemeter", directory);
    (void)path_of(write->domid, node, path);
    result = xenstore_mkdir(&w->xenstore, directory); /* no matter if it is there */
    if (result == XENSTORE_OK)
        result = xenstore_show_to(&w->xenstore, directory, write->domid);
    if (result == XENSTORE_OK)
        result = xenstore_write(&w->xenstore, path, write->value);
    return result == XENSTORE_OK ? xenstore_show_to(&w->xenstore, path, write->domid) : result;
}

static const char *node_of(enum mail_order order)
{
    return order == MAIL_TARGET     ? "memory/target"
           : order == MAIL_HEADROOM ? FIGURES_HEADROOM_PATH
                                    : FIGURES_ANSWER_PATH;
}

/* XENSTORE_NO: it was not done. */
static enum xenstore_result try_write(struct guests_work *w, const struct mail_write *write)
{
    if (is_late(write))
        return XENSTORE_NO;
    enum xenstore_result result = xenstore_begin(&w->xenstore);

    if (result != XENSTORE_OK)
        return result;
    result = write->order == MAIL_TARGET ? put_target(w, write)
                                         : put_word(w, write, node_of(write->order));
    if (result == XENSTORE_LOST)
        return result;
    return xenstore_end(&w->xenstore, result == XENSTORE_OK && !is_late(write));
}

static enum xenstore_result read_back(struct guests_work *w, const struct mail_write *write)
{
    char now[MAIL_VALUE_MAX];
    size_t length = 0;
    enum xenstore_result result =
        read_node(w, write->domid, node_of(write->order), now, sizeof now, &length);
    bool is_same = length == strlen(write->value) && memcmp(now, write->value, length) == 0;

    return result == XENSTORE_OK && !is_same ? XENSTORE_NO : result;
}

static enum xenstore_result do_write(struct guests_work *w, const struct mail_write *write)
{
    enum xenstore_result result = XENSTORE_NO;

    for (int i = 0; i < TRIES_MAX && result == XENSTORE_NO; i++)
        result = try_write(w, write);
    if (result == XENSTORE_OK)
        result = read_back(w, write);
    w->lock(w->context);
    mail_put_written(w->mail, write, result == XENSTORE_OK);
    w->unlock(w->context, true);
    return result;
}

/* ---- turns ---- */

enum { TURN_WATCH, TURN_WRITE, TURN_READ, TURNS };

struct turn {
    unsigned kind; /* TURNS: nothing to do */
    uint16_t domid;
    bool is_wanted;
    enum mail_topic topic;
    struct mail_write write;
};

static void next_turn(struct guests_work *w, struct turn *turn, int64_t *wait_ns)
{
    bool is_there = false;

    *wait_ns = 0;
    w->lock(w->context);
    for (unsigned i = 1; i <= TURNS && !is_there; i++) {
        turn->kind = (w->last + i) % TURNS;
        if (turn->kind == TURN_WATCH)
            is_there = mail_next_watch(w->mail, &turn->domid, &turn->is_wanted);
        else if (turn->kind == TURN_WRITE)
            is_there = mail_next_write(w->mail, &turn->write);
        else
            is_there =
                mail_next_read(w->mail, clock_mono().ns, &turn->domid, &turn->topic, wait_ns);
    }
    if (atomic_load(&w->is_stale) && !mail_is_stale(w->mail))
        atomic_store(&w->is_stale, false);
    w->unlock(w->context, false);
    if (is_there) {
        w->last = turn->kind;
        *wait_ns = 0;
    } else {
        turn->kind = TURNS;
    }
}

static enum xenstore_result take_turn(struct guests_work *w, int64_t *wait_ns)
{
    struct turn turn;

    next_turn(w, &turn, wait_ns);
    switch (turn.kind) {
    case TURN_WATCH:
        return set_watches(w, turn.domid, turn.is_wanted);
    case TURN_WRITE:
        return do_write(w, &turn.write);
    case TURN_READ:
        return turn.topic == MAIL_FACTS ? read_facts(w, turn.domid)
                                        : read_text(w, turn.domid, turn.topic);
    default:
        return XENSTORE_OK;
    }
}

/* After an answer that took too long, nothing that was read before holds. */
static void note_absence(struct guests_work *w, bool is_lost)
{
    if (!is_lost && !atomic_load(&w->xenstore.was_hung))
        return;
    atomic_store(&w->is_stale, true);
    atomic_store(&w->xenstore.was_hung, false);
    w->lock(w->context);
    mail_mark_all(w->mail, is_lost);
    w->unlock(w->context, false);
}

static enum xenstore_result ask_something(struct guests_work *w)
{
    char text[1];
    size_t length;

    return xenstore_read(&w->xenstore, "/", text, sizeof text, &length);
}

int64_t guests_work_step(struct guests_work *w)
{
    int64_t wait_ns = 0;
    enum xenstore_result result = XENSTORE_OK;

    take_watches(w);
    for (int i = 0; i < TURNS_PER_STEP && wait_ns == 0 && result != XENSTORE_LOST; i++) {
        result = take_turn(w, &wait_ns);
        note_absence(w, result == XENSTORE_LOST);
    }
    if (result != XENSTORE_LOST && wait_ns != 0 && clock_mono().ns >= w->ask_ns) {
        result = ask_something(w);
        note_absence(w, result == XENSTORE_LOST);
        w->ask_ns = clock_mono().ns + HEARTBEAT_NS / 2;
    }
    if (result == XENSTORE_LOST) {
        guests_work_disconnect(w);
        return 0;
    }
    return wait_ns < HEARTBEAT_NS ? wait_ns : HEARTBEAT_NS;
}
