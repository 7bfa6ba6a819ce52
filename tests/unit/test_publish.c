/*
 * Files that appear together or not at all: every system call fails once, and the program is killed
 * before each.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "billing/publish.h"
#include "scratch.h"

/* ---- calls that fail, or are the last ---- */

enum { NEVER = -1 };

static int fails_at = NEVER, ends_at = NEVER, calls;
static bool has_links = true;

/* Does this call fail? */
static bool is_hit(void)
{
    int call = calls++;

    if (call == ends_at)
        _exit(0);
    errno = EIO;
    return call == fails_at;
}

int __real_openat(int dir, const char *path, int flags, int mode);
int __real_fsync(int fd);
int __real_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __real_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags);
int __real_unlinkat(int dir, const char *path, int flags);
int __real_fstatat(int dir, const char *path, struct stat *st, int flags);

int __wrap_openat(int dir, const char *path, int flags, int mode)
{
    return is_hit() ? -1 : __real_openat(dir, path, flags, mode);
}

int __wrap_fsync(int fd)
{
    return is_hit() ? -1 : __real_fsync(fd);
}

int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    return is_hit() ? -1 : __real_renameat(from_dir, from, to_dir, to);
}

int __wrap_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    if (is_hit())
        return -1;
    errno = EPERM;
    return has_links ? __real_linkat(from_dir, from, to_dir, to, flags) : -1;
}

/* Clearing up can't be undone: it only ends. */
int __wrap_unlinkat(int dir, const char *path, int flags)
{
    if (calls == ends_at)
        _exit(0);
    return __real_unlinkat(dir, path, flags);
}

int __wrap_fstatat(int dir, const char *path, struct stat *st, int flags)
{
    return is_hit() ? -1 : __real_fstatat(dir, path, st, flags);
}

/* ---- a publication of two files and one that vouches for them ---- */

static const char *const names[] = {"a", "b", "manifest"};

enum { NAMES = 3 };

static bool write_one(struct publication *p, const char *name, const char *text, struct error *err)
{
    struct publish_sum sum;
    FILE *out = publish_open(p, name, err);

    if (out == NULL)
        return false;
    (void)fputs(text, out); /* if it fails, publish_finish sees it */
    return publish_finish(p, &sum, err);
}

static bool publish(const char *dir, const char *text, struct error *err)
{
    struct publication p;
    bool is_ok = publish_begin(&p, dir, err);

    for (int i = 0; is_ok && i < NAMES; i++)
        is_ok = write_one(&p, names[i], text, err);
    is_ok = is_ok && publish_all(&p, err);
    publish_end(&p, is_ok);
    return is_ok;
}

static bool read_file(const char *dir, const char *name, char *text, size_t size)
{
    char path[SCRATCH_PATH_MAX];

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "r");

    if (file == NULL)
        return false;
    text[fread(text, 1, size - 1, file)] = '\0';
    (void)fclose(file);
    return true;
}

static void assert_file(const char *dir, const char *name, const char *expected)
{
    char text[64];

    if (!read_file(dir, name, text, sizeof text))
        fail_msg("there is no %s", name);
    assert_string_equal(text, expected);
}

static int count_files(const char *dir)
{
    DIR *d = opendir(dir);
    int count = 0;

    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        count += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    (void)closedir(d);
    return count;
}

/* All three with this text, and nothing else. */
static void assert_all(const char *dir, const char *text)
{
    for (int i = 0; i < NAMES; i++)
        assert_file(dir, names[i], text);
    assert_int_equal(count_files(dir), NAMES);
}

static void reset_faults(void)
{
    fails_at = ends_at = NEVER;
    has_links = true;
    calls = 0;
}

/* ---- ---- */

static void test_publish_appears_whole(void **state)
{
    struct error err;

    reset_faults();
    assert_ok(publish(*state, "one", &err));
    assert_all(*state, "one");
    assert_ok(publish(*state, "two", &err));
    assert_all(*state, "two");
}

static void test_publish_makes_the_directory(void **state)
{
    struct scratch_path dir = scratch_path(state, "new");
    struct error err;

    reset_faults();
    assert_ok(publish(dir.text, "one", &err));
    assert_all(dir.text, "one");
}

