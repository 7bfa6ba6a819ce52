/*
 * HVM guests, whose video memory and firmware come on top of their target: the calls of libxenctrl
 * that a change of target becomes, their order and figures, and what a refused one leaves behind.
 */
#include "hvm_scene.h"

/* A driver that keeps video memory beside the target; 972 KiB and what is beside them. */
#define BESIDE_KIB UINT64_C(844)

static struct fake_xen_build hvm_of(uint64_t memory_mib, uint64_t videoram_mib)
{
    return (struct fake_xen_build){.domid = 7,
                                   .is_hvm = true,
                                   .memory_mib = memory_mib,
                                   .maxmem_mib = memory_mib,
                                   .videoram_mib = videoram_mib,
                                   .extra_kib = BESIDE_KIB + FAKE_XEN_HOLE_KIB,
                                   .driver = DRIVER_WINDOWS};
}

static struct fake_xen_domain *domain(void)
{
    return fake_xen_find(7);
}

/* Built with 1 GiB, and set to 512 MiB by xl before we came: its cap is libxl's. It has spoken. */
static struct vm *begin_small(const struct fake_xen_build *build)
{
    struct fake_xen_domain *d = fake_xen_add(build);

    d->target_kib = 512 * MIB;
    d->info.max_pages = (512 * MIB + d->videoram_kib + MIB) / 4;
    fake_xen_follow(d);
    struct vm *vm = scene_meet(d);

    scene_pass(3 * SECOND);
    assert_string_equal(fake_xen.log, "");
    return vm;
}

static struct vm *begin_hvm(uint64_t videoram_mib)
{
    struct fake_xen_build build = hvm_of(1024, videoram_mib);

    return begin_small(&build);
}

static void assert_rests(const struct vm *vm, int64_t span_ns)
{
    fake_xen.log[0] = '\0';
    scene_pass(span_ns);
    assert_string_equal(fake_xen.log, "");
    assert_string_equal(scene.alerts, "");
    assert_true(vm_has_arrived(vm));
    assert_int_equal(vm->moved_ns, 0);
    assert_false(vm->is_stuck);
}

/* ---- the offset ---- */

/* Firmware and device model may have more or less than the hole that was left for video memory. */
static void test_hvm_offset_is_learned_at_rest(void **state)
{
    static const struct {
        uint64_t videoram_mib, extra_kib;
        int64_t offset_kib;
    } rows[] = {{8, 32, -96}, {8, 1152, 1024}, {16, 32, -96}, {16, 1152, 1024}};

    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fake_xen_build build = hvm_of(512, rows[i].videoram_mib);

        build.extra_kib = rows[i].extra_kib;
        struct vm *vm = scene_meet(fake_xen_add(&build));

        assert_int_equal(vm->target_kib, (512 - rows[i].videoram_mib) * MIB);
        assert_rests(vm, 60 * SECOND);
        assert_int_equal(vm->tot_offset_kib, rows[i].offset_kib);
        (void)scene_end(state);
        (void)scene_begin(state);
    }
}

/* ---- growth ---- */

/* Cap, claim, populate on demand, target: each of them must be there for the next. */
static void check_growth(uint64_t videoram_mib, const char *calls)
{
    struct vm *vm = begin_hvm(videoram_mib);

    scene_ask(vm, 600 * MIB);
    assert_string_equal(scene_calls(), calls);
    assert_int_equal(vm->target_kib, 600 * MIB);
    assert_int_equal(domain()->target_kib, 600 * MIB);
}

/* 600 MiB = 614400 KiB; cap + 8192 + 1024 + 844, claim + 8192 + 844, populate + 8192 + 1024 */
static void test_hvm_growth_counts_8_mib_of_video_memory(void **state)
{
    (void)state;
    check_growth(8, "maxmem 7 624460\nclaim 7 155859\npod 7 155904\ntarget 7 614400\n");
}

static void test_hvm_growth_counts_16_mib_of_video_memory(void **state)
{
    (void)state;
    check_growth(16, "maxmem 7 632652\nclaim 7 157907\npod 7 157952\ntarget 7 614400\n");
}

