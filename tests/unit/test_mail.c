/* mail.h: boxes, tokens, merging, turns, and the names of watches. */
#include "balloon/mail.h"
#include "check.h"

#define T0 (100 * NS_PER_S)
#define TOKEN_NS (NS_PER_S / MAIL_RATE_PER_S)

static struct mail *opened(unsigned domains)
{
    struct mail *mail;
    struct error err;

    assert_ok(mail_open(&mail, &err));
    for (uint16_t i = 1; i <= domains; i++)
        assert_ok(mail_add(mail, i, &err));
    return mail;
}

/* Reads everything that is marked, long enough for all tokens. */
static void read_all(struct mail *mail, int64_t now_ns)
{
    enum mail_topic topic;
    uint16_t domid;
    int64_t wait_ns;

    for (int i = 0; i < 100; i++)
        while (mail_next_read(mail, now_ns + i * NS_PER_S, &domid, &topic, &wait_ns))
            ;
}

static void put(struct mail *mail, uint16_t domid, enum mail_topic topic, const char *text)
{
    static struct mail_text t;

    t.length = strlen(text);
    t.second_length = 0;
    memcpy(t.text, text, t.length);
    mail_put_text(mail, domid, topic, &t, T0);
}

static void assert_text_is(const struct mail_event *event, const char *text)
{
    assert_int_equal(event->kind, MAIL_TEXT);
    assert_int_equal(event->text.length, strlen(text));
    assert_memory_equal(event->text.text, text, strlen(text));
}

static void test_mail_add_marks_everything_and_wants_watches(void **state)
{
    struct mail *mail = opened(1);
    unsigned topics = 0;
    enum mail_topic topic;
    uint16_t domid;
    int64_t wait_ns;
    bool is_wanted;

    (void)state;
    assert_true(mail_next_watch(mail, &domid, &is_wanted));
    assert_int_equal(domid, 1);
    assert_true(is_wanted);
    assert_false(mail_next_watch(mail, &domid, &is_wanted));
    while (mail_next_read(mail, T0, &domid, &topic, &wait_ns))
        topics |= 1U << topic;
    assert_int_equal(topics, (1 << MAIL_TOPICS) - 1);
    assert_true(wait_ns == INT64_MAX);
    mail_close(mail);
}

static void test_mail_remove_forgets_and_wants_unwatching(void **state)
{
    struct mail *mail = opened(1);
    struct mail_event event;
    uint16_t domid;
    bool is_wanted;

    (void)state;
    assert_true(mail_next_watch(mail, &domid, &is_wanted));
    put(mail, 1, MAIL_RECORD, "v=1");
    mail_remove(mail, 1);
    assert_false(mail_has(mail, 1));
    assert_false(mail_take(mail, &event));
    put(mail, 1, MAIL_RECORD, "v=1 late");
    assert_false(mail_take(mail, &event));
    assert_true(mail_next_watch(mail, &domid, &is_wanted));
    assert_false(is_wanted);
    assert_false(mail_next_watch(mail, &domid, &is_wanted));
    mail_remove(mail, 1); /* of what is not there: nothing */
    mail_close(mail);
}

static void test_mail_remove_before_it_was_watched_leaves_nothing(void **state)
{
    struct mail *mail = opened(1);
    uint16_t domid;
    bool is_wanted;

    (void)state;
    mail_remove(mail, 1);
    assert_false(mail_next_watch(mail, &domid, &is_wanted));
    mail_close(mail);
}

static void test_mail_add_refuses_beyond_the_limit(void **state)
{
    struct mail *mail = opened(BALLOON_VMS_MAX);
    struct error err;

    (void)state;
    assert_ok(mail_add(mail, BALLOON_VMS_MAX, &err)); /* has a box */
    assert_fails(mail_add(mail, BALLOON_VMS_MAX + 1, &err), ERR_REFUSED, "domains");
    mail_remove(mail, 7);
    assert_ok(mail_add(mail, BALLOON_VMS_MAX + 1, &err));
    mail_close(mail);
}

static void test_mail_read_is_limited_to_burst_and_rate(void **state)
{
    struct mail *mail = opened(1);
    enum mail_topic topic;
    uint16_t domid;
    int64_t wait_ns;
    unsigned reads = 0;

    (void)state;
    read_all(mail, T0);
    int64_t begin_ns = T0 + 200 * NS_PER_S;

    for (int64_t now_ns = begin_ns; now_ns < begin_ns + 10 * NS_PER_S; now_ns += 1000000) {
        mail_mark(mail, 1, MAIL_RECORD); /* more often than it may */
        reads += mail_next_read(mail, now_ns, &domid, &topic, &wait_ns);
    }
    assert_in_range(reads, 10 * MAIL_RATE_PER_S, 10 * MAIL_RATE_PER_S + MAIL_BURST);
    mail_close(mail);
}