static void test_publish_sums_are_of_the_bytes(void **state)
{
    struct publication p;
    struct publish_sum sum;
    struct error err;

    reset_faults();
    assert_ok(publish_begin(&p, *state, &err));
    FILE *out = publish_open(&p, "abc", &err);

    assert_true(out != NULL && fputs("abc", out) >= 0);
    assert_ok(publish_finish(&p, &sum, &err));
    assert_int_equal(sum.bytes, 3);
    /* FIPS 180-4's own example */
    assert_string_equal(sum.sha256,
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    publish_end(&p, false);
    assert_int_equal(count_files(*state), 0);
}

/* Each call fails in turn until none is left: either nothing has changed, or all has. */
static void fail_each(const char *dir, bool can_link, int *failures)
{
    struct error err;
    bool is_ok = false;

    for (int n = 0; !is_ok || calls > n; n++) {
        reset_faults();
        assert_ok(publish(dir, "old", &err));
        reset_faults();
        has_links = can_link;
        fails_at = n;
        is_ok = publish(dir, "new", &err);
        int used = calls;

        reset_faults();
        calls = used;
        assert_all(dir, is_ok ? "new" : "old");
        *failures += !is_ok;
    }
}

static void test_publish_that_fails_leaves_what_was_there(void **state)
{
    int failures = 0;

    fail_each(*state, true, &failures);
    /* 3 to open, 3 to sync, 3 to look at, 3 to rename, 2 to sync the directory */
    assert_int_equal(failures, 14);
}

/* Where files can't have two names the old ones are moved. */
static void test_publish_that_fails_without_links_leaves_what_was_there(void **state)
{
    int failures = 0;

    fail_each(*state, false, &failures);
    assert_int_equal(failures, 17);
}

static void test_publish_that_fails_leaves_no_directory(void **state)
{
    struct scratch_path dir = scratch_path(state, "new");
    struct error err;

    for (int n = 0; n < 14; n++) {
        reset_faults();
        fails_at = n;
        /* there is nothing to link, so that one call in four is another */
        if (publish(dir.text, "new", &err)) {
            assert_true(n >= 11);
            assert_int_equal(nftw(dir.text, scratch_remove, 4, FTW_DEPTH | FTW_PHYS), 0);
        }
        assert_false(is_there(dir.text));
    }
    reset_faults();
}

/* Whoever sees the last file sees the others, all of one publication. */
static void assert_of_one_piece(const char *dir)
{
    char text[8];

    if (!read_file(dir, "manifest", text, sizeof text))
        return;
    assert_true(strcmp(text, "old") == 0 || strcmp(text, "new") == 0);
    assert_file(dir, "a", text);
    assert_file(dir, "b", text);
}

/* The child's last call; false: it ended by itself. */
static bool publish_and_die(const char *dir, int at)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        struct error err;

        reset_faults();
        ends_at = at;
        (void)publish(dir, "new", &err);
        _exit(1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status) == 0;
}

static void test_publish_killed_anywhere_leaves_one_piece_and_can_be_run_again(void **state)
{
    struct error err;
    int at = 0;

    for (bool was_killed = true; was_killed; at++) {
        reset_faults();
        assert_ok(publish(*state, "old", &err));
        was_killed = publish_and_die(*state, at);
        assert_of_one_piece(*state);
        assert_ok(publish(*state, "new", &err));
        assert_all(*state, "new");
    }
    assert_true(at > 17);
}

static void test_publish_onto_a_full_disk_leaves_what_was_there(void **state)
{
    struct rlimit none = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY}, limit;
    char text[20001];
    struct error err;

    reset_faults();
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_ok(publish(*state, "old", &err));
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &none), 0);
    limit = (struct rlimit){.rlim_cur = 10000, .rlim_max = none.rlim_max};
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    bool is_ok = publish(*state, text, &err);

    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    (void)signal(SIGXFSZ, SIG_DFL);
    assert_false(is_ok);
    assert_error(&err, ERR_SYSTEM, "/a can't be written: File too large");
    assert_all(*state, "old");
}

