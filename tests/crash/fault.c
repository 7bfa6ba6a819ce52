/*
 * fault.c - linked into a test build of pagemeterd: faults at a chosen store call or disk operation.
 *
 * PAGEMETER_FAULT is KIND:FIRST[:COUNT], from the FIRST (1 is the first) on, COUNT times (1):
 *   kill-call     SIGKILL before a call into SQLite
 *   kill-disk     SIGKILL before a write, sync or truncation of a database file
 *   tear-kill     half of a write is done, then SIGKILL
 *   fail-disk     an operation fails with an I/O error
 *   tear-disk     half of a write is done, then it fails
 *   full-disk     an operation fails since the disk is full
 *   slow-disk     a sync takes two seconds
 *   fail-alloc    an allocation of SQLite's fails
 *   fail-malloc   one of our own fails
 *   fail-call     a step of a statement is not done, and fails with an I/O error
 * PAGEMETER_FAULT_COUNT names a file that gets the numbers of calls, disk operations, and
 * allocations of SQLite's and of our own.
 */
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum fault_kind {
    FAULT_NONE, FAULT_KILL_CALL, FAULT_KILL_DISK, FAULT_TEAR_KILL, FAULT_FAIL_DISK,
    FAULT_TEAR_DISK, FAULT_FULL_DISK, FAULT_SLOW_DISK, FAULT_FAIL_ALLOC, FAULT_FAIL_MALLOC,
    FAULT_FAIL_CALL
};

static const char *const kind_names[] = {
    [FAULT_NONE] = "none",           [FAULT_KILL_CALL] = "kill-call",
    [FAULT_KILL_DISK] = "kill-disk", [FAULT_TEAR_KILL] = "tear-kill",
    [FAULT_FAIL_DISK] = "fail-disk", [FAULT_TEAR_DISK] = "tear-disk",
    [FAULT_FULL_DISK] = "full-disk", [FAULT_SLOW_DISK] = "slow-disk",
    [FAULT_FAIL_ALLOC] = "fail-alloc", [FAULT_FAIL_MALLOC] = "fail-malloc",
    [FAULT_FAIL_CALL] = "fail-call",
};

static struct {
    enum fault_kind kind;
    unsigned long first;
    unsigned long count;
    atomic_ulong calls;
    atomic_ulong operations;
    atomic_ulong allocations;
    atomic_ulong mallocs;
} fault = {.count = 1};

/* Is this, the nth of its sort (from 1), one that the fault is for? */
static int is_hit(enum fault_kind kind, unsigned long n)
{
    return fault.kind == kind && n >= fault.first && n - fault.first < fault.count;
}

static void die_now(void)
{
    (void)kill(getpid(), SIGKILL);
    for (;;)
        (void)pause();
}

/* ---- calls into SQLite, by the linker's --wrap ---- */

/* Is this a call that must fail? */
static int count_call(void)
{
    unsigned long n = atomic_fetch_add(&fault.calls, 1) + 1;

    if (is_hit(FAULT_KILL_CALL, n))
        die_now();
    return is_hit(FAULT_FAIL_CALL, n);
}

int __real_sqlite3_step(sqlite3_stmt *stmt);
int __wrap_sqlite3_step(sqlite3_stmt *stmt);
int __wrap_sqlite3_step(sqlite3_stmt *stmt)
{
    return count_call() ? SQLITE_IOERR : __real_sqlite3_step(stmt);
}

typedef int exec_callback(void *, int, char **, char **);
int __real_sqlite3_exec(sqlite3 *db, const char *sql, exec_callback *f, void *arg, char **msg);
int __wrap_sqlite3_exec(sqlite3 *db, const char *sql, exec_callback *f, void *arg, char **msg);
int __wrap_sqlite3_exec(sqlite3 *db, const char *sql, exec_callback *f, void *arg, char **msg)
{
    if (count_call())
        return SQLITE_IOERR;
    return __real_sqlite3_exec(db, sql, f, arg, msg);
}

int __real_sqlite3_open_v2(const char *path, sqlite3 **db, int flags, const char *vfs);
int __wrap_sqlite3_open_v2(const char *path, sqlite3 **db, int flags, const char *vfs);
int __wrap_sqlite3_open_v2(const char *path, sqlite3 **db, int flags, const char *vfs)
{
    (void)count_call();
    return __real_sqlite3_open_v2(path, db, flags, vfs);
}

