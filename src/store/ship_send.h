/*
 * ship_send.h - batches to PostgreSQL: one call of its function ship() each, which is one
 * transaction there. What it answers is what PostgreSQL has, whatever was sent before.
 */
#ifndef PAGEMETER_SHIP_SEND_H
#define PAGEMETER_SHIP_SEND_H

#include "store/ship_read.h"

struct ship_sender;

/*
 * uri: postgresql://..., for a role that may ship. ERR_USAGE: it is none; ERR_RETRY: PostgreSQL
 * can't be reached.
 */
MUST_CHECK bool ship_sender_open(struct ship_sender **out, const char *uri, struct error *err);
/* Accepts NULL. */
void ship_sender_close(struct ship_sender *sender);

/*
 * For a keeper of the database: all that is sent up to the commit is of this host, and is stored
 * then or not at all.
 */
MUST_CHECK bool ship_sender_begin_as(struct ship_sender *sender, const struct uuid *host,
                                     struct error *err);
MUST_CHECK bool ship_sender_commit_as(struct ship_sender *sender, const struct uuid *host,
                                      struct error *err);

struct ship_answer {
    int64_t delivered; /* the tick up to which nothing is missing there; the origin's begin */
    int64_t conflicts; /* rows of the batch that are there, and are otherwise */
};

/* When it fails it is not known whether the batch was stored. ERR_REFUSED: it was not. */
MUST_CHECK bool ship_send(struct ship_sender *sender, const struct ship_origin *origin,
                          const struct ship_batch *batch, struct ship_answer *out,
                          struct error *err);

/* Sends nothing, asks what is there. */
MUST_CHECK bool ship_ask(struct ship_sender *sender, const struct ship_origin *origin,
                         struct ship_answer *out, struct error *err);

#endif
