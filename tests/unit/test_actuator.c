/* actuator_dry.h and actuator_xe.h: the contract, and xe's queue against a stub of the command. */
#include <time.h>
#include <unistd.h>

#include "actuator_contract.h"
#include "balloon/actuator_dry.h"
#include "balloon/actuator_xe.h"
#include "scratch.h"

#define STUB "tests/unit/stub-xe"
#define T0 (1000 * NS_PER_S)
#define MIB UINT64_C(1024)

/* A host whose VMs have what the stub was told last: it obeys XAPI at once. */
struct toy {
    struct actuator actuator;
    const char *dir;
    int64_t now_ns;
    uint64_t max_kib;
    unsigned told;
    struct host_domain domains[3];
    struct actuator *outer; /* NULL, or the actuator "xe" around it */
    unsigned failures;
    struct error last;
};

static struct toy toy;

static struct scratch_path file_of(unsigned n, const char *what)
{
    struct uuid uuid = uuid_of(n);
    char text[UUID_TEXT_MAX];
    struct scratch_path path;

    (void)snprintf(path.text, sizeof path.text, "%s/%s.%s", toy.dir, uuid_format(&uuid, text),
                   what);
    return path;
}

static uint64_t target_kib(unsigned n)
{
    FILE *file = fopen(file_of(n, "target").text, "re");
    char text[32] = "";

    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    (void)fclose(file);
    return strtoull(text, NULL, 10) / 1024;
}

static bool toy_read(struct actuator *a, struct host_view *view, struct error *err)
{
    (void)a;
    (void)err;
    toy.domains[0] = (struct host_domain){.tot_kib = 512 * MIB};
    for (uint16_t i = 1; i < 3; i++)
        toy.domains[i] = (struct host_domain){.domid = i,
                                              .uuid = uuid_of(i),
                                              .tot_kib = target_kib(i),
                                              .max_kib = toy.max_kib};
    *view = (struct host_view){.now_ns = toy.now_ns,
                               .total_kib = 4096 * MIB,
                               .free_kib = 1024 * MIB,
                               .count = 3,
                               .domains = toy.domains};
    return true;
}

static bool toy_never(struct actuator *a, uint16_t domid, uint64_t kib, struct error *err)
{
    (void)a;
    fail_msg("%u was changed to %u", domid, (unsigned)kib);
    return error_set(err, ERR_SYSTEM, "never");
}

static bool toy_tell(struct actuator *a, uint16_t domid, const char *node, const char *value,
                     struct error *err)
{
    (void)a;
    (void)domid;
    (void)node;
    (void)value;
    (void)err;
    toy.told++;
    return true;
}

static const struct actuator_ops toy_ops = {"toy",     toy_read,  toy_never,
                                            toy_never, toy_never, toy_tell};

