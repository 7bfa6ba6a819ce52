/*
 * answer.c - what src/billing says, for an oracle that asks: tests/billing/oracle.py.
 *
 * A question is a line of words, of at most 64 KiB; an answer is a line too, `refused` when the
 * function refuses. Words are separated by a space each.
 *
 *   currency CODE                     decimals
 *   price AMOUNT UNIT                 nano-pennies, and the price as text
 *   add SUM USAGE NANO                SUM + USAGE * NANO
 *   due UNIT CARRY N TRANSFERS POSTED what is due
 *   carry UNIT CARRY N TRANSFERS POSTED
 *   limbs VALUE                       high, middle, low
 *   value HIGH MIDDLE LOW             the way back
 *   month HOUR OFFSET                 month, its first hour and the next one's
 *   named TEXT                        month
 *   dated HOUR FROM...                the index of the entry that holds, and until when; the
 *                                     entries were said in this order
 *   chain KEY BEFORE FIELD...         hash; all in hexadecimal, an empty field is -
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "billing/chain.h"
#include "billing/charge_line.h"
#include "billing/dated.h"
#include "billing/month.h"

enum { LINE_MAX_BYTES = 65536, WORDS_MAX = 300 };

static char *words[WORDS_MAX];
static size_t count;

static _Noreturn void cannot_read(const char *word)
{
    (void)fprintf(stderr, "answer: can't read '%s'\n", word);
    exit(2);
}

static const char *word(size_t i)
{
    if (i >= count)
        cannot_read("a word that is not there");
    return words[i];
}

static int64_t integer(size_t i)
{
    char *end;
    long long value = strtoll(word(i), &end, 10);

    if (*end != '\0')
        cannot_read(word(i));
    return value;
}

static numerator big(size_t i)
{
    numerator value;

    if (!numerator_parse(word(i), strlen(word(i)), &value))
        cannot_read(word(i));
    return value;
}

static enum usage_unit unit(size_t i)
{
    enum usage_unit value;
    struct error err;

    if (!unit_parse(word(i), &value, &err))
        cannot_read(word(i));
    return value;
}

static void say(numerator value)
{
    char text[NUMERATOR_TEXT_MAX];

    puts(numerator_format(value, text));
}

/* ---- the questions: false is refused ---- */

static bool ask_currency(struct error *err)
{
    struct currency currency;

    if (!currency_find(word(1), &currency, err))
        return false;
    printf("%d\n", currency.decimals);
    return true;
}

static bool ask_price(struct error *err)
{
    struct price price;
    char text[PRICE_TEXT_MAX];

    if (!price_parse(word(1), word(2), &price, err))
        return false;
    printf("%" PRId64 " %s\n", price.nano_pennies, price_format(&price, text));
    return true;
}

static bool ask_add(struct error *err)
{
    numerator sum = big(1);

    if (!numerator_add(&sum, big(2), integer(3), err))
        return false;
    say(sum);
    return true;
}

static struct charge_line_sums sums(void)
{
    return (struct charge_line_sums){.carry_in = big(2),
                                     .n = big(3),
                                     .transfers = big(4),
                                     .posted = integer(5)};
}

static bool ask_due(struct error *err)
{
    struct charge_line_sums line = sums();
    int64_t due;

    if (!charge_line_due(&line, unit(1), &due, err))
        return false;
    printf("%" PRId64 "\n", due);
    return true;
}

static bool ask_carry(struct error *err)
{
    struct charge_line_sums line = sums();
    numerator carry;

    if (!charge_line_carry(&line, unit(1), &carry, err))
        return false;
    say(carry);
    return true;
}

static bool ask_limbs(struct error *err)
{
    struct numerator_limbs limbs = numerator_to_limbs(big(1));

    (void)err;
    printf("%" PRId64 " %" PRId64 " %" PRId64 "\n", limbs.high, limbs.middle, limbs.low);
    return true;
}

static bool ask_value(struct error *err)
{
    struct numerator_limbs limbs = {integer(1), integer(2), integer(3)};
    numerator value;

    if (!numerator_from_limbs(&limbs, &value, err))
        return false;
    say(value);
    return true;
}

static bool ask_month(struct error *err)
{
    int offset_h = (int)integer(2);
    int32_t month = month_of_hour(integer(1), offset_h);
    char text[MONTH_TEXT_MAX];

    (void)err;
    printf("%s %" PRId64 " %" PRId64 "\n", month_format(month, text),
           month_first_hour(month, offset_h), month_first_hour(month + 1, offset_h));
    return true;
}

static bool ask_named(struct error *err)
{
    int32_t month;

    if (!month_parse(word(1), 0, &month, err))
        return false;
    printf("%d\n", month);
    return true;
}

static bool ask_dated(struct error *err)
{
    struct dated entries[WORDS_MAX];
    size_t n = count - 2;

    (void)err;
    for (size_t i = 0; i < n; i++)
        entries[i] = (struct dated){.from_hour = integer(i + 2), .change = (int64_t)i, .value = i};
    dated_sort(entries, n);
    size_t holds = dated_find(entries, n, integer(1));

    printf("%d %" PRId64 "\n", holds == n ? -1 : (int)entries[holds].value,
           dated_until(entries, n, integer(1)));
    return true;
}

/* In place; the length of what it stands for. */
static size_t unhex(char *text)
{
    size_t length = strcmp(text, "-") == 0 ? 0 : strlen(text) / 2;

    for (size_t i = 0; i < length; i++) {
        const char two[] = {text[2 * i], text[2 * i + 1], '\0'};
        char *end;

        text[i] = (char)strtoul(two, &end, 16);
        if (*end != '\0')
            cannot_read(two);
    }
    return length;
}

static bool ask_chain(struct error *err)
{
    struct chain_field fields[WORDS_MAX];
    struct chain_key key;
    struct chain_hash hash;
    char text[CHAIN_TEXT_MAX];

    (void)err;
    if (unhex(words[1]) != sizeof key.bytes || !chain_parse(word(2), strlen(word(2)), &hash))
        cannot_read("a key or a hash");
    memcpy(key.bytes, words[1], sizeof key.bytes);
    for (size_t i = 3; i < count; i++)
        fields[i - 3] = (struct chain_field){.text = words[i], .length = unhex(words[i])};
    chain_next(&key, &hash, fields, count - 3, &hash);
    puts(chain_format(&hash, text));
    return true;
}

static const struct {
    const char *name;
    bool (*ask)(struct error *err);
} questions[] = {
    {"currency", ask_currency}, {"price", ask_price}, {"add", ask_add},     {"due", ask_due},
    {"carry", ask_carry},       {"limbs", ask_limbs}, {"value", ask_value}, {"month", ask_month},
    {"named", ask_named},       {"dated", ask_dated}, {"chain", ask_chain},
};

static void answer(void)
{
    struct error err;

    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        if (strcmp(word(0), questions[i].name) == 0) {
            if (!questions[i].ask(&err))
                puts("refused");
            return;
        }
    }
    cannot_read(word(0));
}

int main(void)
{
    static char line[LINE_MAX_BYTES];

    while (fgets(line, sizeof line, stdin) != NULL) {
        char *rest = line;

        line[strcspn(line, "\n")] = '\0';
        for (count = 0; rest != NULL && count < WORDS_MAX; count++)
            words[count] = strsep(&rest, " ");
        answer();
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
