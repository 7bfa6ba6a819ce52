/*
 * figures_format.h - the record as text: figures.h the other way round. Pure, without stdio.
 */
#ifndef PAGEMETER_FIGURES_FORMAT_H
#define PAGEMETER_FIGURES_FORMAT_H

#include <stddef.h>

#include "agent/figures.h"

/*
 * Writes the record and returns its length; no NUL, no newline. It always fits: the longest record
 * that there can be is computed when this is compiled.
 *
 * A figure above its `most` is written as its `most`, the record is not withheld for it: a program
 * in the guest can make Committed_AS as large as it likes, and must not silence the agent by that.
 */
size_t figures_format(const struct figures *f, char out[FIGURES_TEXT_MAX]);

/* The number of the record after this one: 1 comes after 0 and after the largest. */
uint64_t figures_next_seq(uint64_t seq);

#endif
