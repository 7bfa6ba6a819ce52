#include "balloon/balloond.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "balloon/actuator_xe.h"
#include "balloon/control.h"
#include "balloon/memo.h"
#include "balloon/operator.h"
#include "balloon/rivals.h"
#include "balloon/ticks.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/notify.h"
#include "common/units.h"
#include "xen/actuator_xen.h"

#define MEMO_EVERY_NS (5 * NS_PER_S)
#define TALLY_EVERY_NS (10 * NS_PER_S)
#define LOOK_EVERY_NS (30 * NS_PER_S) /* for other balancers */
#define START_NS (3 * NS_PER_S)       /* xenstore may take so long to answer at first */
#define REPORT_EVERY_NS (500 * INT64_C(1000000))
#define NS_PER_DAY (24 * NS_PER_HOUR)
static const char lock_path[] = "/run/pageballoond.lock";
enum { LAST_WRITES_MS = 100 }; /* for what is on its way to xenstore */
enum { FD_SIGNAL, FD_GUESTS, FD_JOURNAL, FD_TICKS, FD_CONTROL, EVENTS_MOST = 1024 };

struct balloond {
    const struct config *config;
    struct engine engine;
    struct operator_state operator;
    struct recent recent;
    struct tally tally;
    struct ticks ticks;
    struct guests *guests;
    struct actuator *xen;
    struct actuator *xe; /* NULL: targets go through xenstore */
    struct balloon_store *store;
    struct journal *journal;
    struct control *control;
    struct memo *memo;
    struct mail_event event;
    int signal_fd, lock_fd;
    uint16_t watched[BALLOON_VMS_MAX]; /* domids, in no order */
    size_t watching;
    uint64_t ticket; /* of writes to xenstore */
    int64_t begin_ns, memo_ns, look_ns, report_ns, tally_ns;
    bool was_hung, is_ready, has_begun, must_remember;
};

static int64_t now(void)
{
    return clock_mono().ns;
}

/* ---- what the engine tells ---- */

static void note_decision(void *context, const struct decision *decision)
{
    struct balloond *b = context;

    recent_add(&b->recent, decision);
    b->must_remember = b->must_remember ||
                       (decision->failure == REASON_NONE && decision->action.kind != ACTION_CAP &&
                        decision->action.kind != ACTION_CLAIM_END);
    journal_take_decision(b->journal, decision, clock_utc().ns);
}

static void note_alert(void *context, const struct vm *vm, enum reason reason)
{
    struct balloond *b = context;
    char uuid[UUID_TEXT_MAX];

    if (vm == NULL) {
        tally_add(&b->tally, NULL, TALLY_ALERT, reason);
        log_event(LOG_LEVEL_WARNING,
                  "the host has promised more memory than it has: nothing is granted until that "
                  "has passed. surplus_kib=%" PRId64,
                  b->engine.surplus_kib);
        return;
    }
    journal_take_alert(b->journal, vm, reason, clock_utc().ns);
    log_event(LOG_LEVEL_WARNING, "%s. vm=%s uuid=%s domid=%u reason=%s", reason_sentence(reason),
              vm->facts.name, uuid_format(&vm->uuid, uuid), vm->domid, reason_word(reason));
}

static void note_counted(void *context, const struct vm *vm, enum tally_what what,
                         enum reason reason)
{
    struct balloond *b = context;

    tally_add(&b->tally, &vm->uuid, what, reason);
}

static void note_reacted(void *context, const struct vm *vm, int64_t took_ns)
{
    struct balloond *b = context;

    (void)vm;
    tally_add_reaction(&b->tally, took_ns);
}

static bool take_tally(void *context, const struct tally_count *count)
{
    struct balloond *b = context;

    return journal_take_tally(b->journal, count, clock_utc().ns);
}

/* ---- who is watched in xenstore ---- */

static bool is_watched(const struct balloond *b, uint16_t domid)
{
    for (size_t i = 0; i < b->watching; i++)
        if (b->watched[i] == domid)
            return true;
    return false;
}

