/*
 * publish.h - files that appear in a directory together, whole, or not at all.
 *
 * Each is written under another name (".NAME.new"), synced, and renamed when all are there. The
 * last one vouches for the others: it is taken away before they are exchanged and appears when the
 * names of the others are on the disk. So whenever it is there, all of its files are, and they are
 * of one piece, even when the program is killed; what that leaves behind (names that begin with a
 * dot) is replaced by the next run. What fails is undone: the files that were there are there again
 * (".NAME.old" meanwhile).
 */
#ifndef PAGEMETER_PUBLISH_H
#define PAGEMETER_PUBLISH_H

#include <nettle/sha2.h>
#include <stdio.h>

#include "billing/chain.h"

enum { PUBLISH_FILES_MAX = 4, PUBLISH_NAME_MAX = 96, PUBLISH_DIR_MAX = 1024 };

struct publish_file {
    char name[PUBLISH_NAME_MAX], fresh[PUBLISH_NAME_MAX + 8], old[PUBLISH_NAME_MAX + 8];
    bool has_old;   /* what was there is kept under its other name */
    bool must_move; /* there is something that can't have two names */
    bool is_there;  /* the new one, under its name */
};

/* Where the stream of an open file leads: summed up as it is written. */
struct publish_sink {
    int fd;    /* -1: no file is open */
    int error; /* the first that writing met */
    uint64_t bytes;
    struct sha256_ctx hash;
};

struct publication {
    char dir[PUBLISH_DIR_MAX];
    int dir_fd; /* -1: not begun; a lock on it keeps others out */
    bool has_made_dir;
    FILE *open; /* the last of files, while it is written */
    struct publish_sink sink;
    struct publish_file files[PUBLISH_FILES_MAX];
    size_t count;
};

/* The directory is made when absent. ERR_RETRY while another publication goes on in it. */
MUST_CHECK bool publish_begin(struct publication *p, const char *dir, struct error *err);

/*
 * Begins the next file, to be written and then finished; *p stays where it is meanwhile. NULL: it
 * can't be written.
 */
FILE *publish_open(struct publication *p, const char *name, struct error *err);

/* It is whole: on the disk, under its other name. */
struct publish_sum {
    uint64_t bytes;
    char sha256[CHAIN_TEXT_MAX];
};
MUST_CHECK bool publish_finish(struct publication *p, struct publish_sum *sum, struct error *err);

/* All of them appear. Until publish_end it can be undone, and is when this fails. */
MUST_CHECK bool publish_all(struct publication *p, struct error *err);

/* Keeps what has appeared, or makes the directory what it was. Accepts what was not begun. */
void publish_end(struct publication *p, bool is_kept);

#endif
