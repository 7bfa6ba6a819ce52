#include "balloon/mail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/number.h"
#include "common/units.h"

#define TOKEN_NS (NS_PER_S / MAIL_RATE_PER_S)

enum { ALL_TOPICS = (1 << MAIL_TOPICS) - 1, TOTAL_DIGITS_MAX = 32 };

const struct mail_path mail_paths[MAIL_PATHS] = {
    {MAIL_DOMAINS, FIGURES_PATH, MAIL_RECORD},
    {MAIL_DOMAINS, FIGURES_ASK_PATH, MAIL_ASK},
    {MAIL_DOMAINS, "data/mod_meminfo", MAIL_MEMINFO},
    {MAIL_DOMAINS, "data/meminfo_total", MAIL_TOTALS},
    {MAIL_DOMAINS, "data/meminfo_free", MAIL_TOTALS},
    /* guests can't write in these */
    {MAIL_DOMAINS, "name", MAIL_FACTS},
    {MAIL_DOMAINS, "memory", MAIL_FACTS}, /* target, static-max, videoram */
    {MAIL_PCI_BACKENDS, "0", MAIL_FACTS},
};

/* Where a topic's text lies in its box: one byte more than may be, see mail.h. */
static const struct place {
    size_t offset;
    size_t size;
} places[MAIL_FACTS] = {
    [MAIL_RECORD] = {0, FIGURES_TEXT_MAX + 1},
    [MAIL_ASK] = {FIGURES_TEXT_MAX + 1, FIGURES_TEXT_MAX + 1},
    [MAIL_MEMINFO] = {2 * (FIGURES_TEXT_MAX + 1), FALLBACK_TEXT_MAX + 1},
    [MAIL_TOTALS] = {2 * (FIGURES_TEXT_MAX + 1) + FALLBACK_TEXT_MAX + 1,
                     2 * (TOTAL_DIGITS_MAX + 1)},
};

enum {
    BOX_BYTES = 2 * (FIGURES_TEXT_MAX + 1) + FALLBACK_TEXT_MAX + 1 + 2 * (TOTAL_DIGITS_MAX + 1)
};

/*
 * Tokens as one time: when the bucket would be full but for one token more. A token may be taken
 * while that is less than the burst ahead of now.
 */
struct bucket {
    int64_t full_ns;
};

struct box {
    uint16_t domid;
    bool is_wanted;
    bool is_watched;
    bool is_stale;       /* its facts are older than the last time that xenstore was away */
    unsigned marked;     /* topics to be read */
    unsigned ready;      /* topics with an event */
    unsigned ordered;    /* orders to be written */
    unsigned answered;   /* orders with an event */
    unsigned topic;      /* read last */
    struct bucket guest; /* tokens of what the guest writes */
    struct bucket tools;
    int64_t at_ns[MAIL_TOPICS];
    size_t length[MAIL_FACTS];
    size_t second_length;
    struct vm_facts facts;
    struct mail_write orders[MAIL_ORDERS];
    uint64_t tickets[MAIL_ORDERS];
    unsigned ok; /* of the answered ones */
    char bytes[BOX_BYTES];
};

/* Where a round over the boxes goes on: behind this domid. */
struct cursor {
    uint32_t domid;
};

struct mail {
    size_t count;
    struct cursor watches, reads, writes, events;
    struct box *boxes[BALLOON_VMS_MAX]; /* by domid, ascending */
};

