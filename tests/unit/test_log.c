#include "scratch.h"

#include <unistd.h>

#include "common/log.h"

enum { LINES_KEPT = 128 };

/* What log_flush writes to standard error. */
static char *flushed(void **state)
{
    struct scratch_path path = scratch_path(state, "stderr");
    int kept = dup(STDERR_FILENO);
    static char text[1 << 18];

    assert_non_null(freopen(path.text, "w", stderr));
    log_flush();
    (void)fflush(stderr);
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    assert_int_equal(close(kept), 0);
    FILE *file = fopen(path.text, "r");

    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    assert_int_equal(fclose(file), 0);
    return text;
}

static size_t count_lines(const char *text)
{
    size_t count = 0;

    for (; *text != '\0'; text++)
        count += *text == '\n';
    return count;
}

static void test_log_nothing_queued_writes_nothing(void **state)
{
    assert_string_equal(flushed(state), "");
}

static void test_log_events_come_out_in_order_once(void **state)
{
    (void)unsetenv("JOURNAL_STREAM");
    log_event(LOG_LEVEL_NOTICE, "metering. domains=%d", 3);
    log_event(LOG_LEVEL_WARNING, "a tick is missing.");
    assert_string_equal(flushed(state), "test_log: metering. domains=3\n"
                                        "test_log: a tick is missing.\n");
    assert_string_equal(flushed(state), "");
}

static void test_log_for_the_journal_begins_with_the_priority(void **state)
{
    (void)setenv("JOURNAL_STREAM", "8:1", 1);
    log_event(LOG_LEVEL_ERROR, "the disk is full");
    log_event(LOG_LEVEL_INFO, "fine");
    assert_string_equal(flushed(state), "<3>the disk is full\n<6>fine\n");
    (void)unsetenv("JOURNAL_STREAM");
}

static void test_log_as_many_as_fit_are_all_written(void **state)
{
    for (int i = 0; i < LINES_KEPT; i++)
        log_event(LOG_LEVEL_INFO, "line %d", i);
    const char *text = flushed(state);

    assert_int_equal(count_lines(text), LINES_KEPT);
    assert_text_has(text, "line 0\n");
    assert_text_has(text, "line 127\n");
    assert_null(strstr(text, "lost"));
}

static void test_log_beyond_the_bound_counts_what_is_lost(void **state)
{
    for (int i = 0; i < LINES_KEPT + 5; i++)
        log_event(LOG_LEVEL_INFO, "line %d", i);
    const char *text = flushed(state);

    assert_int_equal(count_lines(text), LINES_KEPT + 1);
    assert_text_has(text, "log lines lost: too many at once. lines=5\n");
    assert_null(strstr(text, "line 128\n"));
}

static void test_log_after_a_loss_has_room_again(void **state)
{
    for (int i = 0; i < LINES_KEPT + 1; i++)
        log_event(LOG_LEVEL_INFO, "line");
    (void)flushed(state);
    log_event(LOG_LEVEL_INFO, "next");
    assert_string_equal(flushed(state), "test_log: next\n");
}

static void test_log_long_line_is_cut_and_stays_one_line(void **state)
{
    char text[4096];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    log_event(LOG_LEVEL_INFO, "%s", text);
    const char *written = flushed(state);

    assert_int_equal(count_lines(written), 1);
    assert_true(strlen(written) < 700);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_log_nothing_queued_writes_nothing),
        scratch_test(test_log_events_come_out_in_order_once),
        scratch_test(test_log_for_the_journal_begins_with_the_priority),
        scratch_test(test_log_as_many_as_fit_are_all_written),
        scratch_test(test_log_beyond_the_bound_counts_what_is_lost),
        scratch_test(test_log_after_a_loss_has_room_again),
        scratch_test(test_log_long_line_is_cut_and_stays_one_line),
    };

    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
