#include "balloon/policy.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/number.h"
#include "common/units.h"

enum { WEIGHT_DEFAULT = 100 };

static const char *const kind_names[POLICY_KINDS] = {
    [POLICY_FIXED] = "fixed",
    [POLICY_DEMAND] = "demand",
    [POLICY_SWAP] = "swap",
    [POLICY_API] = "api",
};

void policy_init(struct policy *policy)
{
    *policy = (struct policy){.kind = POLICY_FIXED,
                              .weight = WEIGHT_DEFAULT,
                              .is_headroom_adaptive = true};
}

const char *policy_kind_name(enum policy_kind kind)
{
    return kind < POLICY_KINDS ? kind_names[kind] : "?";
}

/* ---- one value ---- */

static bool set_kind(struct policy *policy, const char *value, struct error *err)
{
    for (int kind = 0; kind < POLICY_KINDS; kind++)
        if (strcmp(value, kind_names[kind]) == 0) {
            policy->kind = (enum policy_kind)kind;
            return true;
        }
    return error_set(err, ERR_USAGE, "policy is fixed, demand, swap or api, not \"%.40s\"", value);
}

static bool set_floor(struct policy *policy, const char *value, struct error *err)
{
    return number_parse_size(value, &policy->floor_kib, err);
}

static bool set_ceiling(struct policy *policy, const char *value, struct error *err)
{
    return number_parse_size(value, &policy->ceiling_kib, err);
}

static bool set_start(struct policy *policy, const char *value, struct error *err)
{
    if (strcmp(value, "low") == 0)
        policy->start_kib = 0;
    else if (strcmp(value, "high") == 0)
        policy->start_kib = UINT64_MAX;
    else
        return number_parse_size(value, &policy->start_kib, err);
    return true;
}

static bool set_headroom(struct policy *policy, const char *value, struct error *err)
{
    uint64_t kib = 0;
    bool is_adaptive = strcmp(value, "adaptive") == 0;

    if (strcmp(value, "need") != 0 && !is_adaptive && !number_parse_size(value, &kib, err))
        return false;
    if (kib != 0 && kib < (UINT64_C(4) << 10))
        return error_set(err, ERR_USAGE, "a headroom of less than 4M is eaten before it is seen");
    policy->headroom_kib = kib;
    policy->is_headroom_adaptive = is_adaptive;
    return true;
}

static bool set_size(struct policy *policy, const char *value, struct error *err)
{
    return number_parse_size(value, &policy->size_kib, err);
}

static bool set_weight(struct policy *policy, const char *value, struct error *err)
{
    uint64_t weight;

    if (!number_parse(value, strlen(value), POLICY_WEIGHT_MOST, &weight) || weight == 0)
        return error_set(err, ERR_USAGE, "weight is a number from 1 to %d, not \"%.40s\"",
                         POLICY_WEIGHT_MOST, value);
    policy->weight = (uint32_t)weight;
    return true;
}

static bool set_reclaim(struct policy *policy, const char *value, struct error *err)
{
    if (strcmp(value, "swap") != 0 && strcmp(value, "none") != 0)
        return error_set(err, ERR_USAGE, "reclaim is none or swap, not \"%.40s\"", value);
    policy->may_reclaim_swap = value[0] == 's';
    return true;
}

/* GiB*h per day with at most three decimals, or none. */
static bool set_cap(struct policy *policy, const char *value, struct error *err)
{
    const char *dot = strchr(value, '.');
    size_t whole = dot != NULL ? (size_t)(dot - value) : strlen(value);
    uint64_t units = 0, thousandths = 0;

    if (strcmp(value, "none") == 0) {
        policy->spend_cap_milli = 0;
        return true;
    }
    for (size_t i = 0; dot != NULL && i < 3; i++) {
        char digit = dot[1] == '\0' || strlen(dot + 1) <= i ? '0' : dot[1 + i];

        if (!isdigit((unsigned char)digit))
            thousandths = 1000; /* refused below */
        thousandths = thousandths * 10 + (uint64_t)(digit - '0');
    }
    if (!number_parse(value, whole, 1000000000, &units) || thousandths > 999 ||
        (dot != NULL && (dot[1] == '\0' || strlen(dot + 1) > 3)) || units + thousandths == 0)
        return error_set(err, ERR_USAGE,
                         "cap is in GiB*h per day, like 12.5, or none, not \"%.40s\"", value);
    policy->spend_cap_milli = units * 1000 + thousandths;
    return true;
}

static const struct {
    const char *word;
    unsigned may;
} guest_words[] = {
    {"none", 0},
    {"size", GUEST_MAY_SIZE},
    {"policy", GUEST_MAY_POLICY},
    {"all", GUEST_MAY_SIZE | GUEST_MAY_POLICY},
};

