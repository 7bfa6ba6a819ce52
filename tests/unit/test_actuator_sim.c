/* sim_world.h: the made-up host keeps the contract that the real one keeps. */
#include "actuator_contract.h"
#include "balloon/sim_world.h"

#define MIB UINT64_C(1024)

static struct sim_world world;

static void advance(void *context, int64_t ns)
{
    int64_t end_ns = world.now_ns + ns;

    (void)context;
    while (world.now_ns < end_ns) {
        int64_t next_ns = sim_world_next_ns(&world);

        sim_world_pass(&world, next_ns < end_ns ? next_ns : end_ns);
    }
}

static void keep_contract(bool is_pvh)
{
    const struct sim_birth_form form = {.model = MODEL_IDEAL,
                                        .tot_kib = 256 * MIB,
                                        .static_max_kib = 512 * MIB,
                                        .is_pvh = is_pvh};
    struct error err;

    assert_ok(sim_world_init(&world, 2, &err));
    sim_world_reset(&world, 2048 * MIB, 512 * MIB, 512 * MIB);
    size_t guest = sim_world_add(&world, &form, true);
    struct actuator_kind kind = {.name = "sim",
                                 .actuator = &world.actuator,
                                 .advance = advance,
                                 .domid = world.guests[guest].domain.domid,
                                 .low_kib = 256 * MIB,
                                 .high_kib = 288 * MIB,
                                 .sets_caps = true,
                                 .sets_targets = true,
                                 .replaces_claims = true};

    contract_of(&kind);
    sim_world_clear(&world);
}

static void test_actuator_sim_pv_keeps_the_contract(void **state)
{
    (void)state;
    keep_contract(false);
}

static void test_actuator_sim_pvh_keeps_the_contract(void **state)
{
    (void)state;
    keep_contract(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_actuator_sim_pv_keeps_the_contract),
        cmocka_unit_test(test_actuator_sim_pvh_keeps_the_contract),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
