#include "scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "billing/chain.h"

#define FIELD(text)                                                                                \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char key_text[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/* The bytes 0 to 31. */
static struct chain_key test_key(void)
{
    struct chain_key key;

    for (size_t i = 0; i < sizeof key.bytes; i++)
        key.bytes[i] = (uint8_t)i;
    return key;
}

static struct chain_hash next(const struct chain_hash *before, const struct chain_field *fields,
                              size_t count)
{
    struct chain_key key = test_key();
    struct chain_hash out;

    chain_next(&key, before, fields, count, &out);
    return out;
}

static void assert_hash(const struct chain_hash *hash, const char *expected)
{
    char text[CHAIN_TEXT_MAX];

    assert_string_equal(chain_format(hash, text), expected);
}

static void assert_other(const struct chain_hash *a, const struct chain_hash *b)
{
    assert_memory_not_equal(a->bytes, b->bytes, sizeof a->bytes);
}

/* ---- hashes ---- */

/*
 * The same in Python, which tests/billing/oracle.py does with random rows:
 *
 *     key, hash = bytes(range(32)), bytes(32)
 *     for fields in [[b"1", b"post", b"-12.34", b""], [b"2", b"", b"seal \0 x"], []]:
 *         row = b"".join(len(f).to_bytes(8, "big") + f for f in fields)
 *         hash = hmac.new(key, hash + row, hashlib.sha256).digest()
 *         print(hash.hex())
 */
static void test_chain_of_three_rows_is_pythons(void **state)
{
    const struct chain_field first[] = {FIELD("1"), FIELD("post"), FIELD("-12.34"), FIELD("")};
    const struct chain_field second[] = {FIELD("2"), FIELD(""), FIELD("seal \0 x")};
    struct chain_hash hash = {0};

    (void)state;
    hash = next(&hash, first, COUNT(first));
    assert_hash(&hash, "3e1e74dcb25c030cf0321a3ae08a8bdb0d8afa4d8c6950bc63215d32c853e7c3");
    hash = next(&hash, second, COUNT(second));
    assert_hash(&hash, "ee56e36399878eff958630931ce581455f054fadb0fdca0c09a42b6cab47fc8f");
    hash = next(&hash, NULL, 0);
    assert_hash(&hash, "6531a7e6c7df322ab8547ddba331b96e34cc522f60b686ea76ebb328c3af2154");
}

static void test_chain_next_may_overwrite_the_hash_before(void **state)
{
    const struct chain_field fields[] = {FIELD("a")};
    struct chain_key key = test_key();
    struct chain_hash hash = {{1}};
    struct chain_hash expected = next(&hash, fields, 1);

    (void)state;
    chain_next(&key, &hash, fields, 1, &hash);
    assert_memory_equal(hash.bytes, expected.bytes, sizeof hash.bytes);
}

static void test_chain_bytes_that_move_between_fields_change_the_hash(void **state)
{
    static const struct chain_field rows[][3] = {
        {FIELD("ab"), FIELD("c"), FIELD("")}, {FIELD("a"), FIELD("bc"), FIELD("")},
        {FIELD(""), FIELD("abc"), FIELD("")}, {FIELD("abc"), FIELD(""), FIELD("")},
        {FIELD(""), FIELD(""), FIELD("abc")}, {FIELD("a"), FIELD("b"), FIELD("c")},
        {FIELD("c"), FIELD("b"), FIELD("a")},
    };
    const struct chain_hash zero = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct chain_hash one = next(&zero, rows[i], 3);

        for (size_t j = i + 1; j < COUNT(rows); j++) {
            struct chain_hash other = next(&zero, rows[j], 3);

            assert_other(&one, &other);
        }
    }
}

/* A field that looks like a length and a field is still one field. */
static void test_chain_field_that_holds_a_length_changes_the_hash(void **state)
{
    const struct chain_field two[] = {FIELD("a"), FIELD("b")};
    const struct chain_field one[] = {FIELD("a\0\0\0\0\0\0\0\1b")};
    const struct chain_field none[] = {FIELD("a"), FIELD("b"), FIELD("")};
    const struct chain_hash zero = {0};
    struct chain_hash of_two = next(&zero, two, 2);
    struct chain_hash of_one = next(&zero, one, 1);
    struct chain_hash of_three = next(&zero, none, 3);

    (void)state;
    assert_other(&of_two, &of_one);
    assert_other(&of_two, &of_three);
}

