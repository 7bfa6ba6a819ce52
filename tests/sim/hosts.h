/*
 * hosts.h - random hosts: sizes, guests of every kind, programs, policies, and what goes wrong.
 */
#ifndef PAGEMETER_TESTS_HOSTS_H
#define PAGEMETER_TESTS_HOSTS_H

#include "rig.h"

/* The same seed makes the same host for ever. Begins the rig and starts it. */
void host_make(struct rig *rig, uint64_t seed);

/* A host that comes to rest: only programs that end, only guests that cooperate. */
void host_make_restful(struct rig *rig, uint64_t seed);

/* How long the host of this seed is run, in s. */
double host_seconds(uint64_t seed);

#endif