static void forget_gone(struct balloond *b)
{
    for (size_t i = b->watching; i-- > 0;) {
        struct vm *vm = engine_find(&b->engine, b->watched[i]);

        /* a domid that was given anew has another's nodes: it is watched anew as well */
        if (vm != NULL && vm->since_ns != b->engine.read_ns)
            continue;
        guests_unwatch(b->guests, b->watched[i]);
        b->watched[i] = b->watched[--b->watching];
    }
}

/*
 * A VM that was there before us keeps its size, whatever its start, and what it asked for then is
 * an old request. With the file that knew it lost, so is what it had filled.
 */
static void recall(struct balloond *b, struct vm *vm)
{
    bool is_known = memo_recall(b->memo, vm, b->engine.read_ns);
    bool is_forgotten = !is_known && !b->has_begun && !memo_is_there(b->memo);

    vm->has_started = is_known || is_forgotten;
    vm->is_from_before = is_forgotten;
    if (is_forgotten)
        vm->filled = VM_FILLED_MOST - 1;
}

static void watch_new(struct balloond *b)
{
    struct error err;

    forget_gone(b);
    for (size_t i = 0; i < b->engine.count; i++) {
        struct vm *vm = &b->engine.vms[i];

        if (is_watched(b, vm->domid))
            continue;
        recall(b, vm);
        if (b->watching < BALLOON_VMS_MAX && guests_watch(b->guests, vm->domid, &err))
            b->watched[b->watching++] = vm->domid;
    }
    b->has_begun = true;
}

/* ---- one round ---- */

/* Into /run: memory. */
static void remember(struct balloond *b)
{
    struct error err;

    b->must_remember = false;
    b->memo_ns = now();
    if (!memo_write(MEMO_PATH, &b->engine, &err))
        log_event(LOG_LEVEL_WARNING, "%s", err.text);
}

static void run(struct balloond *b, struct cause cause)
{
    struct error err;
    int64_t utc_ns = clock_utc().ns;
    bool is_hung = guests_is_hung(b->guests, now());

    if (is_hung != b->was_hung && now() - b->begin_ns > START_NS)
        log_event(is_hung ? LOG_LEVEL_ERROR : LOG_LEVEL_NOTICE, "%s",
                  is_hung ? "xenstore does not answer: no VM is touched until it does"
                          : "xenstore answers again");
    b->was_hung = b->engine.rules.is_xenstore_hung = is_hung;
    b->engine.day = utc_ns / NS_PER_DAY;
    operator_refresh(&b->operator, utc_ns);
    if (!engine_run(&b->engine, &cause, &err))
        log_event(LOG_LEVEL_ERROR, "%s", err.text);
    watch_new(b);
    if (b->must_remember) /* a crash must not make our own target look like somebody else's */
        remember(b);
    if (b->xe != NULL && !actuator_xe_step(b->xe, now(), &err))
        log_event(LOG_LEVEL_ERROR, "%s", err.text);
}

/* ---- what guests say ---- */

static void take_fallback(struct balloond *b, const struct mail_event *event)
{
    const struct mail_text *t = &event->text;
    struct figures f;
    struct error err;
    bool is_ok = event->topic == MAIL_MEMINFO
                     ? figures_parse_meminfo(t->text, t->length, &f, &err)
                     : figures_parse_totals(t->text, t->length, t->text + t->length,
                                            t->second_length, &f, &err);

    if (is_ok)
        engine_fallback(&b->engine, event->domid, &f, event->at_ns);
}

static void take_ask(struct balloond *b, struct vm *vm, const struct mail_event *event)
{
    char answer[ASK_ANSWER_MAX];
    struct error err;
    const char *text =
        operator_ask(&b->operator, vm, event->text.text, event->text.length, event->at_ns, answer);

    if (text != NULL && !guests_tell(b->guests, event->domid, "answer", text, ++b->ticket, &err))
        log_event(LOG_LEVEL_WARNING, "%s", err.text);
}

static void take_text(struct balloond *b, const struct mail_event *event)
{
    struct vm *vm = engine_find(&b->engine, event->domid);
    const struct mail_text *t = &event->text;

    if (vm == NULL || (t->length == 0 && t->second_length == 0))
        return;
    if (event->topic == MAIL_ASK) {
        take_ask(b, vm, event);
    } else if (event->topic == MAIL_RECORD) {
        uint64_t bad = vm->hostile_records;

        engine_record(&b->engine, event->domid, t->text, t->length, event->at_ns);
        if (vm->hostile_records == bad)
            journal_take_figures(b->journal, vm, clock_utc().ns);
    } else {
        take_fallback(b, event);
    }
}

