/*
 * What outlives a restart: written, read back, and what is left of it when the file is damaged.
 */
#include "scratch.h"

#include "balloon/memo.h"
#include "balloon_scene.h"

#define UUID_5 "05050505-0505-0505-0505-050505050505"

/* uuid domid backoff filled tracking held young target first tot-offset current-offset day spent */
#define LINE_5 UUID_5 " 5 2 1 1 300000 12000 600 512 1048640 1048566 20000 77 7"

static struct error err;

/* Writes the memo of these VMs as of NOW. */
static void write_memo(const char *path, struct vm *vms, size_t count)
{
    struct engine engine = {.vms = vms, .count = count};

    engine.host.now_ns = NOW;
    assert_ok(memo_write(path, &engine, &err));
}

static struct vm eventful(unsigned domid)
{
    struct vm vm = vm_at_rest(domid, 512 * MIB, 100 * MIB);

    vm.backoff = 3;
    vm.filled = 2;
    vm.is_tracking = true;
    vm.foreign_until_ns = NOW + 300 * SECOND;
    vm.young_until_ns = NOW + 12 * SECOND;
    vm.target_kib = 600 * MIB;
    vm.tot_offset_kib = 64;
    vm.current_offset_kib = -10;
    vm.day = 20000;
    vm.spent_kib_ns = (usage_kib_ns)77 * (usage_kib_ns)SECOND + 5;
    return vm;
}

static bool recall(const char *path, struct vm *vm, int64_t now_ns)
{
    struct memo *memo = memo_read(path);

    assert_non_null(memo);
    bool is_known = memo_recall(memo, vm, now_ns);

    memo_free(memo);
    return is_known;
}

/* The clock begins anew with a boot; times are what was left of them. */
static void test_memo_is_read_back(void **state)
{
    struct scratch_path path = scratch_path(state, "state");
    struct vm before = eventful(5), after = vm_born(5, 512 * MIB, 1000 * SECOND);

    write_memo(path.text, &before, 1);
    assert_true(recall(path.text, &after, 1000 * SECOND));
    assert_int_equal(after.backoff, 3);
    assert_int_equal(after.filled, 2);
    assert_true(after.is_tracking);
    assert_int_equal(after.foreign_until_ns, 1300 * SECOND);
    assert_int_equal(after.young_until_ns, 1012 * SECOND);
    assert_int_equal(after.target_kib, 600 * MIB);
    assert_int_equal(after.first_target_kib, 512 * MIB);
    assert_int_equal(after.tot_offset_kib, 64);
    assert_int_equal(after.current_offset_kib, -10);
    assert_int_equal(after.day, 20000);
    assert_usage_equal(after.spent_kib_ns, (usage_kib_ns)77 * (usage_kib_ns)SECOND);
}

static void test_memo_of_a_quiet_vm_is_read_back(void **state)
{
    struct scratch_path path = scratch_path(state, "state");
    struct vm before = vm_at_rest(5, 512 * MIB, 100 * MIB), after = vm_born(5, 512 * MIB, NOW);

    write_memo(path.text, &before, 1);
    assert_true(recall(path.text, &after, NOW));
    assert_int_equal(after.foreign_until_ns, 0);
    assert_int_equal(after.young_until_ns, NOW);
    assert_int_equal(after.backoff, 0);
    assert_false(after.is_tracking);
}

static void test_memo_hold_for_ever_stays_for_ever(void **state)
{
    struct scratch_path path = scratch_path(state, "state");
    struct vm before = eventful(5), after = vm_born(5, 512 * MIB, NOW);

    before.foreign_until_ns = INT64_MAX;
    write_memo(path.text, &before, 1);
    assert_true(recall(path.text, &after, NOW));
    assert_int_equal(after.foreign_until_ns, INT64_MAX);
}

/* Somebody wrote another target while nobody looked. */
static void test_memo_target_tells_who_wrote_meanwhile(void **state)
{
    struct scratch_path path = scratch_path(state, "state");
    struct host_domain domain = domain_of(5, 600 * MIB);
    struct vm before = eventful(5), after, other;

    before.foreign_until_ns = 0;
    write_memo(path.text, &before, 1);
    vm_init(&after, &domain, NOW);
    after.policy.kind = POLICY_DEMAND;
    assert_true(recall(path.text, &after, NOW));
    other = after;
    vm_is_told(&after, 600 * MIB, NOW);
    assert_int_equal(after.foreign_until_ns, 0);
    vm_is_told(&other, 700 * MIB, NOW);
    assert_int_equal(other.foreign_until_ns, NOW + 600 * SECOND);
}

static void test_memo_is_for_one_domid_of_one_uuid_once(void **state)
{
    struct scratch_path path = scratch_path(state, "state");
    struct vm before[] = {eventful(5), eventful(6), eventful(7)};
    struct vm same = vm_born(6, GIB, NOW), other_domid = same, other_uuid = same;

    other_domid.domid = 8;
    other_uuid.uuid = uuid_of(9);
    write_memo(path.text, before, 3);
    struct memo *memo = memo_read(path.text);

    assert_false(memo_recall(memo, &other_domid, NOW));
    assert_false(memo_recall(memo, &other_uuid, NOW));
    assert_true(memo_recall(memo, &same, NOW));
    assert_false(memo_recall(memo, &same, NOW));
    memo_free(memo);
}

