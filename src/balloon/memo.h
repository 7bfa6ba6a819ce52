/*
 * memo.h - what must outlive a restart of pageballoond: back-off, guard, holds, offsets, the last
 * target, the day's spending; by uuid and domid.
 *
 * A small text file in /run, where a reboot of the host ends it together with its domids. The
 * hypervisor and xenstore are the truth; when the file is lost, nothing is taken from any VM for
 * 60 s, and the guard begins as if its budget were spent.
 */
#ifndef PAGEMETER_MEMO_H
#define PAGEMETER_MEMO_H

#include "balloon/engine.h"

#define MEMO_PATH "/run/pageballoond.state"

struct memo;

/* Reads the file. One that is absent or damaged is an empty one. NULL: no memory. */
struct memo *memo_read(const char *path);
void memo_free(struct memo *memo);

/* Was there a file to read? */
bool memo_is_there(const struct memo *memo);

/* A VM appears: what was known of it, once. False: nothing. */
bool memo_recall(struct memo *memo, struct vm *vm, int64_t now_ns);

/* Writes all VMs by a new file and a rename. */
MUST_CHECK bool memo_write(const char *path, const struct engine *engine, struct error *err);

#endif