/* A target that could not be written: what is there now is read anew, and taken as it is. */
static void take_written(struct balloond *b, const struct mail_event *event)
{
    struct vm *vm = engine_find(&b->engine, event->domid);

    if (event->is_ok || vm == NULL)
        return;
    if (event->order == MAIL_TARGET) {
        vm->is_write_lost = true;
        vm->failed_ns = now();
    } else if (event->order == MAIL_HEADROOM) {
        vm->told_headroom_kib = 0;
    }
}

/* True: something came that is worth a round; *cause says what. */
static bool take_events(struct balloond *b, struct cause *cause)
{
    const struct mail_event *event = &b->event;
    bool has_come = false;

    for (int i = 0; i < EVENTS_MOST && guests_next(b->guests, &b->event); i++) {
        if (event->kind == MAIL_TEXT)
            take_text(b, event);
        else if (event->kind == MAIL_TOLD)
            engine_facts(&b->engine, event->domid, &event->facts, event->at_ns);
        else
            take_written(b, event);
        if (event->kind == MAIL_WRITTEN)
            continue;
        struct vm *vm = engine_find(&b->engine, event->domid);

        *cause = (struct cause){.kind = CAUSE_RECORD,
                                .domid = event->domid,
                                .number = vm != NULL ? vm->last.seq : 0};
        has_come = true;
    }
    return has_come;
}

/* ---- the loop ---- */

static void look_for_rivals(struct balloond *b)
{
    enum rival rival = rivals_find("", actuator_xen_has_dom0_mem(b->xen));
    const char *before = b->operator.rival;

    if (rival == RIVAL_SQUEEZED && b->xe != NULL)
        rival = RIVAL_NONE; /* through whom we act */
    b->operator.rival = rival != RIVAL_NONE ? rival_sentence(rival) : NULL;
    if (b->operator.rival != NULL && before == NULL)
        log_event(LOG_LEVEL_ERROR, "%s", b->operator.rival);
}

static void report(struct balloond *b)
{
    struct journal_health j = journal_health(b->journal);

    notify("STATUS=%s%zu VMs, surplus %" PRId64 " MiB, shortfall %" PRIu64
           " MiB; %s%sstream %s; %" PRIu64 " decisions; journal %zu queued, %" PRIu64 " lost%s",
           b->engine.rules.mode == MODE_DRY_RUN ? "DRY RUN, " : "", b->engine.count,
           b->engine.surplus_kib / 1024, b->engine.shortfall_kib / 1024,
           b->was_hung ? "XENSTORE HUNG, " : "",
           b->operator.rival != NULL ? "STOOD DOWN FOR ANOTHER BALANCER, " : "",
           b->ticks.fd >= 0 ? "there" : "away", b->recent.count, j.queued, j.lost,
           j.is_failing ? ", IT CAN'T BE WRITTEN" : "");
    notify("WATCHDOG=1");
    log_flush();
}

static void now_and_then(struct balloond *b)
{
    int64_t at = now();

    ticks_connect(&b->ticks, at);
    if (at - b->look_ns >= LOOK_EVERY_NS) {
        b->look_ns = at;
        look_for_rivals(b);
    }
    if (at - b->tally_ns >= TALLY_EVERY_NS) {
        b->tally_ns = at;
        tally_hand_on(&b->tally, take_tally, b);
    }
    if (at - b->memo_ns >= MEMO_EVERY_NS)
        remember(b);
    if (at - b->report_ns >= REPORT_EVERY_NS) {
        b->report_ns = at;
        report(b);
    }
}

static int timeout_ms(const struct balloond *b)
{
    int64_t until = engine_next_ns(&b->engine), control = control_next_ns(b->control);
    int64_t left = (until < control ? until : control) - now();

    return left <= 0 ? 0 : left > REPORT_EVERY_NS ? 500 : (int)(left / 1000000) + 1;
}

