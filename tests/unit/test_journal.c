/*
 * The journal: the caller never waits, what had no room is counted and told, a ticket says the
 * truth, and one bad entry takes no other with it.
 */
#include "check.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include "balloon/journal.h"

enum { KEPT_MAX = 4096 };

/* A store that fails or hangs when told. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_hanging;
    bool is_entered; /* the writer is inside */
    enum error_code failure;
    const char *bad_key; /* a setting with this key is refused for ever */
    struct balloon_entry kept[KEPT_MAX];
    size_t count;
    size_t writes;
    size_t roll_ups; /* five minutes that were rolled up */
    size_t left;     /* that wait for it */
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static struct journal *journal;

static bool has_bad(const struct balloon_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (disk.bad_key != NULL && entries[i].kind == ENTRY_SETTING &&
            strcmp(entries[i].setting.key, disk.bad_key) == 0)
            return true;
    return false;
}

static bool disk_write(void *self, const struct balloon_entry *entries, size_t count,
                       struct error *err)
{
    bool is_ok = true;

    (void)self;
    (void)pthread_mutex_lock(&disk.lock);
    disk.is_entered = true;
    (void)pthread_cond_broadcast(&disk.changed);
    while (disk.is_hanging)
        (void)pthread_cond_wait(&disk.changed, &disk.lock);
    disk.writes++;
    if (disk.failure != ERR_NONE)
        is_ok = error_set(err, disk.failure, "the disk says no");
    else if (has_bad(entries, count))
        is_ok = error_set(err, ERR_STORE, "a bad key");
    for (size_t i = 0; is_ok && i < count && disk.count < KEPT_MAX; i++)
        disk.kept[disk.count++] = entries[i];
    (void)pthread_mutex_unlock(&disk.lock);
    return is_ok;
}

static bool disk_prune(void *self, const struct balloon_ages *ages, struct error *err)
{
    (void)self;
    (void)ages;
    (void)err;
    return true;
}

static bool disk_roll_up(void *self, int64_t up_to_utc_ns, bool *has_more, struct error *err)
{
    (void)self;
    (void)err;
    assert_true(up_to_utc_ns > 0);
    (void)pthread_mutex_lock(&disk.lock);
    *has_more = disk.left > 0;
    disk.roll_ups += *has_more;
    disk.left -= *has_more;
    (void)pthread_mutex_unlock(&disk.lock);
    return true;
}

static void disk_set(bool is_hanging, enum error_code failure)
{
    (void)pthread_mutex_lock(&disk.lock);
    disk.is_hanging = is_hanging;
    disk.failure = failure;
    (void)pthread_cond_broadcast(&disk.changed);
    (void)pthread_mutex_unlock(&disk.lock);
}

/* The writer is inside a write that hangs. */
static void wait_for_writer(void)
{
    (void)pthread_mutex_lock(&disk.lock);
    while (!disk.is_entered)
        (void)pthread_cond_wait(&disk.changed, &disk.lock);
    (void)pthread_mutex_unlock(&disk.lock);
}

static size_t kept_of(enum balloon_entry_kind kind)
{
    size_t count = 0;

    for (size_t i = 0; i < disk.count; i++)
        count += disk.kept[i].kind == kind;
    return count;
}

static int begin(void **state)
{
    struct journal_store store = {disk_write, disk_prune, disk_roll_up, NULL};
    struct journal_options options = {.room = 8, .retry_ns = 1000000};
    struct error err;

    (void)state;
    disk.is_hanging = disk.is_entered = false;
    disk.failure = ERR_NONE;
    disk.bad_key = NULL;
    disk.count = disk.writes = disk.roll_ups = disk.left = 0;
    return journal_open(&journal, &store, &options, &err) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    return journal_close(journal, 10 * NS_PER_S) ? 0 : -1;
}

static void close_now(void)
{
    assert_true(journal_close(journal, 10 * NS_PER_S));
    journal = NULL;
}

static void take_decisions(size_t count)
{
    struct decision decision = {.uuid = uuid_of(1)};

    for (size_t i = 0; i < count; i++)
        journal_take_decision(journal, &decision, (int64_t)i);
}

static uint64_t take_setting(const char *key)
{
    struct balloon_setting setting = {.is_host = true, .value = "x"};

    (void)strcpy(setting.key, key);
    return journal_take_setting(journal, &setting, "alice", 1);
}

