/*
 * Guests that were booted with less than their maximum: what they have not touched is populated on
 * demand, out of a cache that counts as theirs. Xen crashes a guest that touches more than there
 * is.
 */
#include "hvm_scene.h"

#define BESIDE_KIB UINT64_C(172)

static struct fake_xen_domain *domain(void)
{
    return fake_xen_find(7);
}

/* Built with 512 MiB of 1024; its driver is not loaded yet. */
static struct vm *begin_booting(uint64_t videoram_mib)
{
    return scene_meet(fake_xen_add(&(struct fake_xen_build){
        .domid = 7,
        .is_hvm = true,
        .memory_mib = 512,
        .maxmem_mib = 1024,
        .videoram_mib = videoram_mib,
        .extra_kib = BESIDE_KIB + FAKE_XEN_HOLE_KIB,
    }));
}

/* What it may still touch, when its balloon is where it should be, is there. */
static void assert_backed(void)
{
    if (domain()->entries > domain()->cache)
        fail_msg("it may touch %" PRIu64 " pages more, and there are %" PRIu64, domain()->entries,
                 domain()->cache);
}

static void load_driver(enum fake_driver driver)
{
    domain()->driver = driver;
    scene_pass(2 * STEP);
    assert_backed();
}

static void assert_rests(const struct vm *vm)
{
    fake_xen.log[0] = '\0';
    scene_pass(60 * SECOND);
    assert_string_equal(fake_xen.log, "");
    assert_null(strstr(scene.alerts, "stuck"));
    assert_true(vm_has_arrived(vm));
    assert_false(vm->is_stuck);
}

/* Built, it has a MiB more than its target says; its driver leaves that. */
static void test_hvm_populate_offset_is_that_of_the_loaded_driver(void **state)
{
    struct vm *vm = begin_booting(8);

    (void)state;
    assert_int_equal(vm->target_kib, 524288 - 8192 - 1024);
    scene_pass(2 * SECOND);
    assert_int_equal(vm->tot_offset_kib, 1024 + BESIDE_KIB);
    assert_true(vm_has_arrived(vm));
    load_driver(DRIVER_WINDOWS);
    scene_pass(2 * SECOND);
    assert_int_equal(vm->tot_offset_kib, BESIDE_KIB);
    assert_rests(vm);
}

/* The cache is full as the guest is: what comes is populated by the driver, as ever. */
static void check_growth(uint64_t videoram_mib, enum fake_driver driver, const char *calls)
{
    struct vm *vm = begin_booting(videoram_mib);
    uint64_t beside = videoram_mib > 0 ? BESIDE_KIB : FAKE_XEN_SPECIAL_KIB;

    load_driver(driver);
    scene_pass(3 * SECOND);
    scene_ask(vm, 600 * MIB);
    assert_string_equal(scene_calls(), calls);
    scene_pass(2 * STEP);
    assert_backed();
    assert_true(domain()->entries > 0);
    assert_int_equal(domain()->info.tot_pages * 4, 614400 + domain()->videoram_kib + beside);
    assert_rests(vm);
}

static void test_hvm_populate_growth_arrives_and_rests(void **state)
{
    (void)state;
    check_growth(16, DRIVER_WINDOWS,
                 "maxmem 7 631980\nclaim 7 157739\npod 7 157952\ntarget 7 614400\n");
}

static void test_hvm_populate_growth_of_pvh_arrives_and_rests(void **state)
{
    (void)state;
    check_growth(0, DRIVER_LINUX,
                 "maxmem 7 615488\nclaim 7 153616\npod 7 153856\ntarget 7 614400\n");
}

/* Nothing is taken out of the cache from outside: that would be what the guest may touch. */
static void test_hvm_populate_shrink_leaves_the_cache_to_the_driver(void **state)
{
    struct vm *vm = begin_booting(16);
    uint64_t tot;

    (void)state;
    load_driver(DRIVER_WINDOWS);
    scene_pass(100 * SECOND);
    tot = domain()->info.tot_pages;
    scene_ask(vm, vm->target_kib - 32 * MIB);
    assert_string_equal(scene_calls(), "pod 7 122880\ntarget 7 474112\n");
    assert_int_equal(domain()->info.tot_pages, tot);
    scene_pass(2 * STEP);
    assert_backed();
    assert_int_equal(domain()->info.tot_pages * 4, 474112 + 16384 + BESIDE_KIB);
    assert_rests(vm);
}