static void test_mail_read_at_the_limit_waits_for_exactly_one_token(void **state)
{
    struct mail *mail = opened(1);
    enum mail_topic topic;
    uint16_t domid;
    int64_t wait_ns;
    int64_t now_ns = T0 + 200 * NS_PER_S;

    (void)state;
    read_all(mail, T0);
    for (int i = 0; i < MAIL_BURST; i++) {
        mail_mark(mail, 1, MAIL_RECORD);
        assert_true(mail_next_read(mail, now_ns, &domid, &topic, &wait_ns));
    }
    mail_mark(mail, 1, MAIL_RECORD);
    assert_false(mail_next_read(mail, now_ns, &domid, &topic, &wait_ns));
    assert_int_equal(wait_ns, TOKEN_NS);
    assert_false(mail_next_read(mail, now_ns + TOKEN_NS - 1, &domid, &topic, &wait_ns));
    assert_int_equal(wait_ns, 1);
    assert_true(mail_next_read(mail, now_ns + TOKEN_NS, &domid, &topic, &wait_ns));
    mail_close(mail);
}

static void test_mail_facts_do_not_wait_for_a_guest_that_floods(void **state)
{
    struct mail *mail = opened(1);
    enum mail_topic topic;
    uint16_t domid;
    int64_t wait_ns;
    int64_t now_ns = T0 + 200 * NS_PER_S;

    (void)state;
    read_all(mail, T0);
    for (int i = 0; i < MAIL_BURST; i++) {
        mail_mark(mail, 1, MAIL_RECORD);
        assert_true(mail_next_read(mail, now_ns, &domid, &topic, &wait_ns));
    }
    mail_mark(mail, 1, MAIL_RECORD);
    mail_mark(mail, 1, MAIL_FACTS);
    assert_true(mail_next_read(mail, now_ns, &domid, &topic, &wait_ns));
    assert_int_equal(topic, MAIL_FACTS);
    mail_close(mail);
}

static void test_mail_domains_are_read_in_turns(void **state)
{
    struct mail *mail = opened(3);
    enum mail_topic topic;
    uint16_t domid;
    int64_t wait_ns;
    unsigned reads[4] = {0};
    int64_t now_ns = T0 + 200 * NS_PER_S;

    (void)state;
    read_all(mail, T0);
    for (int i = 0; i < 9; i++) {
        for (uint16_t d = 1; d <= 3; d++)
            mail_mark(mail, d, MAIL_RECORD);
        assert_true(mail_next_read(mail, now_ns, &domid, &topic, &wait_ns));
        reads[domid]++;
    }
    for (int d = 1; d <= 3; d++)
        assert_int_equal(reads[d], 3);
    mail_close(mail);
}

static void test_mail_topics_of_one_domain_are_read_in_turns(void **state)
{
    struct mail *mail = opened(1);
    enum mail_topic first;
    enum mail_topic second;
    uint16_t domid;
    int64_t wait_ns;
    int64_t now_ns = T0 + 200 * NS_PER_S;

    (void)state;
    read_all(mail, T0);
    mail_mark(mail, 1, MAIL_RECORD);
    mail_mark(mail, 1, MAIL_ASK);
    assert_true(mail_next_read(mail, now_ns, &domid, &first, &wait_ns));
    mail_mark(mail, 1, first);
    assert_true(mail_next_read(mail, now_ns, &domid, &second, &wait_ns));
    assert_int_not_equal(first, second);
    mail_close(mail);
}

static void test_mail_event_not_taken_is_replaced_by_a_newer_one(void **state)
{
    struct mail *mail = opened(1);
    struct mail_event event;

    (void)state;
    put(mail, 1, MAIL_RECORD, "v=1 seq=1");
    put(mail, 1, MAIL_RECORD, "v=1 seq=2");
    put(mail, 1, MAIL_ASK, "size=512M");
    assert_true(mail_take(mail, &event));
    assert_text_is(&event, "v=1 seq=2");
    assert_int_equal(event.at_ns, T0);
    assert_true(mail_take(mail, &event));
    assert_text_is(&event, "size=512M");
    assert_false(mail_take(mail, &event));
    mail_close(mail);
}