static void test_hvm_growth_arrives_and_rests(void **state)
{
    struct vm *vm = begin_hvm(16);

    (void)state;
    scene_ask(vm, 600 * MIB);
    scene_pass(2 * STEP);
    assert_text_has(fake_xen.log, "target 7 614400\nclaim 7 0\n");
    assert_int_equal(domain()->info.tot_pages * 4, 614400 + 16384 + BESIDE_KIB);
    assert_int_equal(domain()->info.outstanding_pages, 0);
    assert_rests(vm, 120 * SECOND);
}

static void test_hvm_pv_is_never_populated_on_demand(void **state)
{
    const struct fake_xen_build build = {.domid = 7,
                                         .memory_mib = 512,
                                         .maxmem_mib = 1024,
                                         .driver = DRIVER_WINDOWS};
    struct vm *vm = scene_meet(fake_xen_add(&build));

    (void)state;
    scene_pass(3 * SECOND);
    scene_ask(vm, 600 * MIB);
    assert_string_equal(scene_calls(), "maxmem 7 615424\nclaim 7 153600\ntarget 7 614400\n");
    scene_pass(2 * STEP);
    assert_rests(vm, 60 * SECOND);
}

static void test_hvm_pvh_has_no_video_memory(void **state)
{
    const struct fake_xen_build build = {
        .domid = 7, .is_hvm = true, .memory_mib = 1024, .maxmem_mib = 1024, .driver = DRIVER_LINUX};
    struct vm *vm = begin_small(&build);

    (void)state;
    scene_ask(vm, 600 * MIB);
    assert_string_equal(scene_calls(),
                        "maxmem 7 615488\nclaim 7 153616\npod 7 153856\ntarget 7 614400\n");
    scene_pass(2 * STEP);
    assert_rests(vm, 60 * SECOND);
}

/* ---- giving back ---- */

/* Past its first minute, and at rest for long: it may be taken from. */
static void test_hvm_shrink_is_populate_on_demand_target_then_cap(void **state)
{
    struct vm *vm = begin_hvm(16);

    (void)state;
    scene_pass(100 * SECOND);
    scene_ask(vm, 480 * MIB);
    assert_string_equal(scene_calls(), "pod 7 127232\ntarget 7 491520\n");
    scene_pass(STEP);
    assert_string_equal(fake_xen.log,
                        "pod 7 127232\ntarget 7 491520\nmaxmem 7 509772\n"); /* it has arrived */
    assert_int_equal(domain()->info.tot_pages * 4, 491520 + 16384 + BESIDE_KIB);
    assert_rests(vm, 60 * SECOND);
}

/* Xen refuses a populate-on-demand target above the cap, and that is no reason not to shrink. */
static void test_hvm_shrink_under_a_lower_cap_is_told_the_cap(void **state)
{
    struct vm *vm = begin_hvm(16);

    (void)state;
    scene_pass(100 * SECOND);
    domain()->info.max_pages = 480 * MIB / 4;
    scene_ask(vm, 480 * MIB);
    assert_string_equal(scene_calls(), "pod 7 127232\npod 7 122880\ntarget 7 491520\n");
}

/* ---- refused ---- */

struct refusal {
    const char *call; /* this one */
    int number;       /* with this errno */
    enum reason reason;
    const char *calls; /* all that are made */
};

static const struct refusal refusals[] = {
    {"maxmem", ESRCH, REASON_FAILED, "maxmem 7 632652 fails\n"},
    {"claim", ENOMEM, REASON_CLAIM, "maxmem 7 632652\nclaim 7 157907 fails\nmaxmem 7 541696\n"},
    {"claim", EPERM, REASON_FAILED, "maxmem 7 632652\nclaim 7 157907 fails\nmaxmem 7 541696\n"},
    {"pod", ENOMEM, REASON_FAILED,
     "maxmem 7 632652\nclaim 7 157907\npod 7 157952 fails\nclaim 7 0\nmaxmem 7 541696\n"},
    {"pod", ENOTEMPTY, REASON_FAILED, /* a device was passed through */
     "maxmem 7 632652\nclaim 7 157907\npod 7 157952 fails\nclaim 7 0\nmaxmem 7 541696\n"},
    {"target", 1, REASON_FAILED,
     "maxmem 7 632652\nclaim 7 157907\npod 7 157952\ntarget 7 614400 fails\nclaim 7 0\n"
     "maxmem 7 541696\n"},
};

