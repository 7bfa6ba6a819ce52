/*
 * What pagemeter ship says it has shipped: a text of one form, from somebody who is not trusted;
 * and what pagemeterd lets go for it.
 */
#include "store_scene.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/ship_cursor.h"

#define TO "postgresql://h1@db/meter"
#define HEAD "pagemeter-ship 1 " TO "\n"
#define A "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"

static struct ship_cursor cursor;

static bool parses(const char *text)
{
    return ship_cursor_parse(text, strlen(text), &cursor);
}

static void test_ship_cursor_parse_takes_its_form(void **state)
{
    (void)state;
    assert_true(parses(HEAD A " 0\n" A " 9223372036854775807\n"));
    assert_string_equal(cursor.to, TO);
    assert_int_equal(cursor.count, 2);
    assert_int_equal(cursor.stores[0].tick, 0);
    assert_true(cursor.stores[1].tick == INT64_MAX);
    assert_true(parses(HEAD));
    assert_int_equal(cursor.count, 0);
}

static void test_ship_cursor_parse_refuses_all_else(void **state)
{
    static const char *const wrong[] = {
        "",
        "\n",
        "pagemeter-ship 1 " TO,
        "pagemeter-ship 2 " TO "\n",
        "pagemeter-ship 1 /a\n",
        "pagemeter-ship 1 postgresql://h1:x@db/meter\n",
        A " 1\n",
        HEAD "\n",
        HEAD A " 1",
        HEAD A " -1\n",
        HEAD A " 01\n",
        HEAD A " 1 \n",
        HEAD A "  1\n",
        HEAD A " \n",
        HEAD A "\n",
        HEAD A " 9223372036854775808\n",
        HEAD "AAAAAAAA-aaaa-4aaa-8aaa-aaaaaaaaaaaa 1\n",
        HEAD A "\t1\n",
        HEAD A " 1\r\n",
        HEAD HEAD,
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (parses(wrong[i]))
            fail_msg("'%s' is taken", wrong[i]);
}

static void test_ship_cursor_parse_has_a_most_of_stores(void **state)
{
    static char text[2 * SHIP_CURSOR_BYTES];
    size_t length = (size_t)sprintf(text, HEAD);

    (void)state;
    for (int i = 0; i < SHIP_CURSOR_STORES; i++)
        length += (size_t)sprintf(text + length, A " 1\n");
    assert_true(ship_cursor_parse(text, length, &cursor));
    length += (size_t)sprintf(text + length, A " 1\n");
    assert_false(ship_cursor_parse(text, length, &cursor));
}

static void test_ship_cursor_write_is_read_again(void **state)
{
    struct ship_cursor written = {.to = TO, .count = 2};
    struct error err;

    written.stores[0] = (struct ship_cursor_store){uuid_of(7), 3};
    written.stores[1] = (struct ship_cursor_store){uuid_of(8), INT64_MAX};
    for (int i = 0; i < 2; i++) /* also over one that is there */
        assert_ok(ship_cursor_write(*state, &written, &err));
    assert_ok(ship_cursor_read(*state, &cursor, &err));
    assert_string_equal(cursor.to, TO);
    assert_int_equal(cursor.count, 2);
    assert_uuid_equal(&cursor.stores[0].store, &written.stores[0].store);
    assert_int_equal(cursor.stores[0].tick, 3);
    assert_true(cursor.stores[1].tick == INT64_MAX);
    struct stat st;

    assert_int_equal(stat(scratch_path(state, "cursor").text, &st), 0);
    assert_int_equal(st.st_mode & 07, 0);
    assert_false(is_there(scratch_path(state, "cursor.part").text));
}

static void test_ship_cursor_write_where_nothing_can_be_written_says_so(void **state)
{
    struct ship_cursor written = {.to = TO};
    struct error err;

    assert_fails(ship_cursor_write(scratch_path(state, "absent").text, &written, &err), ERR_RETRY,
                 "can't write");
}

static void test_ship_cursor_read_takes_no_other_kind_of_file(void **state)
{
    struct scratch_path path = scratch_path(state, "cursor");
    struct scratch_path other = scratch_file(state, "other", HEAD);
    struct error err;

    assert_fails(ship_cursor_read(*state, &cursor, &err), ERR_SYSTEM, "No such file");
    assert_int_equal(symlink(other.text, path.text), 0);
    assert_fails(ship_cursor_read(*state, &cursor, &err), ERR_SYSTEM, "can't read");
    assert_int_equal(unlink(path.text), 0);
    assert_int_equal(mkfifo(path.text, 0600), 0); /* nobody writes: it must not be waited for */
    assert_fails(ship_cursor_read(*state, &cursor, &err), ERR_SYSTEM, "can't read");
    assert_int_equal(unlink(path.text), 0);
    assert_int_equal(mkdir(path.text, 0700), 0);
    assert_fails(ship_cursor_read(*state, &cursor, &err), ERR_SYSTEM, "can't read");
    assert_int_equal(rmdir(path.text), 0);
    assert_int_equal(link(other.text, path.text), 0);
    assert_ok(ship_cursor_read(*state, &cursor, &err));
}

static void test_ship_cursor_read_of_a_file_too_large_ends(void **state)
{
    struct scratch_path path = scratch_file(state, "cursor", HEAD);
    struct error err;

    assert_int_equal(truncate(path.text, INT64_C(1) << 40), 0); /* a hole */
    assert_fails(ship_cursor_read(*state, &cursor, &err), ERR_INPUT, "remove it");
}

/* ---- what it means for a store ---- */

static int64_t shipped(struct store *store)
{
    int64_t tick = -99;
    struct error err;

    assert_ok(store_shipped(store, &cursor, &tick, &err));
    return tick;
}

static void say(const struct uuid *store, int64_t tick)
{
    cursor.stores[cursor.count++] = (struct ship_cursor_store){*store, tick};
}

static void test_store_shipped_believes_no_more_than_there_is(void **state)
{
    struct store_scene *t = *state;
    struct uuid other = uuid_of(9);

    cursor = (struct ship_cursor){.to = TO};
    store_ticks(t, 1, 11, 1);
    assert_int_equal(shipped(t->store), -1);
    say(&other, 5);
    assert_int_equal(shipped(t->store), -1);
    say(store_id(t->store), 10);
    assert_int_equal(shipped(t->store), 10);
    cursor.stores[1].tick = 4;
    assert_int_equal(shipped(t->store), 4);
    cursor.stores[1].tick = 11;
    assert_int_equal(shipped(t->store), -1);
}

static void test_store_shipped_of_a_restored_store_goes_through_those_before(void **state)
{
    struct store_scene *t = *state;
    void *scratch = t->dir;
    struct scratch_path file = scratch_path(&scratch, "backup");
    struct scratch_path dir = scratch_path(&scratch, "restored");
    struct error err;

    store_ticks(t, 1, 11, 1);
    assert_ok(store_backup(t->store, file.text, &err));
    assert_ok(store_restore(file.text, dir.text, &err));
    struct uuid before = *store_id(t->store);

    store_close(t->store);
    t->store = store_opened(dir.text, STORE_WRITE);
    struct scene next;

    scene_load(&next, t->store);
    scene_end(&t->s);
    t->s = next;
    store_ticks(t, 11, 21, 1);
    struct uuid own = *store_id(t->store);

    cursor = (struct ship_cursor){.to = TO};
    say(&own, 20); /* but of what lies before it nothing is said */
    assert_int_equal(shipped(t->store), -1);
    say(&before, 9);
    assert_int_equal(shipped(t->store), 9);
    cursor.stores[1].tick = 10;
    assert_int_equal(shipped(t->store), 20);
    cursor.stores[1].tick = 1000; /* PostgreSQL has more of it than came along */
    assert_int_equal(shipped(t->store), 20);
    cursor.stores[0].tick = 12;
    assert_int_equal(shipped(t->store), 12);
    cursor.stores[0].tick = 21;
    assert_int_equal(shipped(t->store), 10);
    cursor.stores[0].tick = 3; /* less than where it begins */
    assert_int_equal(shipped(t->store), 10);
}

static unsigned prune(struct store_scene *t, int64_t tick)
{
    unsigned pruned = 99;
    struct error err;

    store_limit_pruning(t->store, tick);
    assert_ok(store_prune(t->store, START_HOUR + 10, 100, &pruned, &err));
    return pruned;
}

static void test_prune_goes_no_further_than_what_was_shipped(void **state)
{
    struct store_scene *t = *state;

    scene_put(&t->s, running(1, 4));
    for (uint64_t hour = 0; hour < 4; hour++)
        store_ticks(t, 3600 * hour + 1, 3600 * hour + 5, 1);
    assert_int_equal(prune(t, -1), 0);
    /* all ticks of the first hour are shipped, but not the ends that its cut recorded */
    assert_int_equal(prune(t, 3600), 0);
    assert_int_equal(prune(t, 3601), 1);
    assert_int_equal(prune(t, 7200), 0);
    assert_int_equal(prune(t, INT64_MAX), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ship_cursor_parse_takes_its_form),
        cmocka_unit_test(test_ship_cursor_parse_refuses_all_else),
        cmocka_unit_test(test_ship_cursor_parse_has_a_most_of_stores),
        scratch_test(test_ship_cursor_write_is_read_again),
        scratch_test(test_ship_cursor_write_where_nothing_can_be_written_says_so),
        scratch_test(test_ship_cursor_read_takes_no_other_kind_of_file),
        scratch_test(test_ship_cursor_read_of_a_file_too_large_ends),
        store_test(test_store_shipped_believes_no_more_than_there_is),
        store_test(test_store_shipped_of_a_restored_store_goes_through_those_before),
        store_test(test_prune_goes_no_further_than_what_was_shipped),
    };

    return cmocka_run_group_tests_name("ship_cursor", tests, NULL, NULL);
}