static void test_publish_into_what_is_no_directory_fails(void **state)
{
    struct scratch_path file = scratch_file(state, "file", "");
    struct scratch_path below = scratch_path(state, "file/below");
    struct scratch_path deep = scratch_path(state, "not/there");
    struct error err;

    reset_faults();
    assert_fails(publish(file.text, "x", &err), ERR_SYSTEM, "can't be opened: Not a directory");
    assert_fails(publish(below.text, "x", &err), ERR_SYSTEM, "can't be made: Not a directory");
    assert_fails(publish(deep.text, "x", &err), ERR_SYSTEM, "can't be made: No such file");
    assert_fails(publish("", "x", &err), ERR_USAGE, "can't be a directory");
}

static void test_publish_onto_a_directory_fails_and_puts_the_others_back(void **state)
{
    struct scratch_path b = scratch_path(state, "b");
    struct error err;

    reset_faults();
    (void)scratch_file(state, "a", "old");
    assert_int_equal(mkdir(b.text, 0755), 0);
    assert_fails(publish(*state, "new", &err), ERR_SYSTEM, "/b can't be replaced: Is a directory");
    assert_file(*state, "a", "old");
    assert_int_equal(count_files(*state), 2);
}

static void test_publish_replaces_a_link_and_not_its_target(void **state)
{
    struct scratch_path target = scratch_file(state, "target", "precious");
    struct scratch_path a = scratch_path(state, "a");
    struct error err;

    reset_faults();
    assert_int_equal(symlink(target.text, a.text), 0);
    assert_ok(publish(*state, "new", &err));
    assert_file(*state, "target", "precious");
    assert_file(*state, "a", "new");
    assert_int_equal(count_files(*state), NAMES + 1);
}

static void test_publish_does_not_write_through_what_lies_there(void **state)
{
    struct scratch_path target = scratch_file(state, "target", "precious");
    struct scratch_path fresh = scratch_path(state, ".a.new");
    struct error err;

    reset_faults();
    assert_int_equal(symlink(target.text, fresh.text), 0);
    assert_ok(publish(*state, "new", &err));
    assert_file(*state, "target", "precious");
}

static void test_publish_two_at_once_is_one_too_many(void **state)
{
    struct publication p;
    struct error err;

    reset_faults();
    assert_ok(publish_begin(&p, *state, &err));
    assert_fails(publish(*state, "x", &err), ERR_RETRY, "another export is writing there");
    publish_end(&p, false);
    assert_ok(publish(*state, "x", &err));
}

static void test_publish_refuses_too_many_files_and_too_long_names(void **state)
{
    struct publication p;
    struct publish_sum sum;
    char name[PUBLISH_NAME_MAX + 1];
    struct error err;

    reset_faults();
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_ok(publish_begin(&p, *state, &err));
    assert_fails(publish_open(&p, name, &err) != NULL, ERR_RANGE, "too long a name");
    name[PUBLISH_NAME_MAX - 1] = '\0';
    for (int i = 0; i < PUBLISH_FILES_MAX; i++) {
        name[0] = (char)('a' + i);
        assert_non_null(publish_open(&p, name, &err));
        assert_ok(publish_finish(&p, &sum, &err));
    }
    assert_fails(publish_open(&p, "more", &err) != NULL, ERR_RANGE, "too many files");
    publish_end(&p, false);
    assert_int_equal(count_files(*state), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_publish_appears_whole),
        scratch_test(test_publish_makes_the_directory),
        scratch_test(test_publish_sums_are_of_the_bytes),
        scratch_test(test_publish_that_fails_leaves_what_was_there),
        scratch_test(test_publish_that_fails_without_links_leaves_what_was_there),
        scratch_test(test_publish_that_fails_leaves_no_directory),
        scratch_test(test_publish_killed_anywhere_leaves_one_piece_and_can_be_run_again),
        scratch_test(test_publish_onto_a_full_disk_leaves_what_was_there),
        scratch_test(test_publish_into_what_is_no_directory_fails),
        scratch_test(test_publish_onto_a_directory_fails_and_puts_the_others_back),
        scratch_test(test_publish_replaces_a_link_and_not_its_target),
        scratch_test(test_publish_does_not_write_through_what_lies_there),
        scratch_test(test_publish_two_at_once_is_one_too_many),
        scratch_test(test_publish_refuses_too_many_files_and_too_long_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
