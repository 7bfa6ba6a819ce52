/*
 * rivals.h - other programs that move memory between the VMs of this host. With one of them running
 * pageballoond stands down.
 */
#ifndef PAGEMETER_RIVALS_H
#define PAGEMETER_RIVALS_H

#include <stdbool.h>
#include <stddef.h>

enum rival {
    RIVAL_NONE,
    RIVAL_SQUEEZED,   /* XAPI's */
    RIVAL_QMEMMAN,    /* Qubes' */
    RIVAL_AUTOBALLOON /* xl takes dom0's memory for new VMs: autoballoon in /etc/xen/xl.conf */
};

/* Which rival is a process with this name (/proc/PID/comm: at most 15 bytes), if any? Pure. */
enum rival rival_of_name(const char *comm);

/*
 * Does this text of xl.conf turn autoballoon on? "auto", its default, is on unless Xen was started
 * with dom0_mem: has_dom0_mem. Pure.
 */
bool rival_is_autoballoon(const char *text, size_t length, bool has_dom0_mem);

/*
 * Looks at /proc and /etc/xen/xl.conf below root ("" in earnest). What cannot be read is no rival.
 * has_dom0_mem: dom0 has a limit of its own, as the hypervisor lists it.
 */
enum rival rivals_find(const char *root, bool has_dom0_mem);

/* What an operator should hear: a sentence that says what to do about it. */
const char *rival_sentence(enum rival rival);

#endif
