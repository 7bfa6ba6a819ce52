#include "check.h"

#define TEXT "01234567-89ab-cdef-0123-456789abcdef"

static const struct uuid some = {{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45,
                                  0x67, 0x89, 0xab, 0xcd, 0xef}};

static bool matches(const char *patterns)
{
    return uuid_is_in_patterns(&some, patterns);
}

static void test_uuid_parse_canonical_gives_bytes(void **state)
{
    struct uuid uuid;

    (void)state;
    assert_true(uuid_parse(TEXT, UUID_TEXT_LENGTH, &uuid));
    assert_memory_equal(uuid.bytes, some.bytes, sizeof some.bytes);
}

static void test_uuid_format_is_parse_backwards(void **state)
{
    char text[UUID_TEXT_MAX];

    (void)state;
    assert_string_equal(uuid_format(&some, text), TEXT);
}

static void test_uuid_parse_wrong_length_refused(void **state)
{
    struct uuid uuid;

    (void)state;
    assert_false(uuid_parse(TEXT, UUID_TEXT_LENGTH - 1, &uuid));
    assert_false(uuid_parse(TEXT "0", UUID_TEXT_LENGTH + 1, &uuid));
    assert_false(uuid_parse("", 0, &uuid));
}

static void test_uuid_parse_upper_case_refused(void **state)
{
    struct uuid uuid;

    (void)state;
    assert_false(uuid_parse("01234567-89AB-cdef-0123-456789abcdef", UUID_TEXT_LENGTH, &uuid));
}

static void test_uuid_parse_other_character_refused_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < UUID_TEXT_LENGTH; i++) {
        char text[] = TEXT;
        struct uuid uuid = uuid_of(7);

        text[i] = text[i] == '-' ? '0' : 'g';
        assert_false(uuid_parse(text, UUID_TEXT_LENGTH, &uuid));
        assert_int_equal(uuid.bytes[0], 7);
    }
}

static void test_uuid_order_of_text_is_order_of_bytes(void **state)
{
    struct uuid low = uuid_of(0x9f);
    struct uuid high = uuid_of(0xa0);
    char a[UUID_TEXT_MAX];
    char b[UUID_TEXT_MAX];

    (void)state;
    assert_true(strcmp(uuid_format(&low, a), uuid_format(&high, b)) < 0);
}

static void test_uuid_is_equal_looks_at_every_byte(void **state)
{
    (void)state;
    assert_true(uuid_is_equal(&some, &some));
    for (size_t i = 0; i < sizeof some.bytes; i++) {
        struct uuid other = some;

        other.bytes[i] ^= 1;
        assert_false(uuid_is_equal(&some, &other));
    }
}

static void test_uuid_random_is_version_4_and_new(void **state)
{
    struct error err;
    struct uuid a;
    struct uuid b;

    (void)state;
    assert_ok(uuid_random(&a, &err));
    assert_ok(uuid_random(&b, &err));
    assert_false(uuid_is_equal(&a, &b));
    assert_int_equal(a.bytes[6] & 0xf0, 0x40);
    assert_int_equal(a.bytes[8] & 0xc0, 0x80);
}

static void test_patterns_none_match_nothing(void **state)
{
    (void)state;
    assert_false(matches(""));
    assert_false(matches("   "));
}

static void test_patterns_whole_uuid_matches_itself_only(void **state)
{
    (void)state;
    assert_true(matches(TEXT));
    assert_false(matches("01234567-89ab-cdef-0123-456789abcdee"));
}

static void test_patterns_prefix_matches_beginning_only(void **state)
{
    (void)state;
    assert_true(matches("01234567-89ab-*"));
    assert_false(matches("01234567-89ac-*"));
    assert_false(matches("1234567-89ab-*"));
}

static void test_patterns_suffix_matches_end_only(void **state)
{
    (void)state;
    assert_true(matches("*-456789abcdef"));
    assert_false(matches("*-456789abcdee"));
    assert_false(matches("*-0123-456789abcde"));
}