static void test_chain_any_bit_of_key_before_and_field_changes_the_hash(void **state)
{
    char text[] = "posting";
    struct chain_field field = {text, sizeof text - 1};
    struct chain_key key = test_key();
    struct chain_hash before = {{0}};
    struct chain_hash original;
    struct chain_hash changed;

    (void)state;
    chain_next(&key, &before, &field, 1, &original);
    for (size_t bit = 0; bit < 8 * sizeof key.bytes; bit++) {
        uint8_t mask = (uint8_t)(1 << bit % 8);

        key.bytes[bit / 8] ^= mask;
        chain_next(&key, &before, &field, 1, &changed);
        key.bytes[bit / 8] ^= mask;
        assert_other(&original, &changed);
        before.bytes[bit / 8] ^= mask;
        chain_next(&key, &before, &field, 1, &changed);
        before.bytes[bit / 8] ^= mask;
        assert_other(&original, &changed);
        text[bit / 8 % field.length] ^= (char)mask;
        chain_next(&key, &before, &field, 1, &changed);
        text[bit / 8 % field.length] ^= (char)mask;
        assert_other(&original, &changed);
    }
    chain_next(&key, &before, &field, 1, &changed);
    assert_memory_equal(original.bytes, changed.bytes, sizeof original.bytes);
}

static void test_chain_format_is_read_back(void **state)
{
    struct chain_hash hash = {0};
    struct chain_hash again;
    char text[CHAIN_TEXT_MAX];

    (void)state;
    for (int i = 0; i < 100; i++) {
        hash = next(&hash, NULL, 0);
        assert_int_equal(strlen(chain_format(&hash, text)), CHAIN_TEXT_MAX - 1);
        assert_true(chain_parse(text, strlen(text), &again));
        assert_memory_equal(hash.bytes, again.bytes, sizeof hash.bytes);
    }
}

static void test_chain_parse_malformed_refused(void **state)
{
    struct chain_hash hash = {{7}};
    char text[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f0";

    (void)state;
    assert_false(chain_parse(text, 63, &hash));
    assert_false(chain_parse(text, 65, &hash));
    assert_false(chain_parse(text, 0, &hash));
    for (const char *bad = "G/:@`gAF \n"; *bad != '\0'; bad++) {
        text[17] = *bad;
        assert_false(chain_parse(text, 64, &hash));
    }
    text[17] = '\0';
    assert_false(chain_parse(text, 64, &hash));
    assert_int_equal(hash.bytes[0], 7);
    text[17] = '8';
    assert_true(chain_parse(text, 64, &hash));
    assert_int_equal(hash.bytes[0], 0);
}

/* ---- the key ---- */

static unsigned files_in_scratch(void **state)
{
    DIR *dir = opendir(*state);
    unsigned count = 0;

    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
        count += entry->d_name[0] != '.';
    (void)closedir(dir);
    return count;
}

static void write_file(const char *path, const char *text, size_t length, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, length), length);
    assert_int_equal(fchmod(fd, mode), 0);
    (void)close(fd);
}

static void test_chain_key_read_takes_64_digits_and_a_line_end(void **state)
{
    const struct scratch_path path = scratch_path(state, "ledger.key");
    struct chain_key expected = test_key();
    struct chain_key key;
    struct error err;
    char text[80];

    (void)snprintf(text, sizeof text, "%s\n", key_text);
    write_file(path.text, text, 65, 0600);
    assert_ok(chain_key_read(path.text, &key, &err));
    assert_memory_equal(key.bytes, expected.bytes, sizeof key.bytes);
    assert_int_equal(chmod(path.text, 0400), 0);
    assert_ok(chain_key_read(path.text, &key, &err));
}

