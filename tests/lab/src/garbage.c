/*
 * garbage - a guest that writes nonsense where its agent's record belongs.
 *
 *   garbage KIND [SECONDS]      KIND: empty, nuls, digits, signs, records, perms, tree, or flood, which goes
 *                               through all of them, ten writes per millisecond if xenstored lets it (5 s)
 *
 * Prints how many requests were made and how many refused.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memfile.h"
#include "xenbus.h"

static const char path[] = "data/pagemeter/mem";
static long       made, refused;

static void request(uint32_t type, const char *where, const void *rest, size_t length)
{
    static struct reply reply;

    made++;
    if (!xenbus_ask(type, where, rest, length, &reply))
        refused++;
}

static void put(const void *value, size_t length) { request(XS_WRITE, path, value, length); }
static void put_text(const char *text) { put(text, strlen(text)); }

static void empty(void) { put("", 0); }

static void nuls(void)
{
    static const char zeros[300];

    put(zeros, 1);
    put(zeros, sizeof zeros);
    put("v=1\0seq=1\0", 10);
}

/* A node holds 2048 bytes, and xenstored may count the node's own part in that. */
static void digits(void)
{
    char nines[2048];

    memset(nines, '9', sizeof nines);
    put(nines, sizeof nines);
    put(nines, 1900);
    put(nines, 401);
    memcpy(nines, "v=1 seq=", 8);
    put(nines, 400);
}

static void signs(void)
{
    put_text("v=1 seq=-1 up=-1 cur=-1 tot=-1 free=-1 avail=-1");
    put_text("v=1 seq=0x10 up=1e9 cur=+5 tot= free== avail=,");
    put_text("=");
    put_text(" ");
    put_text("v=1\nv=1\nv=1");
    put_text("%s%s%s%n%n%n");
    put_text("\xff\xfe\x80\x7f\x01\x1b[2J");
    put_text("v=1 '; DROP TABLE decision; --");
}

static void perms(void)
{
    static struct reply self;
    char                list[64];
    int                 length;

    if (!xenbus_ask(XS_READ, "domid", NULL, 0, &self))
        return;
    put_text("mine");
    length = snprintf(list, sizeof list, "n%s%cb0", self.text, 0) + 1;
    request(XS_SET_PERMS, path, list, (size_t)length);
    length = snprintf(list, sizeof list, "n0") + 1;         /* a guest cannot give nodes away */
    request(XS_SET_PERMS, path, list, (size_t)length);
    length = snprintf(list, sizeof list, "n%s", self.text) + 1;
    request(XS_SET_PERMS, path, list, (size_t)length);
    request(XS_SET_PERMS, "data/pagemeter", list, (size_t)length);
}

/* A directory in place of a value, then nothing at all. */
static void tree(void)
{
    char child[64];

    for (int i = 0; i < 300; i++) {
        snprintf(child, sizeof child, "%s/%d", path, i);
        request(XS_WRITE, child, "x", 1);
    }
    request(XS_RM, path, NULL, 0);
    request(XS_RM, "data/pagemeter", NULL, 0);
}

#define RECORD(seq, current, total, free, available, rest)                                    \
    "v=1 seq=" seq " up=120500 cur=" current " tot=" total " free=" free " avail=" available      \
    " cached=0 swtot=0 swfree=0 commit=0 swin=0 swout=0 refault=0 majfault=0 oom=0 " rest

/* Records in the right form (src/agent/figures.h) that cannot be, and some that are nearly in the right form. */
static void records(void)
{
    static const char *const lies[] = {
        RECORD("1", "131072", "90000", "90001", "40000", "psome=0 pfull=0 flags=bp"),   /* free > total */
        RECORD("2", "131072", "90000", "40000", "90001", "psome=0 pfull=0 flags=bp"),   /* available > total */
        RECORD("3", "1099511627776", "1099511627776", "0", "1099511627776", "psome=0 pfull=0 flags=bp"),
        RECORD("4", "1099511627777", "90000", "40000", "50000", "psome=0 pfull=0 flags=bp"),
        RECORD("18446744073709551616", "131072", "90000", "40000", "50000", "psome=0 pfull=0 flags=bp"),
        RECORD("99999999999999999999999", "131072", "90000", "40000", "50000", "psome=0 pfull=0 flags=bp"),
        RECORD("5", "0", "0", "0", "0", "psome=0 pfull=0 flags=bp"),
        RECORD("6", "131072", "90000", "40000", "50000", "psome=0 pfull=0 flags=zz"),
        RECORD("7", "131072", "90000", "40000", "50000", "psome=0 pfull=0 flags=bp extra=1"),
        RECORD("8", "131072", "90000", "40000", "50000", "pfull=0 psome=0 flags=bp"),
        RECORD("9", "131072", "90000", "40000", "50000", "psome=0 pfull=0"),
        RECORD("10", " 131072", "90000", "40000", "50000", "psome=0 pfull=0 flags=bp"),
        RECORD("11", "131072", "90000", "40000", "50000", "psome=0 pfull=0 flags=bp\n"),
        "v=2 seq=1",
        "seq=1 v=1",
    };

    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++)
        put_text(lies[i]);
}

static const struct {
    const char *name;
    void (*write)(void);
} kinds[] = {
    { "empty", empty }, { "nuls", nuls }, { "digits", digits }, { "signs", signs },
    { "records", records }, { "perms", perms }, { "tree", tree },
};

enum { KINDS = sizeof kinds / sizeof *kinds };

/* All but the slow ones, ten at a time, then the rest of the millisecond idle. */
static void flood(int64_t seconds)
{
    int64_t end_ns = now_ns() + seconds * 1000000000;
    long    i = 0;

    while (now_ns() < end_ns) {
        int64_t next_ns = now_ns() + 1000000;

        for (int k = 0; k < 10; k++, i++) {
            char text[32];

            snprintf(text, sizeof text, "%ld%s", i, i % 3 ? "" : " v=1");
            put_text(text);
        }
        if (i % 5000 == 0)
            kinds[i / 5000 % KINDS].write();
        sleep_until_ns(next_ns);
    }
}

int main(int argc, char **argv)
{
    bool is_known = false;

    if (!xenbus_open()) {
        perror("garbage: /dev/xen/xenbus");
        return 1;
    }
    for (int i = 0; argc > 1 && i < KINDS; i++)
        if (!strcmp(argv[1], kinds[i].name)) {
            kinds[i].write();
            is_known = true;
        }
    if (argc > 1 && !strcmp(argv[1], "flood")) {
        flood(argc > 2 ? strtoll(argv[2], NULL, 10) : 5);
        is_known = true;
    }
    if (!is_known) {
        fputs("usage: garbage empty|nuls|digits|signs|records|perms|tree|flood [SECONDS]\n", stderr);
        return 2;
    }
    printf("garbage %s: %ld requests, %ld refused\n", argv[1], made, refused);
    return 0;
}