static void test_memo_is_replaced_by_the_next(void **state)
{
    struct scratch_path path = scratch_path(state, "state"), temporary;
    struct vm first = eventful(5), second = eventful(6), vm5 = vm_born(5, GIB, NOW),
              vm6 = vm_born(6, GIB, NOW);

    write_memo(path.text, &first, 1);
    write_memo(path.text, &second, 1);
    assert_false(recall(path.text, &vm5, NOW));
    assert_true(recall(path.text, &vm6, NOW));
    temporary = scratch_path(state, "state.new");
    assert_false(is_there(temporary.text));
}

static void test_memo_that_cannot_be_written_says_so(void **state)
{
    struct scratch_path path = scratch_path(state, "absent/state");
    struct engine engine = {.count = 0};

    assert_fails(memo_write(path.text, &engine, &err), ERR_SYSTEM, "can't write");
}

/* ---- lost and damaged ---- */

static void test_memo_that_is_absent_knows_nothing(void **state)
{
    struct scratch_path path = scratch_path(state, "state");
    struct vm vm = vm_born(5, GIB, NOW), before = vm;

    assert_false(recall(path.text, &vm, NOW));
    assert_memory_equal(&vm, &before, sizeof vm);
    assert_int_equal(vm.young_until_ns, NOW + 60 * SECOND); /* so nothing is taken from it */
}

static bool is_known_from(void **state, const char *text)
{
    struct scratch_path path = scratch_file(state, "state", text);
    struct vm vm = vm_born(5, GIB, NOW);

    return recall(path.text, &vm, NOW);
}

static void test_memo_of_another_form_is_none(void **state)
{
    static const char *const texts[] = {
        "",
        "\n",
        LINE_5 "\n",
        "pageballoond 3\n" LINE_5 "\n",
        "pageballoond 2 \n" LINE_5 "\n",
        "pageballoond 21\n" LINE_5 "\n",
        " pageballoond 2\n" LINE_5 "\n",
    };

    assert_true(is_known_from(state, "pageballoond 2\n" LINE_5 "\n"));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_false(is_known_from(state, texts[i]));
}

static void test_memo_damaged_line_is_left_out_and_others_are_not(void **state)
{
    static const struct {
        const char *line;
        bool is_good;
    } rows[] = {
        {UUID_5 " 5 2 1 1 300000 12000 600 512 1048640 1048566 20000 77 7", true},
        {UUID_5 " 5 2 1 1 300000 12000 600 512 1048640 1048566 20000 77", false},
        {UUID_5 " 5 2 1 1 300000 12000 600 512 1048640 1048566 20000 77 7 1", false},
        {UUID_5 " 5 -2 1 1 300000 12000 600 512 1048640 1048566 20000 77 7", false},
        {UUID_5 " 5 x 1 1 300000 12000 600 512 1048640 1048566 20000 77 7", false},
        {UUID_5 " 5 02 1 1 300000 12000 600 512 1048640 1048566 20000 77 7", false},
        {UUID_5 " 5 15 1 1 300000 12000 600 512 1048640 1048566 20000 77 7", true},
        {UUID_5 " 5 16 1 1 300000 12000 600 512 1048640 1048566 20000 77 7", false},
        {UUID_5 " 5 2 1 1 300000 60000 600 512 1048640 1048566 20000 77 7", true},
        {UUID_5 " 5 2 1 1 300000 60001 600 512 1048640 1048566 20000 77 7", false},
        {UUID_5 " 5 2 1 1 300000 12000 600 512 2097151 1048566 20000 77 7", true},
        {UUID_5 " 5 2 1 1 300000 12000 600 512 2097152 1048566 20000 77 7", false},
        {UUID_5 " 5 2 1 1 300000 12000 600 512 1048640 2097152 20000 77 7", false},
        {UUID_5 " 5 2 1 1 300000 12000 600 512 1048640 1048566 20000 9223372036854775808 7", false},
        {"05050505-0505-0505-0505-05050505050 5 2 1 1 300000 12000 600 512 1048640 1048566 1 1 7",
         false},
        {"", false},
        {"                        ", false},
        {UUID_5, false},
    };
    char text[1024];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        (void)snprintf(text, sizeof text, "pageballoond 2\n%s\n", rows[i].line);
        assert_int_equal(is_known_from(state, text), rows[i].is_good);
        (void)snprintf(text, sizeof text, "pageballoond 2\n%s\n%s\n", rows[i].line, LINE_5);
        assert_true(is_known_from(state, text));
    }
}

static void test_memo_line_longer_than_any_of_ours_is_left_out(void **state)
{
    char text[4096] = "pageballoond 2\n";
    size_t used = strlen(text);

    memset(text + used, '7', 2000);
    (void)strcpy(text + used + 2000, "\n" LINE_5 "\n");
    assert_true(is_known_from(state, text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_memo_is_read_back),
        scratch_test(test_memo_of_a_quiet_vm_is_read_back),
        scratch_test(test_memo_hold_for_ever_stays_for_ever),
        scratch_test(test_memo_target_tells_who_wrote_meanwhile),
        scratch_test(test_memo_is_for_one_domid_of_one_uuid_once),
        scratch_test(test_memo_is_replaced_by_the_next),
        scratch_test(test_memo_that_cannot_be_written_says_so),
        scratch_test(test_memo_that_is_absent_knows_nothing),
        scratch_test(test_memo_of_another_form_is_none),
        scratch_test(test_memo_damaged_line_is_left_out_and_others_are_not),
        scratch_test(test_memo_line_longer_than_any_of_ours_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