static void test_patterns_one_of_several_is_enough(void **state)
{
    (void)state;
    assert_true(matches("ffffffff-* *-456789abcdef"));
    assert_true(matches(" 01234567-89ab-*  ffffffff-* "));
    assert_false(matches("ffffffff-* *-ffffffffffff"));
}

static void test_check_patterns_good_ones_pass(void **state)
{
    struct error err;

    (void)state;
    assert_ok(uuid_check_patterns("", &err));
    assert_ok(uuid_check_patterns(TEXT, &err));
    assert_ok(uuid_check_patterns("deadbeef-dead-beef-* *-000000000000  *-000000000001", &err));
}

static void test_check_patterns_eight_characters_are_enough(void **state)
{
    struct error err;

    (void)state;
    assert_ok(uuid_check_patterns("01234567*", &err));
    assert_ok(uuid_check_patterns("*89abcdef", &err));
}

static void test_check_patterns_seven_characters_refused(void **state)
{
    struct error err;

    (void)state;
    assert_fails(uuid_check_patterns("0123456*", &err), ERR_USAGE, "'0123456*'");
    assert_fails(uuid_check_patterns("*9abcdef", &err), ERR_USAGE, "at least 8 characters");
}

static void test_check_patterns_star_alone_refused(void **state)
{
    struct error err;

    (void)state;
    assert_fails(uuid_check_patterns("*", &err), ERR_USAGE, "'*' is not a uuid pattern");
    assert_fails(uuid_check_patterns("**", &err), ERR_USAGE, "pattern");
}

static void test_check_patterns_malformed_refused(void **state)
{
    static const char *const patterns[] = {"0123456789",
                                           "DEADBEEF-*",
                                           "0123*4567",
                                           "*01234567*",
                                           "01234567-89ab-cdef-0123-456789abcde",
                                           TEXT "*",
                                           "*" TEXT,
                                           TEXT "0",
                                           "01234567*\t89abcdef*"};
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        assert_fails(uuid_check_patterns(patterns[i], &err), ERR_USAGE, "is not a uuid pattern");
}

static void test_check_patterns_names_the_wrong_one(void **state)
{
    struct error err;

    (void)state;
    assert_fails(uuid_check_patterns("01234567* nonsense 89abcdef*", &err), ERR_USAGE,
                 "'nonsense'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uuid_parse_canonical_gives_bytes),
        cmocka_unit_test(test_uuid_format_is_parse_backwards),
        cmocka_unit_test(test_uuid_parse_wrong_length_refused),
        cmocka_unit_test(test_uuid_parse_upper_case_refused),
        cmocka_unit_test(test_uuid_parse_other_character_refused_anywhere),
        cmocka_unit_test(test_uuid_order_of_text_is_order_of_bytes),
        cmocka_unit_test(test_uuid_is_equal_looks_at_every_byte),
        cmocka_unit_test(test_uuid_random_is_version_4_and_new),
        cmocka_unit_test(test_patterns_none_match_nothing),
        cmocka_unit_test(test_patterns_whole_uuid_matches_itself_only),
        cmocka_unit_test(test_patterns_prefix_matches_beginning_only),
        cmocka_unit_test(test_patterns_suffix_matches_end_only),
        cmocka_unit_test(test_patterns_one_of_several_is_enough),
        cmocka_unit_test(test_check_patterns_good_ones_pass),
        cmocka_unit_test(test_check_patterns_eight_characters_are_enough),
        cmocka_unit_test(test_check_patterns_seven_characters_refused),
        cmocka_unit_test(test_check_patterns_star_alone_refused),
        cmocka_unit_test(test_check_patterns_malformed_refused),
        cmocka_unit_test(test_check_patterns_names_the_wrong_one),
    };

    return cmocka_run_group_tests_name("uuid", tests, NULL, NULL);
}