static void put(unsigned n, const char *what, const char *text)
{
    FILE *file = fopen(file_of(n, what).text, "we");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int begin(void **state)
{
    if (scratch_begin(state) != 0)
        return -1;
    toy = (struct toy){.actuator = {&toy_ops}, .dir = *state, .now_ns = T0, .max_kib = 300 * MIB};
    for (unsigned i = 1; i < 3; i++) {
        put(i, "static-max", "268435456");
        put(i, "target", "134217728");
    }
    return setenv("XE_STUB", toy.dir, 1);
}

/* The clock is virtual, the command is a process and takes the time that it takes. */
static void advance(void *context, int64_t ns)
{
    (void)context;
    toy.now_ns += ns;
    (void)nanosleep(&(struct timespec){0, 10000000}, NULL);
    if (toy.outer != NULL && !actuator_xe_step(toy.outer, toy.now_ns, &toy.last))
        toy.failures++;
}

static struct actuator *open_xe(const char *command)
{
    struct host_view view;
    struct error err;

    assert_ok(actuator_open_xe(&toy.outer, &toy.actuator, command, &err));
    assert_ok(toy.outer->ops->read(toy.outer, &view, &err));
    return toy.outer;
}

/* Until so many commands have been given, or 2 s are over; then a moment more. */
static size_t commands(size_t wanted)
{
    struct scratch_path log = {""};
    size_t count = 0;

    (void)snprintf(log.text, sizeof log.text, "%s/log", toy.dir);
    for (int i = 0; i < 200 && count < wanted; i++) {
        FILE *file = fopen(log.text, "re");

        count = 0;
        for (int c; file != NULL && (c = fgetc(file)) != EOF;)
            count += c == '\n';
        if (file != NULL)
            (void)fclose(file);
        advance(NULL, 1000000);
    }
    for (int i = 0; i < 5; i++)
        advance(NULL, 1000000);
    return count;
}

static void wish(uint16_t domid, uint64_t kib)
{
    struct error err;

    assert_ok(toy.outer->ops->set_target(toy.outer, domid, kib, &err));
}

static const struct actuator_kind a_kind = {.advance = advance,
                                            .domid = 1,
                                            .low_kib = 128 * MIB,
                                            .high_kib = 160 * MIB};

static void test_actuator_dry_run_keeps_the_contract(void **state)
{
    struct actuator_kind kind = a_kind;
    struct error err;

    (void)state;
    assert_ok(actuator_open_dry(&kind.actuator, &toy.actuator, &err));
    contract_of(&kind);
    assert_int_equal(toy.told, 0);
    actuator_close_dry(kind.actuator);
}

static void test_actuator_xe_keeps_the_contract(void **state)
{
    struct actuator_kind kind = a_kind;

    (void)state;
    kind.sets_targets = true;
    kind.actuator = open_xe(STUB);
    contract_of(&kind);
    assert_int_equal(toy.told, 2);
    assert_int_equal(toy.failures, 0);
    actuator_close_xe(kind.actuator);
}

static void test_xe_newer_wish_replaces_a_waiting_one(void **state)
{
    (void)state;
    (void)open_xe(STUB);
    wish(1, 130 * MIB);
    wish(1, 131 * MIB);
    wish(1, 132 * MIB);
    assert_int_equal(commands(2), 1);
    assert_int_equal(target_kib(1), 132 * MIB);
    actuator_close_xe(toy.outer);
}

static void test_xe_five_a_minute_and_then_the_newest(void **state)
{
    (void)state;
    (void)open_xe(STUB);
    for (unsigned i = 1; i <= XE_PER_MINUTE; i++) {
        wish(1, (130 + i) * MIB);
        assert_int_equal(commands(i), i);
    }
    wish(1, 150 * MIB);
    wish(1, 151 * MIB);
    wish(2, 140 * MIB); /* another VM has its own five */
    assert_int_equal(commands(XE_PER_MINUTE + 2), XE_PER_MINUTE + 1);
    assert_int_equal(target_kib(1), 135 * MIB);
    assert_int_equal(target_kib(2), 140 * MIB);
    toy.now_ns = T0 + 62 * NS_PER_S;
    assert_int_equal(commands(XE_PER_MINUTE + 2), XE_PER_MINUTE + 2);
    assert_int_equal(target_kib(1), 151 * MIB);
    actuator_close_xe(toy.outer);
}

static void test_xe_one_at_a_time(void **state)
{
    (void)scratch_file(state, "hang", "");
    (void)open_xe(STUB);
    wish(1, 130 * MIB);
    wish(2, 140 * MIB);
    assert_int_equal(commands(2), 1);
    assert_int_equal(remove(scratch_path(state, "hang").text), 0);
    assert_int_equal(commands(2), 2);
    assert_int_equal(target_kib(1), 130 * MIB);
    assert_int_equal(target_kib(2), 140 * MIB);
    actuator_close_xe(toy.outer);
}

static void test_xe_refusal_is_told_in_its_words(void **state)
{
    (void)state;
    (void)open_xe(STUB);
    wish(1, 300 * MIB);
    (void)commands(2);
    assert_int_equal(toy.failures, 1);
    assert_error(&toy.last, ERR_SYSTEM, "Memory limits must satisfy");
    assert_error(&toy.last, ERR_SYSTEM, "01010101-0101-0101-0101-010101010101");
    assert_int_equal(target_kib(1), 128 * MIB);
    actuator_close_xe(toy.outer);
}

static void test_xe_that_hangs_is_killed(void **state)
{
    (void)scratch_file(state, "hang", "");
    (void)open_xe(STUB);
    wish(1, 130 * MIB);
    assert_int_equal(commands(1), 1);
    assert_int_equal(toy.failures, 0);
    toy.now_ns += XE_LIMIT_NS;
    (void)commands(2);
    assert_int_equal(toy.failures, 1);
    assert_error(&toy.last, ERR_SYSTEM, "too long");
    actuator_close_xe(toy.outer);
}

static void test_xe_closed_while_a_command_hangs_ends_it(void **state)
{
    (void)scratch_file(state, "hang", "");
    (void)open_xe(STUB);
    wish(1, 130 * MIB);
    assert_int_equal(commands(1), 1);
    actuator_close_xe(toy.outer);
}

static void test_xe_command_that_is_not_there_is_told(void **state)
{
    (void)state;
    (void)open_xe("/nowhere/xe");
    wish(1, 130 * MIB);
    (void)commands(1);
    assert_int_equal(toy.failures, 1);
    assert_error(&toy.last, ERR_SYSTEM, "/nowhere/xe");
    actuator_close_xe(toy.outer);
}

static void test_xe_target_of_no_domain_or_no_size_is_refused(void **state)
{
    struct error err;
    struct actuator *a = open_xe(STUB);

    (void)state;
    assert_fails(a->ops->set_target(a, 9, 1024, &err), ERR_SYSTEM, "no domain 9");
    assert_fails(a->ops->set_target(a, 1, KIB_MAX + 1, &err), ERR_RANGE, "no target");
    actuator_close_xe(a);
}

#define a_test(name) cmocka_unit_test_setup_teardown(name, begin, scratch_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        a_test(test_actuator_dry_run_keeps_the_contract),
        a_test(test_actuator_xe_keeps_the_contract),
        a_test(test_xe_newer_wish_replaces_a_waiting_one),
        a_test(test_xe_five_a_minute_and_then_the_newest),
        a_test(test_xe_one_at_a_time),
        a_test(test_xe_refusal_is_told_in_its_words),
        a_test(test_xe_that_hangs_is_killed),
        a_test(test_xe_closed_while_a_command_hangs_ends_it),
        a_test(test_xe_command_that_is_not_there_is_told),
        a_test(test_xe_target_of_no_domain_or_no_size_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
