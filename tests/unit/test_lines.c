#include "scratch.h"

#include <sys/socket.h>
#include <unistd.h>

#include "common/lines.h"

/* A struct lines has a buffer too large for a stack. */
static struct lines lines;

static int pipe_with(const char *text, size_t length)
{
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], text, length), (ssize_t)length);
    assert_int_equal(close(ends[1]), 0);
    return ends[0];
}

static void begin(const char *text)
{
    lines_init(&lines, pipe_with(text, strlen(text)));
}

static void end(void)
{
    assert_int_equal(close(lines.fd), 0);
}

static void assert_line(const char *expected)
{
    struct error err;
    const char *line;
    size_t length;

    assert_int_equal(lines_next(&lines, &line, &length, &err), LINES_LINE);
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(line, expected, length);
}

static void assert_end(size_t cut_off)
{
    struct error err;
    const char *line;
    size_t length;

    assert_int_equal(lines_next(&lines, &line, &length, &err), LINES_END);
    assert_int_equal(length, cut_off);
}

/* A file with one line of so many characters, and its newline. */
static void begin_long(void **state, size_t length)
{
    struct scratch_path path = scratch_path(state, "long");
    FILE *file = fopen(path.text, "w+");

    assert_non_null(file);
    for (size_t i = 0; i < length; i++)
        (void)fputc('x', file);
    (void)fputs("\nnext\n", file);
    assert_int_equal(fflush(file), 0);
    int fd = dup(fileno(file));

    assert_int_equal(fclose(file), 0);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    lines_init(&lines, fd);
}

static void test_lines_empty_input_ends(void **state)
{
    (void)state;
    begin("");
    assert_end(0);
    end();
}

static void test_lines_come_one_after_the_other(void **state)
{
    (void)state;
    begin("one\ntwo\n");
    assert_line("one");
    assert_line("two");
    assert_end(0);
    end();
}

static void test_lines_empty_line_is_a_line(void **state)
{
    (void)state;
    begin("\n\nx\n");
    assert_line("");
    assert_line("");
    assert_line("x");
    end();
}

static void test_lines_text_behind_last_newline_is_no_line(void **state)
{
    (void)state;
    begin("one\ntw");
    assert_line("one");
    assert_end(2);
    end();
}

static void test_lines_end_stays_the_end(void **state)
{
    (void)state;
    begin("tw");
    assert_end(2);
    assert_end(2);
    end();
}

static void test_lines_nul_is_a_character(void **state)
{
    struct error err;
    const char *line;
    size_t length;

    (void)state;
    lines_init(&lines, pipe_with("a\0b\n", 4));
    assert_int_equal(lines_next(&lines, &line, &length, &err), LINES_LINE);
    assert_int_equal(length, 3);
    assert_memory_equal(line, "a\0b", 3);
    end();
}

static void test_lines_in_pieces_are_put_together(void **state)
{
    int ends[2];
    struct error err;
    const char *line;
    size_t length;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    assert_int_equal(write(ends[1], "on", 2), 2);
    assert_int_equal(write(ends[1], "e\ntw", 4), 4);
    assert_int_equal(write(ends[1], "o\n", 2), 2);
    lines_init(&lines, ends[0]);
    assert_line("one");
    assert_line("two");
    assert_int_equal(close(ends[1]), 0);
    assert_int_equal(lines_next(&lines, &line, &length, &err), LINES_END);
    end();
}

static void test_lines_as_long_as_the_buffer_with_newline_taken(void **state)
{
    struct error err;
    const char *line;
    size_t length;

    begin_long(state, LINES_BUFFER - 1);
    assert_int_equal(lines_next(&lines, &line, &length, &err), LINES_LINE);
    assert_int_equal(length, LINES_BUFFER - 1);
    assert_line("next");
    end();
}

static void test_lines_longer_than_the_buffer_refused(void **state)
{
    struct error err;
    const char *line;
    size_t length;

    begin_long(state, LINES_BUFFER);
    assert_int_equal(lines_next(&lines, &line, &length, &err), LINES_FAILED);
    assert_error(&err, ERR_INPUT, "a line longer than");
    end();
}

static void test_lines_more_than_a_buffer_of_them_all_come(void **state)
{
    struct scratch_path path = scratch_path(state, "many");
    FILE *file = fopen(path.text, "w+");
    enum { COUNT = 100000 };
    struct error err;
    const char *line;
    size_t length;

    assert_non_null(file);
    for (int i = 0; i < COUNT; i++)
        (void)fprintf(file, "%d\n", i);
    assert_int_equal(fseek(file, 0, SEEK_SET), 0);
    lines_init(&lines, fileno(file));
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(lines_next(&lines, &line, &length, &err), LINES_LINE);
        assert_int_equal(strtol(line, NULL, 10), i);
    }
    assert_end(0);
    assert_int_equal(fclose(file), 0);
}

static void test_lines_unreadable_input_fails(void **state)
{
    struct error err;
    const char *line;
    size_t length;

    (void)state;
    lines_init(&lines, -1);
    assert_int_equal(lines_next(&lines, &line, &length, &err), LINES_FAILED);
    assert_error(&err, ERR_SYSTEM, "can't read");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_empty_input_ends),
        cmocka_unit_test(test_lines_come_one_after_the_other),
        cmocka_unit_test(test_lines_empty_line_is_a_line),
        cmocka_unit_test(test_lines_text_behind_last_newline_is_no_line),
        cmocka_unit_test(test_lines_end_stays_the_end),
        cmocka_unit_test(test_lines_nul_is_a_character),
        cmocka_unit_test(test_lines_in_pieces_are_put_together),
        scratch_test(test_lines_as_long_as_the_buffer_with_newline_taken),
        scratch_test(test_lines_longer_than_the_buffer_refused),
        scratch_test(test_lines_more_than_a_buffer_of_them_all_come),
        cmocka_unit_test(test_lines_unreadable_input_fails),
    };

    return cmocka_run_group_tests_name("lines", tests, NULL, NULL);
}