int __real_sqlite3_close_v2(sqlite3 *db);
int __wrap_sqlite3_close_v2(sqlite3 *db);
int __wrap_sqlite3_close_v2(sqlite3 *db)
{
    (void)count_call();
    return __real_sqlite3_close_v2(db);
}

/* ---- disk operations, by a VFS in front of the system's ---- */

struct fault_file {
    sqlite3_file base;
    sqlite3_io_methods methods; /* the real ones, some replaced */
    sqlite3_file *real;
};

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct fault_file *)file)->real;
}

/* The result that an operation must have instead of being done, or SQLITE_OK to do it. */
static int count_operation(void)
{
    unsigned long n = atomic_fetch_add(&fault.operations, 1) + 1;

    if (is_hit(FAULT_KILL_DISK, n))
        die_now();
    if (is_hit(FAULT_FAIL_DISK, n))
        return SQLITE_IOERR;
    return is_hit(FAULT_FULL_DISK, n) ? SQLITE_FULL : SQLITE_OK;
}

static int fault_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
    sqlite3_file *real = real_of(file);
    int result = count_operation();
    unsigned long n = atomic_load(&fault.operations);

    if (result != SQLITE_OK)
        return result;
    if (is_hit(FAULT_TEAR_KILL, n) || is_hit(FAULT_TEAR_DISK, n)) {
        (void)real->pMethods->xWrite(real, data, size / 2, offset);
        if (fault.kind == FAULT_TEAR_KILL)
            die_now();
        return SQLITE_IOERR_WRITE;
    }
    return real->pMethods->xWrite(real, data, size, offset);
}

static int fault_sync(sqlite3_file *file, int flags)
{
    sqlite3_file *real = real_of(file);
    int result = count_operation();

    if (is_hit(FAULT_SLOW_DISK, atomic_load(&fault.operations)))
        (void)sleep(2);
    return result != SQLITE_OK ? result : real->pMethods->xSync(real, flags);
}

static int fault_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    sqlite3_file *real = real_of(file);
    int result = count_operation();

    if (result == SQLITE_FULL)
        result = SQLITE_OK; /* a full disk can be truncated */
    return result != SQLITE_OK ? result : real->pMethods->xTruncate(real, size);
}

#define FORWARD(name, params, args)                                                                \
    static int forward_##name params                                                               \
    {                                                                                              \
        sqlite3_file *real = real_of(file);                                                        \
        return real->pMethods->name args;                                                          \
    }

FORWARD(xRead, (sqlite3_file * file, void *data, int size, sqlite3_int64 offset),
        (real, data, size, offset))
FORWARD(xFileSize, (sqlite3_file * file, sqlite3_int64 *size), (real, size))
FORWARD(xLock, (sqlite3_file * file, int lock), (real, lock))
FORWARD(xUnlock, (sqlite3_file * file, int lock), (real, lock))
FORWARD(xCheckReservedLock, (sqlite3_file * file, int *out), (real, out))
FORWARD(xFileControl, (sqlite3_file * file, int op, void *arg), (real, op, arg))
FORWARD(xSectorSize, (sqlite3_file * file), (real))
FORWARD(xDeviceCharacteristics, (sqlite3_file * file), (real))
FORWARD(xShmMap, (sqlite3_file * file, int page, int size, int extend, void volatile **out),
        (real, page, size, extend, out))
FORWARD(xShmLock, (sqlite3_file * file, int offset, int n, int flags), (real, offset, n, flags))
FORWARD(xShmUnmap, (sqlite3_file * file, int remove), (real, remove))
FORWARD(xFetch, (sqlite3_file * file, sqlite3_int64 offset, int size, void **out),
        (real, offset, size, out))
FORWARD(xUnfetch, (sqlite3_file * file, sqlite3_int64 offset, void *p), (real, offset, p))

static void forward_barrier(sqlite3_file *file)
{
    sqlite3_file *real = real_of(file);

    real->pMethods->xShmBarrier(real);
}