static void test_chain_key_read_of_another_length_or_digit_refused(void **state)
{
    static const char *const ends[] = {"", "0\n", "\n\n", "\r\n", " \n", "\n "};
    const struct scratch_path path = scratch_path(state, "ledger.key");
    struct chain_key key = {{7}};
    struct error err;
    char text[80];

    for (size_t i = 0; i < COUNT(ends); i++) {
        (void)snprintf(text, sizeof text, "%s%s", key_text, ends[i]);
        write_file(path.text, text, strlen(text), 0600);
        assert_fails(chain_key_read(path.text, &key, &err), ERR_INPUT,
                     "is not one line of 64 hexadecimal digits");
    }
    (void)snprintf(text, sizeof text, "%s\n", key_text);
    write_file(path.text, text, 0, 0600);
    assert_fails(chain_key_read(path.text, &key, &err), ERR_INPUT, "restore the file");
    write_file(path.text, text + 1, 64, 0600);
    assert_fails(chain_key_read(path.text, &key, &err), ERR_INPUT, "restore the file");
    text[21] = 'A';
    write_file(path.text, text, 65, 0600);
    assert_fails(chain_key_read(path.text, &key, &err), ERR_INPUT, "restore the file");
    assert_int_equal(key.bytes[0], 7);
}

static void test_chain_key_read_of_file_open_to_others_refused(void **state)
{
    static const mode_t modes[] = {0640, 0604, 0620, 0602, 0610, 0601, 0666};
    const struct scratch_path path = scratch_path(state, "ledger.key");
    struct chain_key key = {{7}};
    struct error err;
    char text[80];

    (void)snprintf(text, sizeof text, "%s\n", key_text);
    for (size_t i = 0; i < COUNT(modes); i++) {
        write_file(path.text, text, 65, modes[i]);
        assert_fails(chain_key_read(path.text, &key, &err), ERR_REFUSED, "chmod it to 0600");
    }
    assert_int_equal(key.bytes[0], 7);
}

static void test_chain_key_read_of_what_is_no_file_refused(void **state)
{
    const struct scratch_path path = scratch_path(state, "ledger.key");
    struct chain_key key;
    struct error err;

    assert_fails(chain_key_read(path.text, &key, &err), ERR_SYSTEM, "No such file");
    assert_fails(chain_key_read(*state, &key, &err), ERR_REFUSED, "is not a file");
    assert_int_equal(mkfifo(path.text, 0600), 0);
    assert_fails(chain_key_read(path.text, &key, &err), ERR_REFUSED, "is not a file");
}

