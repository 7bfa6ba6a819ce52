/*
 * source_contract.c - the contract of sources against one kind: source_contract xen, or
 * replay:FILE, or sim:FILE. The lab runs it in a dom0.
 */
#include "source_contract.h"

static struct source_kind kind;

static bool open_xen(struct source **out, const char *file, const struct source_config *config,
                     struct error *err)
{
    (void)file;
    return source_open_xen(out, config, err);
}

static void test_source_head_comes_first_and_once(void **state)
{
    (void)state;
    contract_head_comes_first_and_once(&kind);
}

static void test_source_ticks_go_forward_and_are_sane(void **state)
{
    (void)state;
    contract_ticks_go_forward_and_are_sane(&kind);
}

static void test_source_samples_are_valid_until_the_next(void **state)
{
    (void)state;
    contract_samples_are_valid_until_the_next(&kind);
}

static void test_source_closes_after_any_number_of_records(void **state)
{
    (void)state;
    contract_closes_after_any_number_of_records(&kind);
}

static void test_source_ends_when_told(void **state)
{
    (void)state;
    contract_ends_when_told(&kind);
}

static bool parse_kind(const char *text)
{
    if (strcmp(text, "xen") == 0)
        kind = (struct source_kind){"xen", "", open_xen, true, false, 20};
    else if (strncmp(text, "replay:", 7) == 0)
        kind = (struct source_kind){"replay", text + 7, source_open_replay, false, true, 100000};
    else if (strncmp(text, "sim:", 4) == 0)
        kind = (struct source_kind){"sim", text + 4, source_open_sim, false, false, 100000};
    else
        return false;
    return true;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_source_head_comes_first_and_once),
        cmocka_unit_test(test_source_ticks_go_forward_and_are_sane),
        cmocka_unit_test(test_source_samples_are_valid_until_the_next),
        cmocka_unit_test(test_source_closes_after_any_number_of_records),
        cmocka_unit_test(test_source_ends_when_told),
    };

    if (argc != 2 || !parse_kind(argv[1])) {
        (void)fprintf(stderr, "Usage: source_contract xen|replay:FILE|sim:FILE\n");
        return 2;
    }
    return cmocka_run_group_tests_name(argv[1], tests, NULL, NULL);
}
