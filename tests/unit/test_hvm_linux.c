/*
 * Linux since 4.14 as HVM guest: its driver has its balloon at static-max - target, so that video
 * memory is part of the target, and tot = target + what is beside, not target + videoram + that.
 */
#include "hvm_scene.h"

static struct vm *begin_linux(uint64_t memory_mib, uint64_t videoram_mib, uint64_t extra_kib)
{
    struct vm *vm = scene_meet(fake_xen_add(&(struct fake_xen_build){.domid = 7,
                                                                     .is_hvm = true,
                                                                     .memory_mib = memory_mib,
                                                                     .maxmem_mib = 1024,
                                                                     .videoram_mib = videoram_mib,
                                                                     .extra_kib = extra_kib,
                                                                     .driver = DRIVER_LINUX}));
    return vm;
}

static void assert_rests(const struct vm *vm)
{
    fake_xen.log[0] = '\0';
    scene_pass(300 * SECOND);
    assert_string_equal(scene.alerts, "");
    assert_string_equal(fake_xen.log, "");
    assert_true(vm_has_arrived(vm));
}

/* F1: it is woken, called stuck, and loses its video memory's size of target at each time. */
static void test_hvm_linux_with_video_memory_is_at_rest(void **state)
{
    struct vm *vm = begin_linux(1024, 16, 300);

    (void)state;
    assert_rests(vm);
    assert_int_equal(vm->tot_offset_kib, -16384 + 172);
}

static void test_hvm_linux_growth_arrives_and_rests(void **state)
{
    struct vm *vm = begin_linux(512, 8, 300);

    (void)state;
    scene_pass(3 * SECOND);
    scene_ask(vm, 600 * MIB);
    scene_pass(SECOND);
    assert_rests(vm);
}

/* F2: target - current is the video memory and more, is not learned, and need is too low by it. */
static void test_hvm_linux_that_is_short_grows(void **state)
{
    static const char text[] =
        "v=1 seq=1 up=1 cur=%" PRIu64 " tot=%" PRIu64 " free=0 avail=1024"
        " cached=0 swtot=0 swfree=0 commit=0 swin=0 swout=0 refault=0 majfault=0"
        " oom=0 psome=0 pfull=0 flags=bp";
    char record[FIGURES_TEXT_MAX];
    struct vm *vm;

    (void)state;
    scene.policy.kind = POLICY_DEMAND;
    vm = begin_linux(512, 16, 300);
    scene_pass(1 * SECOND + STEP); /* at rest, and no waking yet */
    uint64_t cur = scene_current_kib(fake_xen_find(7));
    int length = snprintf(record, sizeof record, text, cur, cur);

    engine_record(&scene.engine, 7, record, (size_t)length, fake_xen.now_ns);
    assert_text_has(scene_calls(), "target 7"); /* 1 MiB available, of a headroom of 24 */
    assert_true(vm->target_kib > 512 * MIB);
}

int main(void)
{
#define HVM_TEST(test) cmocka_unit_test_setup_teardown(test, scene_begin, scene_end)
    const struct CMUnitTest tests[] = {
        HVM_TEST(test_hvm_linux_with_video_memory_is_at_rest),
        HVM_TEST(test_hvm_linux_growth_arrives_and_rests),
        HVM_TEST(test_hvm_linux_that_is_short_grows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