static bool set_guest(struct policy *policy, const char *value, struct error *err)
{
    for (size_t i = 0; i < sizeof guest_words / sizeof *guest_words; i++)
        if (strcmp(value, guest_words[i].word) == 0) {
            policy->guest_may = guest_words[i].may;
            return true;
        }
    return error_set(err, ERR_USAGE, "guest is none, size, policy or all, not \"%.40s\"", value);
}

static const struct {
    const char *key;
    bool (*set)(struct policy *policy, const char *value, struct error *err);
} keys[] = {
    {"policy", set_kind}, {"floor", set_floor},       {"ceiling", set_ceiling},
    {"start", set_start}, {"headroom", set_headroom}, {"size", set_size},
    {"cap", set_cap},     {"weight", set_weight},     {"reclaim", set_reclaim},
    {"guest", set_guest},
};

bool policy_set(struct policy *policy, const char *key, const char *value, struct error *err)
{
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(key, keys[i].key) == 0)
            return keys[i].set(policy, value, err);
    return error_set(err, ERR_USAGE,
                     "\"%.40s\" is no setting: policy, floor, ceiling, start, headroom, size, cap, "
                     "weight, reclaim and guest are",
                     key);
}

/* ---- the whole ---- */

bool policy_check(const struct policy *policy, bool is_forced, struct error *err)
{
    uint64_t floor = policy->floor_kib, ceiling = policy->ceiling_kib;

    if (floor != 0 && floor < POLICY_FLOOR_LEAST_KIB)
        return error_set(err, ERR_REFUSED,
                         "a floor under 96M lets the guest's kernel die: raise it");
    if (floor != 0 && ceiling != 0 && floor > ceiling)
        return error_set(err, ERR_REFUSED, "the floor lies above the ceiling");
    if (floor != 0 && ceiling != 0 && !is_forced && ceiling > floor * POLICY_RATIO_MOST)
        return error_set(err, ERR_REFUSED,
                         "the ceiling is more than %d times the floor: the guest's page structures "
                         "alone would fill much of the floor. Raise the floor, or use --force",
                         POLICY_RATIO_MOST);
    return true;
}

const char *policy_warning(const struct policy *policy)
{
    uint64_t floor = policy->floor_kib, ceiling = policy->ceiling_kib;

    if (floor != 0 && floor < POLICY_FLOOR_WARN_KIB)
        return "a floor under 128M leaves little beside the guest's kernel";
    if (floor != 0 && ceiling > floor * POLICY_RATIO_WARN)
        return "the ceiling is more than 8 times the floor: its page structures cost much of the "
               "floor";
    return NULL;
}

/* ---- in words ---- */

static void add_word(char out[POLICY_TEXT_MAX], const char *key, const char *value)
{
    size_t used = strlen(out);

    (void)snprintf(out + used, POLICY_TEXT_MAX - used, "%s%s=%s", used == 0 ? "" : " ", key, value);
}

static void add_size(char out[POLICY_TEXT_MAX], const char *key, uint64_t kib)
{
    char text[SIZE_TEXT_MAX];

    if (kib != 0)
        add_word(out, key, number_format_size(kib, text));
}

static void add_cap(char out[POLICY_TEXT_MAX], uint64_t milli)
{
    char text[SIZE_TEXT_MAX];

    (void)snprintf(text, sizeof text, "%" PRIu64 ".%03" PRIu64, milli / 1000, milli % 1000);
    if (milli != 0)
        add_word(out, "cap", text);
}

const char *policy_format(const struct policy *policy, char out[POLICY_TEXT_MAX])
{
    char weight[SIZE_TEXT_MAX];

    out[0] = '\0';
    (void)snprintf(weight, sizeof weight, "%" PRIu32, policy->weight);
    add_word(out, "policy", kind_names[policy->kind]);
    add_size(out, "floor", policy->floor_kib);
    add_size(out, "ceiling", policy->ceiling_kib);
    if (policy->start_kib == UINT64_MAX)
        add_word(out, "start", "high");
    else
        add_size(out, "start", policy->start_kib);
    if (!policy->is_headroom_adaptive && policy->headroom_kib == 0)
        add_word(out, "headroom", "need");
    add_size(out, "headroom", policy->headroom_kib);
    add_size(out, "size", policy->size_kib);
    add_cap(out, policy->spend_cap_milli);
    if (policy->weight != WEIGHT_DEFAULT)
        add_word(out, "weight", weight);
    if (policy->may_reclaim_swap)
        add_word(out, "reclaim", "swap");
    if (policy->guest_may != 0)
        add_word(out, "guest", guest_words[policy->guest_may].word);
    return out;
}
