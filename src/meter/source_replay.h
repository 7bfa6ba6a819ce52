/*
 * source_replay.h - what only a trace can tell: where a record stands.
 */
#ifndef PAGEMETER_SOURCE_REPLAY_H
#define PAGEMETER_SOURCE_REPLAY_H

#include "meter/source.h"

/* The line of the last record: a tick's T line. For sources of source_open_replay only. */
uint64_t replay_line(const struct source *source);

/* After RECORD_END: was the file cut off inside a tick, so that it was dropped? */
bool replay_is_cut_off(const struct source *source);

#endif
