/*
 * kernel_text.h - what a Linux kernel says of its memory, read from its text. Pure: no file is
 * opened.
 *
 * A text is what one reading of a file gave. A line counts only with its newline, so that a text
 * that was cut off is never half a number; a line that is wanted and malformed, or there twice,
 * refuses the whole text. Lines that are not wanted are not looked at: kernels add new ones.
 *
 * All return false and leave *out untouched when the text is refused.
 */
#ifndef PAGEMETER_KERNEL_TEXT_H
#define PAGEMETER_KERNEL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/figures.h"
#include "common/error.h"

/* No file that is read here is longer; a text that fills it was cut off. */
enum { KERNEL_TEXT_MAX = 16384 };

/* /proc/meminfo: total to committed. All seven lines must be there (Linux 3.14 or later). */
MUST_CHECK bool kernel_text_meminfo(const char *text, size_t length, struct figures *out);

/*
 * /proc/vmstat: swap_in to oom_kills. A line that this kernel does not have means 0. Refaults are
 * the sum of both kinds, or workingset_refault of a kernel before 5.9; a sum that does not fit is
 * the largest that does.
 */
MUST_CHECK bool kernel_text_vmstat(const char *text, size_t length, struct figures *out);

/* /proc/pressure/memory: both totals, and the flag for them. */
MUST_CHECK bool kernel_text_pressure(const char *text, size_t length, struct figures *out);

/* A file that is one number and a newline, at most most: current_kb. */
MUST_CHECK bool kernel_text_number(const char *text, size_t length, uint64_t most, uint64_t *out);

#endif