bool mail_open(struct mail **out, struct error *err)
{
    struct mail *mail = calloc(1, sizeof *mail);

    if (mail == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to listen to guests");
    *out = mail;
    return true;
}

void mail_close(struct mail *mail)
{
    for (size_t i = 0; mail != NULL && i < mail->count; i++)
        free(mail->boxes[i]);
    free(mail);
}

/* The first box with at least this domid: its index, or count. */
static size_t index_from(const struct mail *mail, uint32_t domid)
{
    size_t low = 0;
    size_t high = mail->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (mail->boxes[middle]->domid < domid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct box *find(const struct mail *mail, uint16_t domid)
{
    size_t i = index_from(mail, domid);

    return i < mail->count && mail->boxes[i]->domid == domid ? mail->boxes[i] : NULL;
}

/* Where a round begins: behind the cursor; the n-th box from there, around the end. */
static size_t start_of(const struct mail *mail, const struct cursor *cursor)
{
    return index_from(mail, cursor->domid + 1);
}

static struct box *nth(const struct mail *mail, size_t start, size_t n)
{
    return mail->boxes[(start + n) % mail->count];
}

static void drop(struct mail *mail, const struct box *box)
{
    size_t i = index_from(mail, box->domid);

    free(mail->boxes[i]);
    memmove(&mail->boxes[i], &mail->boxes[i + 1],
            (mail->count - i - 1) * sizeof(struct box *)); /* NOLINT: pointers are moved */
    mail->count--;
}

static void want(struct box *box)
{
    box->is_wanted = true;
    box->marked = ALL_TOPICS;
}

bool mail_add(struct mail *mail, uint16_t domid, struct error *err)
{
    struct box *box = find(mail, domid);

    if (box == NULL && mail->count == BALLOON_VMS_MAX)
        return error_set(err, ERR_REFUSED, "more than %d domains", BALLOON_VMS_MAX);
    if (box == NULL) {
        size_t i = index_from(mail, domid);

        box = calloc(1, sizeof *box);
        if (box == NULL)
            return error_set(err, ERR_NOMEM, "not enough memory to listen to domain %u", domid);
        box->domid = domid;
        memmove(&mail->boxes[i + 1], &mail->boxes[i],
                (mail->count - i) * sizeof(struct box *)); /* NOLINT: pointers are moved */
        mail->boxes[i] = box;
        mail->count++;
    }
    if (!box->is_wanted)
        want(box);
    return true;
}

void mail_remove(struct mail *mail, uint16_t domid)
{
    struct box *box = find(mail, domid);

    if (box == NULL)
        return;
    box->is_wanted = box->is_stale = false; /* it stays until it has been unwatched */
    box->marked = box->ready = box->ordered = box->answered = 0;
    box->at_ns[MAIL_RECORD] = 0; /* the next domain with this domid is another */
    if (!box->is_watched)
        drop(mail, box);
}

bool mail_has(const struct mail *mail, uint16_t domid)
{
    const struct box *box = find(mail, domid);

    return box != NULL && box->is_wanted;
}

bool mail_next_watch(struct mail *mail, uint16_t *domid, bool *is_wanted)
{
    size_t start = start_of(mail, &mail->watches);

    for (size_t n = 0; n < mail->count; n++) {
        struct box *box = nth(mail, start, n);

        if (box->is_wanted == box->is_watched)
            continue;
        *domid = box->domid;
        *is_wanted = box->is_wanted;
        mail->watches.domid = box->domid;
        box->is_watched = box->is_wanted;
        if (!box->is_wanted)
            drop(mail, box);
        return true;
    }
    return false;
}

void mail_mark(struct mail *mail, uint16_t domid, enum mail_topic topic)
{
    struct box *box = find(mail, domid);

    if (box != NULL && box->is_wanted && (unsigned)topic < MAIL_TOPICS)
        box->marked |= 1U << topic;
}

void mail_mark_all(struct mail *mail, bool is_lost)
{
    for (size_t i = mail->count; i > 0; i--) {
        struct box *box = mail->boxes[i - 1];

        if (is_lost)
            box->is_watched = false;
        box->is_stale = box->is_wanted;
        if (box->is_wanted)
            box->marked = ALL_TOPICS;
        else if (!box->is_watched)
            drop(mail, box);
    }
}

bool mail_is_stale(const struct mail *mail)
{
    for (size_t i = 0; i < mail->count; i++)
        if (mail->boxes[i]->is_stale)
            return true;
    return false;
}

/* ---- reading, at a rate ---- */

/* When the next token is there: not after now, if it is there already. */
static int64_t bucket_next_ns(const struct bucket *b)
{
    return b->full_ns - (MAIL_BURST - 1) * TOKEN_NS;
}

static void bucket_take(struct bucket *b, int64_t now_ns)
{
    b->full_ns = (b->full_ns > now_ns ? b->full_ns : now_ns) + TOKEN_NS;
}

static struct bucket *bucket_of(struct box *box, unsigned topic)
{
    return topic == MAIL_FACTS ? &box->tools : &box->guest;
}

/*
 * The topic to read, beginning behind the last one so that none waits for ever. False: none has a
 * token; *at_ns is brought forward to when one will.
 */
static bool choose_topic(struct box *box, int64_t now_ns, unsigned *topic, int64_t *at_ns)
{
    for (unsigned n = 1; n <= MAIL_TOPICS; n++) {
        unsigned i = (box->topic + n) % MAIL_TOPICS;
        int64_t next_ns = bucket_next_ns(bucket_of(box, i));

        if ((box->marked & 1U << i) == 0)
            continue;
        if (next_ns <= now_ns) {
            *topic = i;
            return true;
        }
        if (next_ns < *at_ns)
            *at_ns = next_ns;
    }
    return false;
}

bool mail_next_read(struct mail *mail, int64_t now_ns, uint16_t *domid, enum mail_topic *topic,
                    int64_t *wait_ns)
{
    int64_t at_ns = INT64_MAX;
    size_t start = start_of(mail, &mail->reads);

    for (size_t n = 0; n < mail->count; n++) {
        struct box *box = nth(mail, start, n);
        unsigned chosen;

        if (box->marked == 0 || !choose_topic(box, now_ns, &chosen, &at_ns))
            continue;
        bucket_take(bucket_of(box, chosen), now_ns);
        box->marked &= ~(1U << chosen); /* before it is read: what changes then, marks it again */
        box->topic = chosen;
        mail->reads.domid = box->domid;
        *domid = box->domid;
        *topic = (enum mail_topic)chosen;
        return true;
    }
    *wait_ns = at_ns == INT64_MAX ? INT64_MAX : at_ns - now_ns;
    return false;
}

size_t mail_limit(enum mail_topic topic)
{
    return topic == MAIL_TOTALS ? places[topic].size / 2 : places[topic].size;
}

/* A record that is the last one again was only read again: each has a seq of its own. */
static bool is_same(const struct box *box, const struct mail_text *text)
{
    return box->at_ns[MAIL_RECORD] != 0 && box->length[MAIL_RECORD] == text->length &&
           memcmp(box->bytes + places[MAIL_RECORD].offset, text->text, text->length) == 0;
}

void mail_put_text(struct mail *mail, uint16_t domid, enum mail_topic topic,
                   const struct mail_text *text, int64_t now_ns)
{
    struct box *box = find(mail, domid);

    if (box == NULL || !box->is_wanted || (unsigned)topic >= MAIL_FACTS)
        return;
    const struct place *place = &places[topic];
    bool has_two = topic == MAIL_TOTALS;
    size_t most = mail_limit(topic);
    size_t first = text->length < most ? text->length : most;
    size_t second = !has_two ? 0 : text->second_length < most ? text->second_length : most;

    if (topic == MAIL_RECORD && text->length < most && is_same(box, text))
        return;
    memcpy(box->bytes + place->offset, text->text, first);
    memcpy(box->bytes + place->offset + first, text->text + text->length, second);
    box->length[topic] = first;
    if (has_two)
        box->second_length = second;
    box->at_ns[topic] = now_ns;
    box->ready |= 1U << topic;
}

void mail_put_facts(struct mail *mail, uint16_t domid, const struct vm_facts *facts, int64_t now_ns)
{
    struct box *box = find(mail, domid);

    if (box == NULL || !box->is_wanted)
        return;
    box->facts = *facts;
    box->is_stale = false;
    box->at_ns[MAIL_FACTS] = now_ns;
    box->ready |= 1U << MAIL_FACTS;
}

/* ---- writing ---- */

bool mail_order(struct mail *mail, const struct mail_write *write, struct error *err)
{
    struct box *box = find(mail, write->domid);

    if (box == NULL || !box->is_wanted)
        return error_set(err, ERR_REFUSED, "domain %u is not watched: nothing is written for it",
                         write->domid);
    box->orders[write->order] = *write;
    box->ordered |= 1U << write->order;
    return true;
}

bool mail_next_write(struct mail *mail, struct mail_write *out)
{
    size_t start = start_of(mail, &mail->writes);

    for (size_t n = 0; n < mail->count; n++) {
        struct box *box = nth(mail, start, n);

        if (box->ordered == 0)
            continue;
        unsigned order = (unsigned)__builtin_ctz(box->ordered);

        box->ordered &= ~(1U << order);
        *out = box->orders[order];
        mail->writes.domid = box->domid;
        return true;
    }
    return false;
}

void mail_put_written(struct mail *mail, const struct mail_write *write, bool is_ok)
{
    struct box *box = find(mail, write->domid);

    if (box == NULL || !box->is_wanted)
        return;
    unsigned bit = 1U << write->order;

    box->tickets[write->order] = write->ticket;
    box->answered |= bit;
    box->ok = is_ok ? box->ok | bit : box->ok & ~bit;
    if (!is_ok && write->order == MAIL_TARGET)
        box->marked |= 1U << MAIL_FACTS;
}

/* ---- events ---- */

static void take_answer(struct box *box, struct mail_event *out)
{
    unsigned order = (unsigned)__builtin_ctz(box->answered);

    box->answered &= ~(1U << order);
    out->kind = MAIL_WRITTEN;
    out->order = (enum mail_order)order;
    out->ticket = box->tickets[order];
    out->is_ok = (box->ok & 1U << order) != 0;
}

static void take_topic(struct box *box, struct mail_event *out)
{
    unsigned topic =
        (box->ready & 1U << MAIL_FACTS) != 0 ? MAIL_FACTS : (unsigned)__builtin_ctz(box->ready);

    box->ready &= ~(1U << topic);
    out->at_ns = box->at_ns[topic];
    if (topic == MAIL_FACTS) {
        out->kind = MAIL_TOLD;
        out->facts = box->facts;
        return;
    }
    out->kind = MAIL_TEXT;
    out->topic = (enum mail_topic)topic;
    out->text.length = box->length[topic];
    out->text.second_length = topic == MAIL_TOTALS ? box->second_length : 0;
    memcpy(out->text.text, box->bytes + places[topic].offset,
           out->text.length + out->text.second_length);
}

bool mail_take(struct mail *mail, struct mail_event *out)
{
    size_t start = start_of(mail, &mail->events);

    for (size_t n = 0; n < mail->count; n++) {
        struct box *box = nth(mail, start, n);

        if ((box->ready | box->answered) == 0)
            continue;
        out->domid = box->domid;
        if (box->answered != 0)
            take_answer(box, out);
        else
            take_topic(box, out);
        mail->events.domid = box->domid;
        return true;
    }
    return false;
}

/* ---- names of watches ---- */

const char *mail_format_token(uint16_t domid, unsigned path, char out[MAIL_TOKEN_MAX])
{
    (void)snprintf(out, MAIL_TOKEN_MAX, "%u/%u", domid, path);
    return out;
}

bool mail_parse_token(const char *token, uint16_t *domid, enum mail_topic *topic)
{
    const char *slash = strchr(token, '/');
    uint64_t number;
    uint64_t path;

    if (slash == NULL || !number_parse(token, (size_t)(slash - token), UINT16_MAX, &number) ||
        !number_parse(slash + 1, strlen(slash + 1), MAIL_PATHS - 1, &path))
        return false;
    *domid = (uint16_t)number;
    *topic = mail_paths[path].topic;
    return true;
}