/* Until the ticket is settled, as an event loop would: by the descriptor. */
static enum ticket_state settle(uint64_t ticket)
{
    enum ticket_state state;

    while ((state = journal_ticket(journal, ticket)) == TICKET_WAITING) {
        struct pollfd fd = {.fd = journal_fd(journal), .events = POLLIN};

        assert_true(poll(&fd, 1, 10000) == 1);
        journal_seen(journal);
    }
    return state;
}

static void test_journal_keeps_all_in_order(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++)
        assert_int_equal(settle(take_setting("a")), TICKET_STORED);
    take_decisions(5);
    close_now();
    assert_int_equal(kept_of(ENTRY_SETTING), 100);
    assert_int_equal(kept_of(ENTRY_DECISION), 5);
    for (size_t i = 100; i < 105; i++)
        assert_int_equal(disk.kept[i].utc_ns, i - 100);
    assert_string_equal(disk.kept[0].who, "alice");
}

static void test_journal_ticket_waits_for_the_disk(void **state)
{
    (void)state;
    disk_set(true, ERR_NONE);
    uint64_t ticket = take_setting("a");

    wait_for_writer();
    assert_int_equal(journal_ticket(journal, ticket), TICKET_WAITING);
    disk_set(false, ERR_NONE);
    assert_int_equal(settle(ticket), TICKET_STORED);
}

static void test_journal_full_queue_loses_and_tells_when_there_is_room(void **state)
{
    (void)state;
    disk_set(true, ERR_NONE);
    take_decisions(1);
    wait_for_writer();
    take_decisions(7 + 30);
    assert_int_equal(journal_health(journal).queued, 8);
    assert_int_equal(journal_health(journal).lost, 30);
    disk_set(false, ERR_NONE);
    close_now();
    assert_int_equal(kept_of(ENTRY_DECISION), 8);
    assert_int_equal(kept_of(ENTRY_LOST), 1);
    for (size_t i = 0; i < disk.count; i++)
        if (disk.kept[i].kind == ENTRY_LOST)
            assert_int_equal(disk.kept[i].lost, 30);
}

static void test_journal_full_queue_has_room_for_settings(void **state)
{
    uint64_t last = 0;

    (void)state;
    disk_set(true, ERR_NONE);
    take_decisions(20);
    for (int i = 0; i < JOURNAL_ROOM_KEPT; i++) {
        last = take_setting("a");
        assert_int_not_equal(last, 0);
    }
    assert_int_equal(take_setting("a"), 0);
    disk_set(false, ERR_NONE);
    assert_int_equal(settle(last), TICKET_STORED);
    close_now();
    assert_int_equal(kept_of(ENTRY_SETTING), JOURNAL_ROOM_KEPT);
    assert_int_equal(kept_of(ENTRY_DECISION), 8);
}

static void test_journal_failing_disk_is_tried_again_and_loses_nothing(void **state)
{
    (void)state;
    disk_set(false, ERR_RETRY);
    uint64_t ticket = take_setting("a");

    while (!journal_health(journal).is_failing)
        assert_int_equal(poll(NULL, 0, 1), 0);
    assert_int_equal(journal_ticket(journal, ticket), TICKET_WAITING);
    disk_set(false, ERR_NONE);
    assert_int_equal(settle(ticket), TICKET_STORED);
    close_now();
    assert_int_equal(kept_of(ENTRY_SETTING), 1);
}

static void test_journal_bad_entry_takes_no_other_with_it(void **state)
{
    (void)state;
    disk.bad_key = "bad";
    disk_set(true, ERR_NONE);
    uint64_t first = take_setting("a");
    uint64_t second = take_setting("bad");
    uint64_t third = take_setting("c");

    disk_set(false, ERR_NONE);
    assert_int_equal(settle(third), TICKET_STORED);
    assert_int_equal(journal_ticket(journal, first), TICKET_STORED);
    assert_int_equal(journal_ticket(journal, second), TICKET_FAILED);
    assert_int_equal(journal_health(journal).refused, 1);
}

static void test_journal_closing_with_a_failing_disk_ends(void **state)
{
    (void)state;
    disk_set(false, ERR_RETRY);
    take_decisions(3);
    close_now();
    assert_int_equal(disk.count, 0);
}