static int fault_close(sqlite3_file *file)
{
    sqlite3_file *real = real_of(file);

    return real->pMethods->xClose(real);
}

static sqlite3_vfs *real_vfs;
static sqlite3_vfs fault_vfs;

static int fault_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags,
                      int *out_flags)
{
    struct fault_file *f = (struct fault_file *)file;

    (void)vfs;
    f->real = (sqlite3_file *)(f + 1);
    int result = real_vfs->xOpen(real_vfs, name, f->real, flags, out_flags);

    f->base.pMethods = NULL;
    if (f->real->pMethods == NULL)
        return result;
    f->methods = (sqlite3_io_methods){
        .iVersion = f->real->pMethods->iVersion,
        .xClose = fault_close,
        .xRead = forward_xRead,
        .xWrite = fault_write,
        .xTruncate = fault_truncate,
        .xSync = fault_sync,
        .xFileSize = forward_xFileSize,
        .xLock = forward_xLock,
        .xUnlock = forward_xUnlock,
        .xCheckReservedLock = forward_xCheckReservedLock,
        .xFileControl = forward_xFileControl,
        .xSectorSize = forward_xSectorSize,
        .xDeviceCharacteristics = forward_xDeviceCharacteristics,
        .xShmMap = forward_xShmMap,
        .xShmLock = forward_xShmLock,
        .xShmBarrier = forward_barrier,
        .xShmUnmap = forward_xShmUnmap,
        .xFetch = forward_xFetch,
        .xUnfetch = forward_xUnfetch,
    };
    f->base.pMethods = &f->methods;
    return result;
}

/* ---- allocations of SQLite's ---- */

static sqlite3_mem_methods real_memory;

static int is_allocation_failing(void)
{
    return is_hit(FAULT_FAIL_ALLOC, atomic_fetch_add(&fault.allocations, 1) + 1);
}

static void *fault_malloc(int size)
{
    return is_allocation_failing() ? NULL : real_memory.xMalloc(size);
}

static void *fault_realloc(void *p, int size)
{
    return is_allocation_failing() ? NULL : real_memory.xRealloc(p, size);
}

/* ---- our own allocations ---- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);

static int is_malloc_failing(void)
{
    return is_hit(FAULT_FAIL_MALLOC, atomic_fetch_add(&fault.mallocs, 1) + 1);
}

void *__wrap_malloc(size_t size)
{
    return is_malloc_failing() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return is_malloc_failing() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return is_malloc_failing() ? NULL : __real_realloc(p, size);
}

/* ---- set-up ---- */

static void read_order(void)
{
    const char *text = getenv("PAGEMETER_FAULT");
    char name[32];

    if (text == NULL || sscanf(text, "%31[^:]:%lu:%lu", name, &fault.first, &fault.count) < 2)
        return;
    for (size_t i = 0; i < sizeof kind_names / sizeof *kind_names; i++)
        if (strcmp(kind_names[i], name) == 0)
            fault.kind = (enum fault_kind)i;
}

static void write_counts(void)
{
    const char *path = getenv("PAGEMETER_FAULT_COUNT");
    FILE *file = path != NULL ? fopen(path, "w") : NULL;

    if (file == NULL)
        return;
    (void)fprintf(file, "%lu %lu %lu %lu\n", atomic_load(&fault.calls),
                  atomic_load(&fault.operations), atomic_load(&fault.allocations),
                  atomic_load(&fault.mallocs));
    (void)fclose(file);
}

__attribute__((constructor)) static void set_up(void)
{
    sqlite3_mem_methods memory;

    read_order();
    (void)sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory);
    memory = real_memory;
    memory.xMalloc = fault_malloc;
    memory.xRealloc = fault_realloc;
    (void)sqlite3_config(SQLITE_CONFIG_MALLOC, &memory);
    (void)sqlite3_initialize();
    real_vfs = sqlite3_vfs_find(NULL);
    fault_vfs = *real_vfs;
    fault_vfs.zName = "fault";
    fault_vfs.szOsFile = (int)sizeof(struct fault_file) + real_vfs->szOsFile;
    fault_vfs.xOpen = fault_open;
    (void)sqlite3_vfs_register(&fault_vfs, 1);
    (void)atexit(write_counts);
}
