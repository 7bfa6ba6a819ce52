/*
 * answer_balloon.h - the part of a chart that memory on demand has: what the guest said of its
 * memory, and what was decided. From balloon.db, never for money.
 */
#ifndef PAGEMETER_SERVE_ANSWER_BALLOON_H
#define PAGEMETER_SERVE_ANSWER_BALLOON_H

#include "serve/answer.h"

/* Writes "guest" and "decisions", which are empty where there is no balloon.db. */
MUST_CHECK bool answer_balloon(const struct answering *a, struct json *json, struct access *access,
                               struct error *err);

#endif
