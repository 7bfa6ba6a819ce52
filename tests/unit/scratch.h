/*
 * scratch.h - a directory of its own for each test, gone afterwards; small files in it.
 *
 * Use as cmocka_unit_test_setup_teardown(test, scratch_begin, scratch_end); *state is its path.
 */
#ifndef PAGEMETER_TESTS_SCRATCH_H
#define PAGEMETER_TESTS_SCRATCH_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "check.h"

enum { SCRATCH_PATH_MAX = 512 };

static inline int scratch_begin(void **state)
{
    char *dir = strdup("/tmp/pagemeter-unit-XXXXXX");

    *state = dir;
    return dir != NULL && mkdtemp(dir) != NULL ? 0 : -1;
}

static inline int scratch_remove(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static inline int scratch_end(void **state)
{
    int result = nftw(*state, scratch_remove, 16, FTW_DEPTH | FTW_PHYS);

    free(*state);
    return result;
}

/* The path of a file in the test's directory. */
struct scratch_path {
    char text[SCRATCH_PATH_MAX];
};

static inline struct scratch_path scratch_path(void **state, const char *name)
{
    struct scratch_path path;

    (void)snprintf(path.text, sizeof path.text, "%s/%s", (const char *)*state, name);
    return path;
}

static inline struct scratch_path scratch_file(void **state, const char *name, const char *content)
{
    struct scratch_path path = scratch_path(state, name);
    FILE *file = fopen(path.text, "w");

    assert_non_null(file);
    assert_true(fputs(content, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return path;
}

static inline bool is_there(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

#define scratch_test(test) cmocka_unit_test_setup_teardown(test, scratch_begin, scratch_end)

#endif
