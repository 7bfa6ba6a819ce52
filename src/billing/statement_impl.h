/*
 * statement_impl.h - what the files of statement.h share.
 */
#ifndef PAGEMETER_STATEMENT_IMPL_H
#define PAGEMETER_STATEMENT_IMPL_H

#include "billing/statement.h"

/* ERR_USAGE for what is neither a month nor a day of it. */
MUST_CHECK bool statement_check_span(const struct statement_span *span, bool *is_whole,
                                     struct error *err);

/* A billing_name_sink's; self is the statement. */
MUST_CHECK bool statement_take_name(void *self, const struct uuid *vm, const char *name,
                                    struct error *err);
/* "" for a pool, and for what nobody named. */
const char *statement_name_of(const struct statement *s, const struct billing_line *line);

#endif
