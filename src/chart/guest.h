/*
 * guest.h - what a guest said of its memory, and what it was told to have, as lines of a chart.
 *
 * From balloon.db: as it came or by five minutes, as balloon_lines.h says. A figure holds until the
 * next; when none comes for GUEST_SILENT_NS the line ends there. Targets change when they are
 * decided, not only when the guest speaks next.
 */
#ifndef PAGEMETER_CHART_GUEST_H
#define PAGEMETER_CHART_GUEST_H

#include "chart/points.h"
#include "store/balloon_lines.h"

#define GUEST_SILENT_NS (INT64_C(60) * 1000000000)

struct guest {
    struct points lines[BALLOON_LINES];
    bool is_rolled; /* some of it comes by five minutes */
};

/* Behind what is in *guest already, which ends before the span. Cleared by guest_clear. */
MUST_CHECK bool guest_read(struct balloon_store *store, const struct uuid *vm,
                           const struct series_span *span, struct guest *guest, struct error *err);
void guest_clear(struct guest *guest);

/* "used", "free", "cache", "swap", "need", "target", "floor", "ceiling". */
const char *guest_line_name(enum balloon_line line);

#endif