/* False: told to end. */
static bool is_going_on(struct balloond *b, const struct pollfd *fd)
{
    struct signalfd_siginfo info;

    if ((fd->revents & POLLIN) == 0 ||
        read(b->signal_fd, &info, sizeof info) != (ssize_t)sizeof info)
        return true;
    if (info.ssi_signo != SIGHUP) {
        log_event(LOG_LEVEL_INFO, "told to end: sizes stay as they are. signal=%u", info.ssi_signo);
        return false;
    }
    log_event(LOG_LEVEL_NOTICE, "SIGHUP is ignored: a changed configuration needs a restart");
    return true;
}

static bool step(struct balloond *b)
{
    struct pollfd fds[FD_CONTROL + CONTROL_FDS_MAX] = {
        [FD_SIGNAL] = {.fd = b->signal_fd, .events = POLLIN},
        [FD_GUESTS] = {.fd = guests_fd(b->guests), .events = POLLIN},
        [FD_JOURNAL] = {.fd = journal_fd(b->journal), .events = POLLIN},
        [FD_TICKS] = {.fd = b->ticks.fd, .events = POLLIN},
    };
    size_t controls = control_fill(b->control, &fds[FD_CONTROL]);
    struct cause cause = {.kind = CAUSE_TIMER};
    uint64_t seq, requests = b->operator.requests;

    (void)poll(fds, (nfds_t)(FD_CONTROL + controls), timeout_ms(b));
    bool is_due = now() >= engine_next_ns(&b->engine);

    if (ticks_read(&b->ticks, &seq)) {
        is_due = true;
        cause = (struct cause){.kind = CAUSE_TICK, .number = seq};
    }
    if ((fds[FD_JOURNAL].revents & POLLIN) != 0)
        journal_seen(b->journal);
    control_handle(b->control, &fds[FD_CONTROL], now());
    if (b->operator.requests != requests) {
        is_due = true;
        cause = (struct cause){.kind = CAUSE_OPERATOR};
    }
    if (take_events(b, &cause) || is_due)
        run(b, cause);
    now_and_then(b);
    return is_going_on(b, &fds[FD_SIGNAL]);
}

/* ---- begin and end ---- */

static bool block_signals(struct balloond *b, struct error *err)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) == 0)
        b->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return b->signal_fd >= 0 ||
           error_set(err, ERR_SYSTEM, "can't wait for signals: %s", strerror(errno));
}

static bool take_lock(struct balloond *b, struct error *err)
{
    b->lock_fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (b->lock_fd < 0)
        return error_set(err, ERR_SYSTEM, "can't open %s: %s; run pageballoond as root", lock_path,
                         strerror(errno));
    return flock(b->lock_fd, LOCK_EX | LOCK_NB) == 0 ||
           error_set(err, ERR_REFUSED,
                     "another pageballoond runs on this host (it holds %s): two would pull at the "
                     "same VMs",
                     lock_path);
}

static bool set_rules(struct balloond *b, struct error *err)
{
    const struct config *c = b->config;
    struct policy standard;

    policy_init(&standard);
    b->engine.rules.mode = strcmp(c->balloon_mode, "on") == 0 ? MODE_ON : MODE_DRY_RUN;
    b->engine.rules.pool_least_kib = c->balloon_pool_kib;
    b->engine.rules.ledger.reserve_kib = c->balloon_reserve_kib;
    b->engine.rules.ledger.dom0_allowance_kib = c->balloon_dom0_allowance_kib;
    if (!policy_set(&standard, "policy", c->balloon_policy, err) ||
        !policy_set(&standard, "guest", c->balloon_guest, err))
        return false;
    settings_init(&b->operator.settings, &standard);
    return true;
}

static bool open_outside(struct balloond *b, struct error *err)
{
    struct actuator *out;

    if (!guests_open(&b->guests, err) || !actuator_open_xen(&b->xen, b->guests, err))
        return false;
    out = b->xen;
    if (strcmp(b->config->balloon_actuator, "xe") == 0) {
        if (!actuator_open_xe(&b->xe, b->xen, "xe", err))
            return false;
        out = b->xe;
    }
    if (!engine_init(&b->engine, out, err))
        return false;
    b->engine.rules.has_foreign_caps = b->xe != NULL;
    return true;
}