/* ---- before the driver is loaded ---- */

static struct vm *begin_raised(uint64_t videoram_mib)
{
    scene.is_silent = true;
    scene.policy.kind = POLICY_DEMAND;
    scene.policy.start_kib = 700 * MIB;
    return begin_booting(videoram_mib);
}

/* Raised to its start size while it boots, it has the memory at once. */
static void test_hvm_populate_start_fills_the_cache(void **state)
{
    struct vm *vm = begin_raised(16);

    (void)state;
    assert_string_equal(scene_calls(),
                        "maxmem 7 734272\nclaim 7 183312\npod 7 183552\ntarget 7 716800\n");
    assert_int_equal(vm->target_kib, 700 * MIB);
    assert_int_equal(domain()->info.tot_pages, 183552);
    assert_int_equal(domain()->info.outstanding_pages, 0);
}

/* However its driver counts video memory, and whatever it has beside: there is enough. */
static void test_hvm_populate_start_is_backed_when_the_driver_comes(void **state)
{
    static const struct {
        uint64_t videoram_mib;
        enum fake_driver driver;
    } rows[] = {{8, DRIVER_WINDOWS},
                {8, DRIVER_LINUX},
                {16, DRIVER_WINDOWS},
                {16, DRIVER_LINUX},
                {0, DRIVER_LINUX}};

    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        (void)begin_raised(rows[i].videoram_mib);
        scene_pass(SECOND);
        load_driver(rows[i].driver);
        (void)scene_end(state);
        (void)scene_begin(state);
    }
}

static void test_hvm_populate_start_arrives_with_the_driver(void **state)
{
    struct vm *vm = begin_raised(16);

    (void)state;
    scene_pass(SECOND);
    load_driver(DRIVER_WINDOWS);
    assert_rests(vm);
}

/* ---- refused ---- */

/*
 * Cap and claim go back. What is in the cache already stays until the driver is loaded: Xen takes
 * nothing out of it.
 */
static void check_refused(const char *call, const char *calls)
{
    struct vm *vm = begin_raised(16);
    uint64_t target = domain()->target_kib, cap = domain()->info.max_pages;

    fake_xen.fails = call;
    fake_xen.number = ENOMEM;
    assert_string_equal(scene_calls(), calls);
    assert_int_equal(domain()->info.max_pages, cap);
    assert_int_equal(domain()->info.outstanding_pages, 0);
    assert_int_equal(domain()->target_kib, target);
    assert_int_equal(vm->target_kib, target);
    scene_pass(SECOND);
    load_driver(DRIVER_WINDOWS);
    assert_int_equal(domain()->info.tot_pages * 4, target + 16384 + BESIDE_KIB);
}

static void test_hvm_populate_refused_is_taken_back(void **state)
{
    (void)state;
    check_refused("pod", "maxmem 7 734272\nclaim 7 183312\npod 7 183552 fails\nclaim 7 0\n"
                         "maxmem 7 525312\n");
}

static void test_hvm_populate_without_xenstore_is_taken_back(void **state)
{
    (void)state;
    check_refused("target", "maxmem 7 734272\nclaim 7 183312\npod 7 183552\n"
                            "target 7 716800 fails\nclaim 7 0\nmaxmem 7 525312\n");
}

int main(void)
{
#define HVM_TEST(test) cmocka_unit_test_setup_teardown(test, scene_begin, scene_end)
    const struct CMUnitTest tests[] = {
        HVM_TEST(test_hvm_populate_offset_is_that_of_the_loaded_driver),
        HVM_TEST(test_hvm_populate_growth_arrives_and_rests),
        HVM_TEST(test_hvm_populate_growth_of_pvh_arrives_and_rests),
        HVM_TEST(test_hvm_populate_shrink_leaves_the_cache_to_the_driver),
        HVM_TEST(test_hvm_populate_start_fills_the_cache),
        HVM_TEST(test_hvm_populate_start_is_backed_when_the_driver_comes),
        HVM_TEST(test_hvm_populate_start_arrives_with_the_driver),
        HVM_TEST(test_hvm_populate_refused_is_taken_back),
        HVM_TEST(test_hvm_populate_without_xenstore_is_taken_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