static void test_journal_closing_with_a_hanging_disk_does_not_wait_for_ever(void **state)
{
    (void)state;
    disk_set(true, ERR_NONE);
    take_decisions(1);
    wait_for_writer();
    assert_false(journal_close(journal, 20000000));
    disk_set(false, ERR_NONE); /* end() closes it for good */
}

static struct vm a_vm(uint16_t domid)
{
    struct vm vm = {.uuid = uuid_of(domid), .domid = domid, .last_ns = 1};

    vm.policy.headroom_kib = 40000;
    vm.last.available_kib = 100000;
    return vm;
}

static void test_journal_thins_figures_to_one_in_ten_seconds(void **state)
{
    struct vm vm = a_vm(1);

    (void)state;
    journal_take_figures(journal, &vm, 100 * NS_PER_S);
    journal_take_figures(journal, &vm, 110 * NS_PER_S - 1);
    journal_take_figures(journal, &vm, 110 * NS_PER_S);
    close_now();
    assert_int_equal(kept_of(ENTRY_FIGURE), 2);
    assert_int_equal(disk.kept[1].utc_ns, 110 * NS_PER_S);
}

static void test_journal_keeps_a_figure_that_moved_by_a_quarter_of_the_headroom(void **state)
{
    struct vm vm = a_vm(1);

    (void)state;
    journal_take_figures(journal, &vm, 100 * NS_PER_S);
    vm.last.available_kib = 90001;
    journal_take_figures(journal, &vm, 101 * NS_PER_S);
    vm.last.available_kib = 90000;
    journal_take_figures(journal, &vm, 102 * NS_PER_S);
    close_now();
    assert_int_equal(kept_of(ENTRY_FIGURE), 2);
    assert_int_equal(disk.kept[1].figure.figures.available_kib, 90000);
}

static void test_journal_figures_of_another_vm_with_the_same_domid_are_kept(void **state)
{
    struct vm vm = a_vm(1);

    (void)state;
    journal_take_figures(journal, &vm, 100 * NS_PER_S);
    vm.uuid = uuid_of(9);
    journal_take_figures(journal, &vm, 100 * NS_PER_S);
    close_now();
    assert_int_equal(kept_of(ENTRY_FIGURE), 2);
}

static void test_journal_figures_without_a_record_are_none(void **state)
{
    struct vm vm = a_vm(1);

    (void)state;
    vm.last_ns = 0;
    journal_take_figures(journal, &vm, 100 * NS_PER_S);
    close_now();
    assert_int_equal(disk.count, 0);
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, end)

static void test_journal_rolls_up_what_waits_for_it_once_all_is_written(void **state)
{
    (void)state;
    disk.left = 5;
    (void)settle(take_setting("policy"));
    close_now();
    assert_int_equal(disk.roll_ups, 5);
    assert_int_equal(disk.count, 1);
}

static void test_journal_rolls_up_nothing_while_something_waits(void **state)
{
    (void)state;
    disk_set(true, ERR_NONE);
    disk.left = 1000;
    take_decisions(1);
    wait_for_writer();
    take_decisions(1); /* behind the batch that is being written */
    assert_int_equal(disk.roll_ups, 0);
    disk_set(false, ERR_NONE);
    close_now();
    assert_int_equal(disk.count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_journal_keeps_all_in_order),
        test(test_journal_ticket_waits_for_the_disk),
        test(test_journal_full_queue_loses_and_tells_when_there_is_room),
        test(test_journal_full_queue_has_room_for_settings),
        test(test_journal_failing_disk_is_tried_again_and_loses_nothing),
        test(test_journal_bad_entry_takes_no_other_with_it),
        test(test_journal_closing_with_a_failing_disk_ends),
        test(test_journal_closing_with_a_hanging_disk_does_not_wait_for_ever),
        test(test_journal_thins_figures_to_one_in_ten_seconds),
        test(test_journal_keeps_a_figure_that_moved_by_a_quarter_of_the_headroom),
        test(test_journal_figures_of_another_vm_with_the_same_domid_are_kept),
        test(test_journal_figures_without_a_record_are_none),
        test(test_journal_rolls_up_what_waits_for_it_once_all_is_written),
        test(test_journal_rolls_up_nothing_while_something_waits),
    };

    return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