static void test_chain_key_make_writes_what_is_read_and_nothing_else(void **state)
{
    const struct scratch_path path = scratch_path(state, "ledger.key");
    struct chain_key key = {{0}};
    struct chain_key zero = {{0}};
    struct error err;
    struct stat st;

    assert_ok(chain_key_make(path.text, &err));
    assert_ok(chain_key_read(path.text, &key, &err));
    assert_memory_not_equal(key.bytes, zero.bytes, sizeof key.bytes);
    assert_int_equal(stat(path.text, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_size, 65);
    assert_int_equal(st.st_nlink, 1);
    assert_int_equal(files_in_scratch(state), 1);
}

static void test_chain_key_make_twice_makes_two_keys(void **state)
{
    const struct scratch_path path = scratch_path(state, "ledger.key");
    struct chain_key first;
    struct chain_key second;
    struct error err;

    assert_ok(chain_key_make(path.text, &err));
    assert_ok(chain_key_read(path.text, &first, &err));
    assert_int_equal(unlink(path.text), 0);
    assert_ok(chain_key_make(path.text, &err));
    assert_ok(chain_key_read(path.text, &second, &err));
    assert_memory_not_equal(first.bytes, second.bytes, sizeof first.bytes);
}

static void test_chain_key_make_never_overwrites(void **state)
{
    const struct scratch_path path = scratch_path(state, "ledger.key");
    char text[8] = "";
    struct error err;

    write_file(path.text, "mine", 4, 0644);
    assert_fails(chain_key_make(path.text, &err), ERR_REFUSED, "is there already");
    int fd = open(path.text, O_RDONLY);

    assert_int_equal(read(fd, text, sizeof text), 4);
    (void)close(fd);
    assert_string_equal(text, "mine");
    assert_int_equal(files_in_scratch(state), 1);
}

static void test_chain_key_make_where_a_link_leads_nowhere_refused(void **state)
{
    const struct scratch_path path = scratch_path(state, "ledger.key");
    struct error err;

    assert_int_equal(symlink("/nowhere", path.text), 0);
    assert_fails(chain_key_make(path.text, &err), ERR_REFUSED, "is there already");
    assert_int_equal(files_in_scratch(state), 1);
}

static void test_chain_key_make_without_a_folder_fails(void **state)
{
    const struct scratch_path path = scratch_path(state, "none/ledger.key");
    static char too_long[8192];
    struct error err;

    assert_fails(chain_key_make(path.text, &err), ERR_SYSTEM, "No such file");
    memset(too_long, 'x', sizeof too_long - 1);
    assert_fails(chain_key_make(too_long, &err), ERR_SYSTEM, "too long");
}

/* The disk takes 10 bytes and no more. */
static void test_chain_key_make_on_a_full_disk_leaves_nothing(void **state)
{
    const struct scratch_path path = scratch_path(state, "ledger.key");
    struct rlimit before;
    struct error err;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit little = {.rlim_cur = 10, .rlim_max = before.rlim_max};
    void (*old)(int) = signal(SIGXFSZ, SIG_IGN);

    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    err = (struct error){.code = ERR_NONE};
    bool is_made = chain_key_make(path.text, &err);

    (void)setrlimit(RLIMIT_FSIZE, &before); /* before anything is printed to a file */
    (void)signal(SIGXFSZ, old);
    assert_false(is_made);
    assert_error(&err, ERR_SYSTEM, "can't write the ledger's key");
    assert_int_equal(files_in_scratch(state), 0);
}

enum { RIVALS = 8 };

static void test_chain_key_make_by_several_at_once_is_made_by_one(void **state)
{
    const struct scratch_path path = scratch_path(state, "ledger.key");
    struct chain_key key;
    struct error err;
    pid_t rivals[RIVALS];
    unsigned makers = 0;

    for (size_t i = 0; i < RIVALS; i++) {
        rivals[i] = fork();
        assert_true(rivals[i] >= 0);
        if (rivals[i] == 0)
            _exit(chain_key_make(path.text, &err) ? 0 : err.code == ERR_REFUSED ? 1 : 2);
    }
    for (size_t i = 0; i < RIVALS; i++) {
        int status;

        assert_int_equal(waitpid(rivals[i], &status, 0), rivals[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
        makers += WEXITSTATUS(status) == 0;
    }
    assert_int_equal(makers, 1);
    assert_ok(chain_key_read(path.text, &key, &err));
    assert_int_equal(files_in_scratch(state), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chain_of_three_rows_is_pythons),
        cmocka_unit_test(test_chain_next_may_overwrite_the_hash_before),
        cmocka_unit_test(test_chain_bytes_that_move_between_fields_change_the_hash),
        cmocka_unit_test(test_chain_field_that_holds_a_length_changes_the_hash),
        cmocka_unit_test(test_chain_any_bit_of_key_before_and_field_changes_the_hash),
        cmocka_unit_test(test_chain_format_is_read_back),
        cmocka_unit_test(test_chain_parse_malformed_refused),
        scratch_test(test_chain_key_read_takes_64_digits_and_a_line_end),
        scratch_test(test_chain_key_read_of_another_length_or_digit_refused),
        scratch_test(test_chain_key_read_of_file_open_to_others_refused),
        scratch_test(test_chain_key_read_of_what_is_no_file_refused),
        scratch_test(test_chain_key_make_writes_what_is_read_and_nothing_else),
        scratch_test(test_chain_key_make_twice_makes_two_keys),
        scratch_test(test_chain_key_make_never_overwrites),
        scratch_test(test_chain_key_make_where_a_link_leads_nowhere_refused),
        scratch_test(test_chain_key_make_without_a_folder_fails),
        scratch_test(test_chain_key_make_on_a_full_disk_leaves_nothing),
        scratch_test(test_chain_key_make_by_several_at_once_is_made_by_one),
    };

    return cmocka_run_group_tests_name("chain", tests, NULL, NULL);
}
