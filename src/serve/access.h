/*
 * access.h - who asks, and which hours of which VMs he may see. Pure.
 *
 * The operator sees all. A customer sees a VM in the hours when it was his, by the books, and what
 * he may not see does not exist for him.
 */
#ifndef PAGEMETER_SERVE_ACCESS_H
#define PAGEMETER_SERVE_ACCESS_H

#include "billing/book.h"

struct asker {
    bool is_operator;
    char account[ACCOUNT_TEXT_MAX]; /* else: whose link it was */
    int64_t expiry_s;               /* of the link */
};

/* Asks the book about one VM, hour by hour; cheap when hours ascend. */
struct access {
    const struct asker *asker;
    const struct book *book; /* NULL: nobody owns anything */
    struct uuid vm;
    int64_t from_hour, until_hour; /* for which is_his was found out */
    bool is_his;
};

struct access access_to(const struct asker *asker, const struct book *book, const struct uuid *vm);
bool access_has_hour(struct access *access, int64_t hour);
/* The next stretch of [*hour, to_hour), from *hour on, that may be seen: [*hour, *end). */
bool access_next(struct access *access, int64_t *hour, int64_t to_hour, int64_t *end);
/* Any hour of [from, to)? */
bool access_has_any(struct access *access, int64_t from_hour, int64_t to_hour);

#endif