static void test_hvm_refused_growth_is_taken_back(void **state)
{
    for (unsigned i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const struct refusal *r = &refusals[i];
        struct vm *vm = begin_hvm(16);
        struct fake_xen_domain before = *domain();

        fake_xen.fails = r->call;
        fake_xen.number = r->number;
        scene_ask(vm, 600 * MIB);
        assert_string_equal(scene_calls(), r->calls);
        assert_string_equal(reason_word(vm->blocked_by), reason_word(r->reason));
        assert_memory_equal(domain(), &before, sizeof before);
        assert_int_equal(vm->target_kib, 512 * MIB);
        assert_int_equal(vm->claim_ns, 0);
        (void)scene_end(state);
        (void)scene_begin(state);
    }
}

/* When the host has memory again, at once; after another failure, in 5 s. */
static void test_hvm_refused_growth_is_tried_again(void **state)
{
    for (unsigned i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct vm *vm = begin_hvm(16);

        fake_xen.fails = refusals[i].call;
        fake_xen.number = refusals[i].number;
        scene_ask(vm, 600 * MIB);
        (void)scene_calls();
        fake_xen.fails = NULL;
        fake_xen.log[0] = '\0';
        scene_pass(5 * SECOND - STEP);
        assert_int_equal(domain()->target_kib,
                         refusals[i].reason == REASON_CLAIM ? 600 * MIB : 512 * MIB);
        scene_pass(2 * STEP);
        assert_int_equal(domain()->target_kib, 600 * MIB);
        assert_rests(vm, 60 * SECOND);
        (void)scene_end(state);
        (void)scene_begin(state);
    }
}

static void test_hvm_refused_shrink_changes_nothing(void **state)
{
    static const char *const calls[] = {"pod 7 127232 fails\n",
                                        "pod 7 127232\ntarget 7 491520 fails\n"};

    for (unsigned i = 0; i < 2; i++) {
        struct vm *vm = begin_hvm(16);

        scene_pass(100 * SECOND);
        struct fake_xen_domain before = *domain();

        fake_xen.fails = i == 0 ? "pod" : "target";
        fake_xen.number = ENOMEM;
        scene_ask(vm, 480 * MIB);
        assert_string_equal(scene_calls(), calls[i]);
        assert_memory_equal(domain(), &before, sizeof before);
        assert_int_equal(vm->target_kib, 512 * MIB);
        (void)scene_end(state);
        (void)scene_begin(state);
    }
}

int main(void)
{
#define HVM_TEST(test) cmocka_unit_test_setup_teardown(test, scene_begin, scene_end)
    const struct CMUnitTest tests[] = {
        HVM_TEST(test_hvm_offset_is_learned_at_rest),
        HVM_TEST(test_hvm_growth_counts_8_mib_of_video_memory),
        HVM_TEST(test_hvm_growth_counts_16_mib_of_video_memory),
        HVM_TEST(test_hvm_growth_arrives_and_rests),
        HVM_TEST(test_hvm_pv_is_never_populated_on_demand),
        HVM_TEST(test_hvm_pvh_has_no_video_memory),
        HVM_TEST(test_hvm_shrink_is_populate_on_demand_target_then_cap),
        HVM_TEST(test_hvm_shrink_under_a_lower_cap_is_told_the_cap),
        HVM_TEST(test_hvm_refused_growth_is_taken_back),
        HVM_TEST(test_hvm_refused_growth_is_tried_again),
        HVM_TEST(test_hvm_refused_shrink_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
