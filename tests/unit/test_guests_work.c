/* guests_work.h: what is watched and read of a domain, over a libxenstore of the test's own. */
#include <errno.h>
#include <stdlib.h>
#include <xenstore.h>

#include "check.h"
#include "common/units.h"
#include "xen/guests_work.h"

enum { NODES_MAX = 8, WATCHES_MAX = 16, DOMID = 5 };

/* What xenstored has, and is watched for; a read of `lost` ends the connection. */
static struct {
    struct {
        const char *path, *value;
    } nodes[NODES_MAX];
    size_t count;
    const char *lost;
    char watched[WATCHES_MAX][128];
    size_t watching;
    char asked[1024]; /* the paths that were read */
} fake;

static struct guests_work work;

/* ---- libxenstore ---- */

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *length)
{
    (void)h;
    (void)t;
    assert_true(strlen(fake.asked) + strlen(path) + 1 < sizeof fake.asked);
    (void)strcat(strcat(fake.asked, path), "\n");
    if (fake.lost != NULL && strcmp(path, fake.lost) == 0) {
        errno = EBADF;
        return NULL;
    }
    for (size_t i = 0; i < fake.count; i++)
        if (strcmp(fake.nodes[i].path, path) == 0) {
            *length = (unsigned)strlen(fake.nodes[i].value);
            return strdup(fake.nodes[i].value);
        }
    errno = ENOENT;
    return NULL;
}

bool xs_watch(struct xs_handle *h, const char *path, const char *token)
{
    (void)h;
    assert_true(fake.watching < WATCHES_MAX);
    (void)snprintf(fake.watched[fake.watching++], sizeof *fake.watched, "%s %s", path, token);
    return true;
}

bool xs_unwatch(struct xs_handle *h, const char *path, const char *token)
{
    char watch[128];

    (void)h;
    (void)snprintf(watch, sizeof watch, "%s %s", path, token);
    for (size_t i = 0; i < fake.watching; i++)
        if (strcmp(fake.watched[i], watch) == 0) {
            memcpy(fake.watched[i], fake.watched[--fake.watching], sizeof *fake.watched);
            return true;
        }
    errno = ENOENT;
    return false;
}

char **xs_check_watch(struct xs_handle *h)
{
    (void)h;
    errno = EAGAIN;
    return NULL;
}

struct xs_handle *xs_open(unsigned long flags)
{
    (void)flags;
    return NULL;
}

void xs_close(struct xs_handle *h)
{
    (void)h;
}

int xs_fileno(struct xs_handle *h)
{
    (void)h;
    return -1;
}

const char *xs_daemon_socket(void)
{
    return NULL;
}

/* Nothing is written here. */
bool xs_write(struct xs_handle *h, xs_transaction_t t, const char *path, const void *data,
              unsigned int length)
{
    (void)h;
    (void)t;
    (void)data;
    (void)length;
    fail_msg("%s is written", path);
    return false;
}

bool xs_mkdir(struct xs_handle *h, xs_transaction_t t, const char *path)
{
    (void)h;
    (void)t;
    fail_msg("%s is made", path);
    return false;
}

bool xs_set_permissions(struct xs_handle *h, xs_transaction_t t, const char *path,
                        struct xs_permissions *permissions, unsigned int count)
{
    (void)h;
    (void)t;
    (void)permissions;
    (void)count;
    fail_msg("%s is shown", path);
    return false;
}

xs_transaction_t xs_transaction_start(struct xs_handle *h)
{
    (void)h;
    fail_msg("a transaction");
    return XBT_NULL;
}

bool xs_transaction_end(struct xs_handle *h, xs_transaction_t t, bool is_abort)
{
    (void)h;
    (void)t;
    (void)is_abort;
    return false;
}

/* ---- the scene ---- */

static void nothing(void *context)
{
    (void)context;
}

static void no_signal(void *context, bool has_events)
{
    (void)context;
    (void)has_events;
}

static void put(const char *path, const char *value)
{
    assert_true(fake.count < NODES_MAX);
    fake.nodes[fake.count].path = path;
    fake.nodes[fake.count++].value = value;
}

/* A domain that is watched, with what toolstacks write for any. */
static int begin(void **state)
{
    static int connection; /* its address is all that is needed of it */
    struct error err;

    (void)state;
    memset(&fake, 0, sizeof fake);
    memset(&work, 0, sizeof work);
    work.lock = nothing;
    work.unlock = no_signal;
    work.xenstore.xs = (struct xs_handle *)(void *)&connection;
    assert_ok(mail_open(&work.mail, &err));
    assert_ok(mail_add(work.mail, DOMID, &err));
    put("/local/domain/5/name", "web");
    put("/local/domain/5/memory/target", "524288");
    put("/local/domain/5/memory/static-max", "1048576");
    return 0;
}

static int end(void **state)
{
    (void)state;
    mail_close(work.mail);
    return 0;
}

static void step_until_quiet(void)
{
    for (int i = 0; i < 8; i++)
        (void)guests_work_step(&work);
}

