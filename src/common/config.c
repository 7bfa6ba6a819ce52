#include "common/config.h"

#include <errno.h>
#include <ini.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "common/number.h"
#include "common/units.h"
#include "common/uri.h"
#include "common/uuid.h"

enum value_kind {
    VALUE_TEXT,
    VALUE_SOURCE,
    VALUE_DURATION,
    VALUE_RETENTION,
    VALUE_COUNT,
    VALUE_SIZE,
    VALUE_WORD,
    VALUE_URI,
    VALUE_PATTERNS
};

enum { SOCKET_PATH_MAX = 107 };

#define MS_NS UINT64_C(1000000)
#define HOUR_NS UINT64_C(3600000000000)

/* Every key there is, in the order of the normal form. */
static const struct key {
    const char *section;
    const char *name;
    enum value_kind kind;
    size_t offset;
    const char *standard;
    /* of a number, or of the length of a text; and how to say it, or all the words there are */
    uint64_t min;
    uint64_t max;
    const char *limits;
} keys[] = {
    {"meter", "source", VALUE_SOURCE, offsetof(struct config, source), "xen", 1,
     CONFIG_TEXT_MAX - 1, "write xen, replay:FILE or sim:FILE"},
    {"meter", "interval", VALUE_DURATION, offsetof(struct config, interval_ns), "1s", MS_NS,
     HOUR_NS, "it must be from 1ms to 1h"},
    {"meter", "max_gap", VALUE_DURATION, offsetof(struct config, max_gap_ns), "5s", MS_NS, HOUR_NS,
     "it must be from 1ms to 1h: a longer gap is not measured"},
    {"meter", "queue_ticks", VALUE_COUNT, offsetof(struct config, queue_ticks), "600", 1, 86400,
     "it must be a number from 1 to 86400"},
    {"meter", "temporary_handles", VALUE_PATTERNS, offsetof(struct config, temporary_handles),
     "deadbeef-dead-beef-* *-000000000000 *-000000000001", 0, CONFIG_TEXT_MAX - 1,
     "the list is too long"},
    {"meter", "service_domains", VALUE_PATTERNS, offsetof(struct config, service_domains), "", 0,
     CONFIG_TEXT_MAX - 1, "the list is too long"},
    {"store", "db", VALUE_TEXT, offsetof(struct config, db), "/var/lib/pagemeter", 1,
     CONFIG_TEXT_MAX - 1, "it must be the name of a directory"},
    {"store", "retention", VALUE_RETENTION, offsetof(struct config, retention_ns), "400d",
     48 * HOUR_NS, INT64_MAX, "it must be at least 48h, or forever"},
    {"store", "retry", VALUE_DURATION, offsetof(struct config, retry_ns), "1s", MS_NS,
     60000 * MS_NS, "it must be from 1ms to 1m"},
    {"stream", "socket", VALUE_TEXT, offsetof(struct config, stream), "/run/pagemeter/stream.sock",
     1, SOCKET_PATH_MAX, "it must be a path of at most 107 characters, or none"},
    {"balloon", "mode", VALUE_WORD, offsetof(struct config, balloon_mode), "dry-run", 0, 0,
     "dry-run on"},
    {"balloon", "actuator", VALUE_WORD, offsetof(struct config, balloon_actuator), "xen", 0, 0,
     "xen xe"},
    {"balloon", "policy", VALUE_WORD, offsetof(struct config, balloon_policy), "fixed", 0, 0,
     "fixed demand swap api"},
    {"balloon", "guest", VALUE_WORD, offsetof(struct config, balloon_guest), "none", 0, 0,
     "none size policy all"},
    {"balloon", "reserve", VALUE_SIZE, offsetof(struct config, balloon_reserve_kib), "0K", 0,
     KIB_MAX, "it must be at most 1024T"},
    {"balloon", "dom0_allowance", VALUE_SIZE, offsetof(struct config, balloon_dom0_allowance_kib),
     "0K", 0, KIB_MAX, "it must be at most 1024T"},
    {"balloon", "pool", VALUE_SIZE, offsetof(struct config, balloon_pool_kib), "256M", 0, KIB_MAX,
     "it must be at most 1024T"},
    {"balloon", "socket", VALUE_TEXT, offsetof(struct config, balloon_socket),
     "/run/pageballoond.sock", 1, SOCKET_PATH_MAX, "it must be a path of at most 107 characters"},
    {"balloon", "retention", VALUE_RETENTION, offsetof(struct config, balloon_retention_ns), "30d",
     HOUR_NS, INT64_MAX, "it must be at least 1h, or forever"},
    {"balloon", "figures_retention", VALUE_RETENTION,
     offsetof(struct config, balloon_figures_retention_ns), "7d", HOUR_NS, INT64_MAX,
     "it must be at least 1h, or forever"},
    {"balloon", "rollup_retention", VALUE_RETENTION,
     offsetof(struct config, balloon_rollup_retention_ns), "400d", HOUR_NS, INT64_MAX,
     "it must be at least 1h, or forever"},
    {"ship", "to", VALUE_URI, offsetof(struct config, ship_to), "", 0, CONFIG_TEXT_MAX - 1,
     "it is too long"},
    {"ship", "interval", VALUE_DURATION, offsetof(struct config, ship_interval_ns), "1m",
     1000 * MS_NS, HOUR_NS, "it must be from 1s to 1h"},
    {"ship", "state", VALUE_TEXT, offsetof(struct config, ship_state), "/var/lib/pagemeter-ship", 1,
     CONFIG_TEXT_MAX - 1, "it must be the name of a directory"},
};