static void test_mail_record_read_twice_is_one_event(void **state)
{
    struct mail *mail = opened(1);
    struct mail_event event;

    (void)state;
    put(mail, 1, MAIL_RECORD, "v=1 seq=1");
    assert_true(mail_take(mail, &event));
    put(mail, 1, MAIL_RECORD, "v=1 seq=1");
    assert_false(mail_take(mail, &event));
    put(mail, 1, MAIL_ASK, "size=512M"); /* may be asked for again */
    assert_true(mail_take(mail, &event));
    put(mail, 1, MAIL_ASK, "size=512M");
    assert_true(mail_take(mail, &event));
    mail_close(mail);
}

static void test_mail_record_of_a_domid_used_again_is_new(void **state)
{
    struct mail *mail = opened(1);
    struct mail_event event;
    struct error err;
    uint16_t domid;
    bool is_wanted;

    (void)state;
    assert_true(mail_next_watch(mail, &domid, &is_wanted));
    put(mail, 1, MAIL_RECORD, "v=1 seq=1");
    assert_true(mail_take(mail, &event));
    mail_remove(mail, 1);
    assert_ok(mail_add(mail, 1, &err));
    put(mail, 1, MAIL_RECORD, "v=1 seq=1");
    assert_true(mail_take(mail, &event));
    mail_close(mail);
}

/* Text of `length` nines arrives; returns the length that is handed on. */
static size_t length_after(enum mail_topic topic, size_t length)
{
    static struct mail_event event;
    static struct mail_text t;
    struct mail *mail = opened(1);

    memset(t.text, '9', sizeof t.text);
    t.length = length;
    t.second_length = 0;
    mail_put_text(mail, 1, topic, &t, T0);
    assert_true(mail_take(mail, &event));
    mail_close(mail);
    return event.text.length;
}

static void test_mail_text_too_long_is_cut_behind_its_limit(void **state)
{
    (void)state;
    assert_int_equal(length_after(MAIL_RECORD, FIGURES_TEXT_MAX), FIGURES_TEXT_MAX);
    assert_int_equal(length_after(MAIL_RECORD, FIGURES_TEXT_MAX + 1), FIGURES_TEXT_MAX + 1);
    assert_int_equal(length_after(MAIL_RECORD, 2000), FIGURES_TEXT_MAX + 1);
    assert_int_equal(length_after(MAIL_ASK, 2000), FIGURES_TEXT_MAX + 1);
    assert_int_equal(length_after(MAIL_MEMINFO, MAIL_TEXT_MAX), FALLBACK_TEXT_MAX + 1);
    assert_int_equal(length_after(MAIL_TOTALS, 2000), 33);
    assert_int_equal(length_after(MAIL_RECORD, 0), 0);
}

static void test_mail_totals_keep_both_texts_and_nuls(void **state)
{
    static struct mail_event event;
    static struct mail_text t = {.length = 3,
                                 .second_length = 4,
                                 .text = "1\0"
                                         "25678"};
    struct mail *mail = opened(1);

    (void)state;
    mail_put_text(mail, 1, MAIL_TOTALS, &t, T0);
    assert_true(mail_take(mail, &event));
    assert_int_equal(event.text.length, 3);
    assert_int_equal(event.text.second_length, 4);
    assert_memory_equal(event.text.text,
                        "1\0"
                        "25678",
                        7);
    mail_close(mail);
}

static void test_mail_order_newer_replaces_waiting_one(void **state)
{
    struct mail *mail = opened(1);
    struct mail_write write = {.domid = 1, .order = MAIL_TARGET, .ticket = 1, .value = "100"};
    struct mail_event event;
    struct error err;

    (void)state;
    assert_ok(mail_order(mail, &write, &err));
    write.ticket = 2;
    (void)snprintf(write.value, sizeof write.value, "200");
    assert_ok(mail_order(mail, &write, &err));
    assert_true(mail_next_write(mail, &write));
    assert_string_equal(write.value, "200");
    assert_false(mail_next_write(mail, &write));
    mail_put_written(mail, &write, true);
    assert_true(mail_take(mail, &event));
    assert_int_equal(event.kind, MAIL_WRITTEN);
    assert_int_equal(event.ticket, 2);
    assert_true(event.is_ok);
    write.domid = 9;
    assert_fails(mail_order(mail, &write, &err), ERR_REFUSED, "not watched");
    mail_close(mail);
}

static void test_mail_target_that_failed_has_the_facts_read_anew(void **state)
{
    struct mail *mail = opened(1);
    struct mail_write write = {.domid = 1, .order = MAIL_TARGET, .value = "100"};
    enum mail_topic topic;
    uint16_t domid;
    int64_t wait_ns;

    (void)state;
    read_all(mail, T0);
    mail_put_written(mail, &write, false);
    assert_true(mail_next_read(mail, T0 + 200 * NS_PER_S, &domid, &topic, &wait_ns));
    assert_int_equal(topic, MAIL_FACTS);
    mail_close(mail);
}