static bool open_inside(struct balloond *b, struct error *err)
{
    const struct config *c = b->config;
    struct journal_store into;
    struct journal_options options = {.retry_ns = c->retry_ns,
                                      .retention_ns = c->balloon_retention_ns,
                                      .figures_retention_ns = c->balloon_figures_retention_ns,
                                      .rollup_retention_ns = c->balloon_rollup_retention_ns};
    struct control_ops ops = {.serve = operator_serve,
                              .ticket = operator_ticket,
                              .context = &b->operator};
    size_t left_out = 0;

    b->operator.engine = & b->engine;
    b->operator.recent = & b->recent;
    if (!set_rules(b, err) || !balloon_store_open(&b->store, c->db, STORE_WRITE, err) ||
        !operator_load(&b->operator, b->store, &left_out, err))
        return false;
    if (left_out > 0)
        log_event(LOG_LEVEL_WARNING,
                  "settings that this version does not know are left out. "
                  "settings=%zu",
                  left_out);
    into = journal_into(b->store);
    if (!journal_open(&b->journal, &into, &options, err))
        return false;
    b->operator.journal = b->journal;
    b->engine.sink = (struct engine_sink){.decided = note_decision,
                                          .alert = note_alert,
                                          .counted = note_counted,
                                          .reacted = note_reacted,
                                          .context = b};
    b->engine.policies = (struct policy_source){operator_find_policy, &b->operator};
    b->memo = memo_read(MEMO_PATH);
    return (b->memo != NULL || error_set(err, ERR_NOMEM, "no memory")) &&
           control_open(&b->control, c->balloon_socket, &ops, err);
}

/* Claims would outlive us; caps and targets are to. */
static void give_back_claims(struct balloond *b)
{
    struct error err;

    for (size_t i = 0; i < b->engine.count; i++)
        if (b->engine.vms[i].claim_ns != 0)
            (void)!b->engine.actuator->ops->claim(b->engine.actuator, b->engine.vms[i].domid, 0,
                                                  &err);
}

static void finish(struct balloond *b)
{
    notify("STOPPING=1");
    if (b->is_ready) {
        give_back_claims(b);
        remember(b);
        tally_hand_on(&b->tally, take_tally, b);
        (void)poll(NULL, 0, LAST_WRITES_MS);
    }
    control_close(b->control);
    if (journal_close(b->journal, 5 * NS_PER_S))
        balloon_store_close(b->store);
    else
        log_event(LOG_LEVEL_ERROR, "the disk hangs: the last decisions are not stored");
    if (b->guests != NULL)
        guests_close(b->guests);
    if (b->xe != NULL)
        actuator_close_xe(b->xe);
    if (b->xen != NULL)
        actuator_close_xen(b->xen);
    operator_clear(&b->operator);
    engine_clear(&b->engine);
    memo_free(b->memo);
    ticks_clear(&b->ticks);
    if (b->signal_fd >= 0)
        (void)close(b->signal_fd);
    if (b->lock_fd >= 0)
        (void)close(b->lock_fd);
    log_flush();
}

bool balloond_run(const struct config *config, struct error *err)
{
    struct balloond *b = calloc(1, sizeof *b);

    if (b == NULL)
        return error_set(err, ERR_NOMEM, "no memory to begin");
    b->config = config;
    b->begin_ns = now();
    b->signal_fd = b->lock_fd = -1;
    ticks_init(&b->ticks, config->stream);
    b->is_ready =
        block_signals(b, err) && take_lock(b, err) && open_outside(b, err) && open_inside(b, err);
    bool is_ok = b->is_ready;

    if (is_ok) {
        run(b, (struct cause){.kind = CAUSE_TIMER});
        look_for_rivals(b);
        b->look_ns = now();
        log_event(LOG_LEVEL_INFO, "memory on demand. mode=%s actuator=%s db=%s socket=%s",
                  config->balloon_mode, config->balloon_actuator, config->db,
                  config->balloon_socket);
        notify("READY=1\nMAINPID=%d", (int)getpid());
        while (step(b))
            continue;
    }
    finish(b);
    free(b);
    return is_ok;
}