enum { KEYS = sizeof keys / sizeof *keys };

static void *field(struct config *config, const struct key *key)
{
    return (char *)config + key->offset;
}

static bool set_text(const struct key *key, char *out, const char *value, struct error *err)
{
    size_t length = strlen(value);

    if (length < key->min || length > key->max)
        return error_set(err, ERR_USAGE, "%s", key->limits);
    for (const char *p = value; *p != '\0'; p++)
        if ((unsigned char)*p < ' ')
            return error_set(err, ERR_USAGE, "the value has a control character");
    /* what comes from the command line must have a form in a file too */
    if (*value == ';' || *value == '#' || strstr(value, " ;") != NULL || *value == ' ' ||
        (length > 0 && value[length - 1] == ' '))
        return error_set(err, ERR_USAGE,
                         "a value may not begin with ; or #, have ; behind a blank, or begin or "
                         "end with a blank");
    (void)strcpy(out, value);
    return true;
}

static bool set_number(const struct key *key, uint64_t *out, uint64_t value, struct error *err)
{
    if (value < key->min || value > key->max)
        return error_set(err, ERR_USAGE, "%s", key->limits);
    *out = value;
    return true;
}

static bool is_source(const char *value)
{
    return strcmp(value, "xen") == 0 || (strncmp(value, "replay:", 7) == 0 && value[7] != '\0') ||
           (strncmp(value, "sim:", 4) == 0 && value[4] != '\0');
}

/* The words are the list's, so that what is stored is one of them. */
static bool is_word_of(const char *words, const char *value)
{
    size_t length = strlen(value);

    for (const char *p = words; *p != '\0'; p += strspn(p, " ")) {
        size_t size = strcspn(p, " ");

        if (size == length && memcmp(p, value, size) == 0)
            return true;
        p += size;
    }
    return false;
}

static bool set_value(struct config *config, const struct key *key, const char *value,
                      struct error *err)
{
    void *out = field(config, key);
    uint64_t number;

    switch (key->kind) {
    case VALUE_SOURCE:
        if (!is_source(value))
            return error_set(err, ERR_USAGE, "%s", key->limits);
        return set_text(key, out, value, err);
    case VALUE_URI:
        if (*value != '\0' && !uri_check(value, err))
            return false;
        return set_text(key, out, value, err);
    case VALUE_TEXT:
        return set_text(key, out, value, err);
    case VALUE_WORD:
        if (!is_word_of(key->limits, value))
            return error_set(err, ERR_USAGE, "'%.40s' is none of its words: %s", value,
                             key->limits);
        (void)strcpy(out, value);
        return true;
    case VALUE_SIZE:
        return number_parse_size(value, &number, err) && set_number(key, out, number, err);
    case VALUE_PATTERNS:
        return uuid_check_patterns(value, err) && set_text(key, out, value, err);
    case VALUE_RETENTION:
        if (strcmp(value, "forever") == 0) {
            *(uint64_t *)out = 0;
            return true;
        }
        return number_parse_duration(value, &number, err) && set_number(key, out, number, err);
    case VALUE_DURATION:
        return number_parse_duration(value, &number, err) && set_number(key, out, number, err);
    case VALUE_COUNT:
        if (!number_parse(value, strlen(value), key->max, &number))
            return error_set(err, ERR_USAGE, "'%.40s': %s", value, key->limits);
        return set_number(key, out, number, err);
    }
    return false;
}

/* The key, or NULL and *err. */
static const struct key *find_key(const char *section, const char *name, struct error *err)
{
    bool has_section = false;

    for (size_t i = 0; i < KEYS; i++) {
        if (strcmp(keys[i].section, section) != 0)
            continue;
        has_section = true;
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    }
    if (has_section)
        (void)error_set(err, ERR_USAGE, "there is no key '%.60s' in [%s]; see pagemeter.conf(5)",
                        name, section);
    else
        (void)error_set(err, ERR_USAGE,
                        "there is no section [%.60s]: there are [meter], [store], [stream], "
                        "[balloon] and [ship]",
                        section);
    return NULL;
}

bool config_set(struct config *config, const char *section, const char *name, const char *value,
                struct error *err)
{
    const struct key *key = find_key(section, name, err);

    return key != NULL &&
           (set_value(config, key, value, err) || error_context(err, "[%s] %s", section, name));
}

void config_init(struct config *config)
{
    struct error err;

    *config = (struct config){0};
    for (size_t i = 0; i < KEYS; i++)
        (void)!set_value(config, &keys[i], keys[i].standard, &err); /* a test reads them back */
}

