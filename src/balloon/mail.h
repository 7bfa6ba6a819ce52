/*
 * mail.h - what is to be read, written and handed on for each domain. Pure: no lock, no clock, no
 * I/O; the heap only when a domain is added.
 *
 * One box per domain, with one place for each thing that can be read of it or written for it. So
 * nothing ever overflows: a place that is full takes the newer content (events are merged, never
 * lost), and no domain takes anything from another's box. Boxes are served round robin.
 *
 * A domain that changes its nodes faster than it may is only marked: its newest value is read when
 * it has a token again. Guests and toolstacks have tokens of their own.
 */
#ifndef PAGEMETER_MAIL_H
#define PAGEMETER_MAIL_H

#include "agent/figures.h"
#include "balloon/figures_parse.h"
#include "balloon/host.h"

/* What is read of a domain: each is watched, and read as a whole. */
enum mail_topic {
    MAIL_RECORD,  /* data/pagemeter/mem */
    MAIL_ASK,     /* data/pagemeter/ask */
    MAIL_MEMINFO, /* data/mod_meminfo, of other agents */
    MAIL_TOTALS,  /* data/meminfo_total and data/meminfo_free, of XenServer's */
    MAIL_FACTS,   /* name, memory/..., a backend for PCI: the toolstack's word */
    MAIL_TOPICS
};

/* What is written for a domain. */
enum mail_order { MAIL_TARGET, MAIL_HEADROOM, MAIL_ANSWER, MAIL_ORDERS };

/* Longer text is cut after one byte more, by which it is known to be too long: a bad record. */
enum { MAIL_TEXT_MAX = FALLBACK_TEXT_MAX + 1, MAIL_VALUE_MAX = 256 };

/* Tokens of one domain. */
enum { MAIL_RATE_PER_S = 20, MAIL_BURST = 10 };

struct mail_text {
    size_t length;        /* may contain NULs */
    size_t second_length; /* MAIL_TOTALS: free stands behind total */
    char text[MAIL_TEXT_MAX];
};

/* What was read, or became of a write. */
struct mail_event {
    enum { MAIL_TEXT, MAIL_TOLD, MAIL_WRITTEN } kind;
    uint16_t domid;
    int64_t at_ns;         /* MAIL_TEXT, MAIL_TOLD: when it was read */
    enum mail_topic topic; /* MAIL_TEXT */
    struct mail_text text;
    struct vm_facts facts; /* MAIL_TOLD */
    enum mail_order order; /* MAIL_WRITTEN */
    uint64_t ticket;
    bool is_ok;
};

/* One thing to write. */
struct mail_write {
    uint16_t domid;
    enum mail_order order;
    uint64_t ticket;
    int64_t at_ns; /* when it was asked for */
    char value[MAIL_VALUE_MAX];
};

struct mail;

MUST_CHECK bool mail_open(struct mail **out, struct error *err);
void mail_close(struct mail *mail);

/*
 * A box for the domain; all its topics are then to be read, and it is to be watched. Nothing
 * happens when it has one. ERR_REFUSED beyond BALLOON_VMS_MAX, ERR_NOMEM.
 */
MUST_CHECK bool mail_add(struct mail *mail, uint16_t domid, struct error *err);
/* The box goes, with all that is in it; it is to be unwatched. */
void mail_remove(struct mail *mail, uint16_t domid);
bool mail_has(const struct mail *mail, uint16_t domid);

/* The next domain whose watches are to be set (*is_wanted) or taken back. False: none. */
bool mail_next_watch(struct mail *mail, uint16_t *domid, bool *is_wanted);

/* Something changed there. A domain without a box, or a topic out of range: nothing. */
void mail_mark(struct mail *mail, uint16_t domid, enum mail_topic topic);
/* xenstore was away: everything is to be read anew; when it was lost, watched anew also. */
void mail_mark_all(struct mail *mail, bool is_lost);
/* After that: is there a domain whose facts have not been read anew? */
bool mail_is_stale(const struct mail *mail);

/*
 * The next thing to read, from a domain that has a token, which it takes. False: none now; then
 * *wait_ns is when there will be (INT64_MAX: nothing is marked).
 */
bool mail_next_read(struct mail *mail, int64_t now_ns, uint16_t *domid, enum mail_topic *topic,
                    int64_t *wait_ns);

/* So much is to be read of one node of this topic; not for MAIL_FACTS. */
size_t mail_limit(enum mail_topic topic);

/* What was read arrives. A domain whose box has gone: nothing. */
void mail_put_text(struct mail *mail, uint16_t domid, enum mail_topic topic,
                   const struct mail_text *text, int64_t now_ns);
void mail_put_facts(struct mail *mail, uint16_t domid, const struct vm_facts *facts,
                    int64_t now_ns);

/*
 * A write is asked for. A newer value takes an older one's place while that one still waits; only
 * the newer ticket is then answered (and of two answers that wait, the newer is kept). ERR_REFUSED
 * when the domain has no box.
 */
MUST_CHECK bool mail_order(struct mail *mail, const struct mail_write *write, struct error *err);
bool mail_next_write(struct mail *mail, struct mail_write *out);
/* After a target that could not be written the facts are read anew. */
void mail_put_written(struct mail *mail, const struct mail_write *write, bool is_ok);

/* The next event, round robin over domains. False: none. */
bool mail_take(struct mail *mail, struct mail_event *out);

/* ---- names of watches ---- */

enum { MAIL_TOKEN_MAX = 32 };

/* Watch tokens: "17/3", domid and path number; a token names what to mark. */
const char *mail_format_token(uint16_t domid, unsigned path, char out[MAIL_TOKEN_MAX]);
MUST_CHECK bool mail_parse_token(const char *token, uint16_t *domid, enum mail_topic *topic);

/* Directories of one directory for each domain, N: its own, and what dom0 has for it of PCI. */
#define MAIL_DOMAINS "/local/domain"
#define MAIL_PCI_BACKENDS "/local/domain/0/backend/pci"

/* The paths that are watched, as PARENT/N/PATH, and what they belong to. */
struct mail_path {
    const char *parent, *path;
    enum mail_topic topic;
};
enum { MAIL_PATHS = 8 };
extern const struct mail_path mail_paths[MAIL_PATHS];

#endif
