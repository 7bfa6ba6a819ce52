/*
 * figures_parse.h - a guest's word on its memory, read with distrust. Pure.
 *
 * The guest is hostile. Text is bounded before it is looked at; a record is whole and possible, or
 * it is no record. agent/figures.h has the form.
 */
#ifndef PAGEMETER_FIGURES_PARSE_H
#define PAGEMETER_FIGURES_PARSE_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/figures.h"
#include "common/error.h"

/*
 * text[0..length) is a record: all fields in order, digits only, nothing else. *out is written on
 * success only. ERR_INPUT names the first field that is wrong.
 */
MUST_CHECK bool figures_parse(const char *text, size_t length, struct figures *out,
                              struct error *err);

/*
 * Could a domain with this cap say that? available and free at most total, total at most the cap
 * and 1/64 more, free swap at most all swap, current at most the cap and 1/64 more.
 */
MUST_CHECK bool figures_are_possible(const struct figures *f, uint64_t cap_kib, struct error *err);

enum { FALLBACK_TEXT_MAX = 4096 };

/*
 * Other agents' words, of lower quality: data/mod_meminfo (lines of /proc/meminfo), and XenServer's
 * data/meminfo_total and data/meminfo_free (KiB). No balloon flag: there is no current in them.
 */
MUST_CHECK bool figures_parse_meminfo(const char *text, size_t length, struct figures *out,
                                      struct error *err);
MUST_CHECK bool figures_parse_totals(const char *total, size_t total_length, const char *available,
                                     size_t free_length, struct figures *out, struct error *err);

#endif