struct reading {
    bool is_given[KEYS]; /* in this file */
    FILE *file;
    int line;
    struct config config;
    struct error *err;
    bool is_bad;
    int bad_line;
};

/* What is wrong with a line before inih looks at it, or NULL. */
static const char *fault_of_line(const char *text, bool is_last)
{
    if (strchr(text, '\n') == NULL && !is_last)
        return "the line is too long (198 characters at most); a list may be given in several "
               "lines, each with its key";
    /* inih would take it for more of the value above, and replace that value */
    if ((*text == ' ' || *text == '\t') && text[strspn(text, " \t\r\n")] != '\0')
        return "the line begins with a blank: a value is one line, however long a list it is";
    return NULL;
}

/* inih asks for a line at a time: so the number of the line is known when a key is. */
static char *read_line(char *text, int size, void *self)
{
    struct reading *r = self;

    r->line++;
    char *got = fgets(text, size, r->file);
    const char *fault = got != NULL ? fault_of_line(got, feof(r->file) != 0) : NULL;

    if (fault != NULL && !r->is_bad) {
        r->is_bad = true;
        r->bad_line = r->line;
        (void)error_set(r->err, ERR_USAGE, "%s", fault);
    }
    return got;
}

/* A list may come in several lines, since a line has a limit; anything else comes once. */
static bool set_again(struct reading *r, const struct key *key, const char *value)
{
    char joined[2 * CONFIG_TEXT_MAX];

    if (key->kind != VALUE_PATTERNS)
        return error_set(r->err, ERR_USAGE, "it is given twice");
    (void)snprintf(joined, sizeof joined, "%s %s", (const char *)field(&r->config, key), value);
    return set_value(&r->config, key, joined, r->err);
}

static bool take_value(struct reading *r, const char *section, const char *name, const char *value)
{
    const struct key *key = find_key(section, name, r->err);

    if (key == NULL)
        return false;
    bool *is_given = &r->is_given[key - keys];
    bool is_ok = *is_given ? set_again(r, key, value) : set_value(&r->config, key, value, r->err);

    *is_given = true;
    return is_ok || error_context(r->err, "[%s] %s", section, name);
}

static int take_key(void *self, const char *section, const char *name, const char *value)
{
    struct reading *r = self;

    if (!r->is_bad && !take_value(r, section, name, value != NULL ? value : "")) {
        r->is_bad = true;
        r->bad_line = r->line;
    }
    return 1;
}

bool config_read(struct config *config, const char *file, struct error *err)
{
    struct reading r = {.config = *config, .err = err};

    r.file = fopen(file, "re");
    if (r.file == NULL)
        return error_set(err, ERR_USAGE, "can't read the configuration %s: %s", file,
                         strerror(errno));
    int bad = ini_parse_stream(read_line, &r, take_key, &r);
    bool is_read = ferror(r.file) == 0;
    int why = errno;

    (void)fclose(r.file);
    if (r.is_bad && (bad <= 0 || r.bad_line <= bad))
        return error_context(err, "%s, line %d", file, r.bad_line);
    if (bad > 0)
        return error_set(err, ERR_USAGE,
                         "%s, line %d: not a [section], a key = value or a # comment", file, bad);
    if (bad < 0 || !is_read)
        return error_set(err, ERR_USAGE, "can't read the configuration %s: %s", file,
                         strerror(why));
    *config = r.config;
    return true;
}

bool config_check(const struct config *config, struct error *err)
{
    if (config->max_gap_ns >= config->interval_ns)
        return true;
    return error_set(err, ERR_USAGE,
                     "[meter] max_gap: it is shorter than the interval, so that every interval "
                     "would be a gap and nothing would be billed");
}

static void print_value(const struct config *config, const struct key *key, FILE *out)
{
    const void *value = (const char *)config + key->offset;
    char text[DURATION_TEXT_MAX];

    switch (key->kind) {
    case VALUE_TEXT:
    case VALUE_SOURCE:
    case VALUE_WORD:
    case VALUE_URI:
    case VALUE_PATTERNS:
        (void)fputs(value, out);
        break;
    case VALUE_SIZE:
        (void)fputs(number_format_size(*(const uint64_t *)value, text), out);
        break;
    case VALUE_RETENTION:
    case VALUE_DURATION:
        (void)fputs(*(const uint64_t *)value == 0
                        ? "forever"
                        : number_format_duration(*(const uint64_t *)value, text),
                    out);
        break;
    case VALUE_COUNT:
        (void)fprintf(out, "%" PRIu64, *(const uint64_t *)value);
        break;
    }
}

void config_print(const struct config *config, FILE *out)
{
    for (size_t i = 0; i < KEYS; i++) {
        if (i == 0 || strcmp(keys[i].section, keys[i - 1].section) != 0)
            (void)fprintf(out, "%s[%s]\n", i > 0 ? "\n" : "", keys[i].section);
        (void)fprintf(out, "%s = ", keys[i].name);
        print_value(config, &keys[i], out);
        (void)fputc('\n', out);
    }
}