static void test_mail_events_of_domains_are_taken_in_turns(void **state)
{
    struct mail *mail = opened(3);
    struct mail_event event;
    unsigned taken[4] = {0};

    (void)state;
    for (int i = 0; i < 3; i++) {
        char text[16];

        (void)snprintf(text, sizeof text, "seq=%d", i);
        for (uint16_t d = 1; d <= 3; d++)
            put(mail, d, MAIL_RECORD, text);
        assert_true(mail_take(mail, &event));
        taken[event.domid]++;
    }
    for (int d = 1; d <= 3; d++)
        assert_int_equal(taken[d], 1);
    mail_close(mail);
}

static void test_mail_mark_all_after_a_loss_watches_and_reads_anew(void **state)
{
    struct mail *mail = opened(2);
    const struct vm_facts facts = {.target_kib = 1};
    uint16_t domid;
    bool is_wanted;

    (void)state;
    while (mail_next_watch(mail, &domid, &is_wanted))
        ;
    read_all(mail, T0);
    mail_remove(mail, 2); /* goes with the connection */
    mail_mark_all(mail, true);
    assert_true(mail_is_stale(mail));
    assert_true(mail_next_watch(mail, &domid, &is_wanted));
    assert_int_equal(domid, 1);
    assert_false(mail_next_watch(mail, &domid, &is_wanted));
    mail_put_facts(mail, 1, &facts, T0);
    assert_false(mail_is_stale(mail));
    mail_close(mail);
}

static void test_mail_stale_ends_with_the_domain(void **state)
{
    struct mail *mail = opened(1);

    (void)state;
    mail_mark_all(mail, false);
    assert_true(mail_is_stale(mail));
    mail_remove(mail, 1);
    assert_false(mail_is_stale(mail));
    mail_close(mail);
}

static void test_mail_token_comes_back_as_it_was_made(void **state)
{
    char token[MAIL_TOKEN_MAX];
    enum mail_topic topic;
    uint16_t domid;

    (void)state;
    for (unsigned i = 0; i < MAIL_PATHS; i++) {
        assert_true(mail_parse_token(mail_format_token(65535, i, token), &domid, &topic));
        assert_int_equal(domid, 65535);
        assert_int_equal(topic, mail_paths[i].topic);
    }
}

static void test_mail_token_of_others_is_refused(void **state)
{
    static const char *const wrong[] = {"",     "/",       "1",    "1/",   "/1",
                                        "1/8",  "65536/0", "-1/0", "1/0/", " 1/0",
                                        "1/0 ", "01/0",    "1/00", "x/0",  "1/-0"};
    enum mail_topic topic;
    uint16_t domid;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (mail_parse_token(wrong[i], &domid, &topic))
            fail_msg("'%s' was taken", wrong[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mail_add_marks_everything_and_wants_watches),
        cmocka_unit_test(test_mail_remove_forgets_and_wants_unwatching),
        cmocka_unit_test(test_mail_remove_before_it_was_watched_leaves_nothing),
        cmocka_unit_test(test_mail_add_refuses_beyond_the_limit),
        cmocka_unit_test(test_mail_read_is_limited_to_burst_and_rate),
        cmocka_unit_test(test_mail_read_at_the_limit_waits_for_exactly_one_token),
        cmocka_unit_test(test_mail_facts_do_not_wait_for_a_guest_that_floods),
        cmocka_unit_test(test_mail_domains_are_read_in_turns),
        cmocka_unit_test(test_mail_topics_of_one_domain_are_read_in_turns),
        cmocka_unit_test(test_mail_event_not_taken_is_replaced_by_a_newer_one),
        cmocka_unit_test(test_mail_record_read_twice_is_one_event),
        cmocka_unit_test(test_mail_record_of_a_domid_used_again_is_new),
        cmocka_unit_test(test_mail_text_too_long_is_cut_behind_its_limit),
        cmocka_unit_test(test_mail_totals_keep_both_texts_and_nuls),
        cmocka_unit_test(test_mail_order_newer_replaces_waiting_one),
        cmocka_unit_test(test_mail_target_that_failed_has_the_facts_read_anew),
        cmocka_unit_test(test_mail_events_of_domains_are_taken_in_turns),
        cmocka_unit_test(test_mail_mark_all_after_a_loss_watches_and_reads_anew),
        cmocka_unit_test(test_mail_stale_ends_with_the_domain),
        cmocka_unit_test(test_mail_token_comes_back_as_it_was_made),
        cmocka_unit_test(test_mail_token_of_others_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