/* What it was told last; false: nothing. */
static bool take_facts(struct vm_facts *facts)
{
    static struct mail_event event;
    bool is_told = false;

    while (mail_take(work.mail, &event))
        if (event.kind == MAIL_TOLD) {
            *facts = event.facts;
            is_told = true;
        }
    return is_told;
}

/* ---- tests ---- */

static void test_guests_facts_without_a_device(void **state)
{
    struct vm_facts facts;

    (void)state;
    step_until_quiet();
    assert_true(take_facts(&facts));
    assert_string_equal(facts.name, "web");
    assert_int_equal(facts.target_kib, 524288);
    assert_int_equal(facts.static_max_kib, 1048576);
    assert_false(facts.has_pci_device);
}

/* Whatever is in it: libxl's has num_devs, XAPI's has not. */
static void test_guests_directory_of_pci_backend_is_a_device(void **state)
{
    struct vm_facts facts;

    (void)state;
    put("/local/domain/0/backend/pci/5/0", "");
    step_until_quiet();
    assert_true(take_facts(&facts));
    assert_true(facts.has_pci_device);
}

static void test_guests_device_of_another_domain_is_none(void **state)
{
    struct vm_facts facts;

    (void)state;
    put("/local/domain/0/backend/pci/55/0", "");
    put("/local/domain/0/backend/pci/5", "");
    put("/local/domain/5/backend/pci/5/0", ""); /* a guest may write below its own home */
    step_until_quiet();
    assert_true(take_facts(&facts));
    assert_false(facts.has_pci_device);
}

static void test_guests_device_that_comes_and_goes_is_read_again(void **state)
{
    struct vm_facts facts;

    (void)state;
    step_until_quiet();
    assert_true(take_facts(&facts));
    put("/local/domain/0/backend/pci/5/0", "");
    mail_mark(work.mail, DOMID, MAIL_FACTS); /* as its watch does */
    step_until_quiet();
    assert_true(take_facts(&facts));
    assert_true(facts.has_pci_device);
    fake.count--;
    mail_mark(work.mail, DOMID, MAIL_FACTS);
    step_until_quiet();
    assert_true(take_facts(&facts));
    assert_false(facts.has_pci_device);
}

static void test_guests_connection_lost_while_asking_for_a_device_tells_nothing(void **state)
{
    struct vm_facts facts;

    (void)state;
    fake.lost = "/local/domain/0/backend/pci/5/0";
    for (int i = 0; i < 8 && guests_work_is_connected(&work); i++)
        (void)guests_work_step(&work);
    assert_false(guests_work_is_connected(&work));
    assert_false(take_facts(&facts));
}

static void test_guests_backend_of_pci_is_watched_and_means_facts(void **state)
{
    static const char path[] = "/local/domain/0/backend/pci/5/0 ";
    enum mail_topic topic = MAIL_TOPICS;
    uint16_t domid = 0;

    (void)state;
    step_until_quiet();
    assert_int_equal(fake.watching, MAIL_PATHS);
    for (size_t i = 0; i < fake.watching; i++)
        if (strncmp(fake.watched[i], path, strlen(path)) == 0)
            assert_true(mail_parse_token(fake.watched[i] + strlen(path), &domid, &topic));
    assert_int_equal(domid, DOMID);
    assert_int_equal(topic, MAIL_FACTS);
    mail_remove(work.mail, DOMID);
    step_until_quiet();
    assert_int_equal(fake.watching, 0);
}

/* Fixed paths: each is named here. */
static void test_guests_nothing_else_is_read(void **state)
{
    static const char *const known[] = {"/",
                                        "/local/domain/5/data/pagemeter/mem",
                                        "/local/domain/5/data/pagemeter/ask",
                                        "/local/domain/5/data/mod_meminfo",
                                        "/local/domain/5/data/meminfo_total",
                                        "/local/domain/5/data/meminfo_free",
                                        "/local/domain/5/name",
                                        "/local/domain/5/memory/target",
                                        "/local/domain/5/memory/static-max",
                                        "/local/domain/5/memory/videoram",
                                        "/local/domain/0/backend/pci/5/0"};

    (void)state;
    step_until_quiet();
    for (char *p = fake.asked, *path; (path = strsep(&p, "\n")) != NULL && *path != '\0';) {
        bool is_known = false;

        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            is_known = is_known || strcmp(path, known[i]) == 0;
        if (!is_known)
            fail_msg("%s is read", path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_guests_facts_without_a_device, begin, end),
        cmocka_unit_test_setup_teardown(test_guests_directory_of_pci_backend_is_a_device, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_guests_device_of_another_domain_is_none, begin, end),
        cmocka_unit_test_setup_teardown(test_guests_device_that_comes_and_goes_is_read_again, begin,
                                        end),
        cmocka_unit_test_setup_teardown(
            test_guests_connection_lost_while_asking_for_a_device_tells_nothing, begin, end),
        cmocka_unit_test_setup_teardown(test_guests_backend_of_pci_is_watched_and_means_facts,
                                        begin, end),
        cmocka_unit_test_setup_teardown(test_guests_nothing_else_is_read, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
