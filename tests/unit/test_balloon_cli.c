/*
 * pagemeter balloon and explain, against the control socket with all that is behind it: an
 * operator, an engine on a made-up host, a journal, balloon.db.
 */
#include "scratch.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "balloon/control.h"
#include "balloon/operator.h"
#include "balloon/sim_run.h"
#include "cli/cli.h"

#define MIB UINT64_C(1024)
#define GIB (UINT64_C(1) << 20)

static struct {
    void *dir;
    char socket[SCRATCH_PATH_MAX];
    struct sim_world world;
    struct engine engine;
    struct operator_state op;
    struct recent recent;
    struct balloon_store *store;
    struct journal *journal;
    struct control *control;
    pthread_t thread;
    atomic_bool is_ending;
    int stop_fd;
    char output[1 << 16];
} t;

static void *run_server(void *self)
{
    (void)self;
    while (!atomic_load(&t.is_ending)) {
        struct pollfd fds[CONTROL_FDS_MAX + 2];
        size_t count = control_fill(t.control, fds);

        fds[count] = (struct pollfd){.fd = journal_fd(t.journal), .events = POLLIN};
        fds[count + 1] = (struct pollfd){.fd = t.stop_fd, .events = POLLIN};
        (void)poll(fds, (nfds_t)(count + 2), -1);
        journal_seen(t.journal);
        control_handle(t.control, fds, 0);
    }
    return NULL;
}

static void find_policy(void *context, const struct uuid *uuid, const char *name,
                        struct policy *out)
{
    operator_find_policy(context, uuid, name, out);
}

static void ignore_decision(void *context, const struct decision *decision)
{
    (void)context;
    recent_add(&t.recent, decision);
}

/* Two VMs, vm1 and vm2, of which the engine has heard for 10 s. */
static bool begin_host(struct error *err)
{
    struct sim_birth_form form = {.model = MODEL_IDEAL,
                                  .tot_kib = 512 * MIB,
                                  .static_max_kib = GIB,
                                  .swap_kib = 128 * MIB};
    struct policy standard;

    policy_init(&standard);
    settings_init(&t.op.settings, &standard);
    if (!sim_world_init(&t.world, 4, err))
        return false;
    sim_world_reset(&t.world, 8 * GIB, GIB, GIB);
    (void)sim_world_add(&t.world, &form, true);
    (void)sim_world_add(&t.world, &form, true);
    if (!engine_init(&t.engine, &t.world.actuator, err))
        return false;
    t.engine.policies = (struct policy_source){find_policy, &t.op};
    t.engine.sink = (struct engine_sink){.decided = ignore_decision};
    t.op.engine = &t.engine;
    t.op.recent = &t.recent;
    struct sim_controller controller = sim_engine_controller(&t.engine);
    struct sim_run run = {.world = &t.world, .controller = &controller};

    return sim_run_until(&run, t.world.now_ns + 10 * NS_PER_S, err);
}

static bool begin_server(struct error *err)
{
    struct journal_store into = {NULL, NULL, NULL, NULL};
    struct journal_options options = {.retry_ns = 1000000};
    struct control_ops ops = {operator_serve, operator_ticket, &t.op};

    if (!balloon_store_open(&t.store, t.dir, STORE_WRITE, err))
        return false;
    into = journal_into(t.store);
    if (!journal_open(&t.journal, &into, &options, err))
        return false;
    t.op.journal = t.journal;
    return control_open(&t.control, t.socket, &ops, err);
}

static int begin(void **state)
{
    struct error err;

    memset(&t, 0, sizeof t);
    if (scratch_begin(&t.dir) != 0)
        return -1;
    (void)snprintf(t.socket, sizeof t.socket, "%s/control.sock", (const char *)t.dir);
    t.stop_fd = eventfd(0, EFD_CLOEXEC);
    if (!begin_host(&err) || !begin_server(&err)) {
        (void)fprintf(stderr, "%s\n", err.text);
        return -1;
    }
    *state = t.dir;
    return pthread_create(&t.thread, NULL, run_server, NULL);
}

static int end(void **state)
{
    uint64_t one = 1;

    (void)state;
    atomic_store(&t.is_ending, true);
    (void)!write(t.stop_fd, &one, sizeof one);
    (void)pthread_join(t.thread, NULL);
    control_close(t.control);
    bool is_ok = journal_close(t.journal, 10 * NS_PER_S);

    balloon_store_close(t.store);
    operator_clear(&t.op);
    engine_clear(&t.engine);
    sim_world_clear(&t.world);
    (void)close(t.stop_fd);
    return scratch_end(&t.dir) == 0 && is_ok ? 0 : -1;
}

/* Runs a command; what it printed is in t.output, standard error behind standard output. */
static int command(int (*run)(int, char **), int argc, ...)
{
    struct scratch_path out = scratch_path(&t.dir, "out");
    char *argv[16];
    va_list args;
    int saved[2] = {dup(1), dup(2)};
    int fd = open(out.text, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);

    va_start(args, argc);
    for (int i = 0; i < argc; i++)
        argv[i] = va_arg(args, char *);
    va_end(args);
    argv[argc] = (char *)"--socket";
    argv[argc + 1] = t.socket;
    argv[argc + 2] = NULL;
    (void)fflush(stdout);
    (void)dup2(fd, 1);
    (void)dup2(fd, 2);
    optind = 0; /* getopt begins anew */
    int status = run(argc + 2, argv);

    (void)fflush(stdout);
    (void)dup2(saved[0], 1);
    (void)dup2(saved[1], 2);
    ssize_t n = pread(fd, t.output, sizeof t.output - 1, 0);

    t.output[n > 0 ? n : 0] = '\0';
    (void)close(fd);
    (void)close(saved[0]);
    (void)close(saved[1]);
    return status;
}

static int64_t stored_settings(struct balloon_setting *first)
{
    struct balloon_store *store = NULL;
    struct balloon_setting *list = NULL;
    struct error err;
    size_t count = 0;

    assert_ok(balloon_store_open(&store, t.dir, STORE_READ, &err));
    assert_ok(balloon_store_settings(store, &list, &count, &err));
    if (count > 0)
        *first = list[0];
    free(list);
    balloon_store_close(store);
    return (int64_t)count;
}

static void test_cli_list_is_an_aligned_table(void **state)
{
    (void)state;
    assert_int_equal(command(cmd_balloon, 2, "balloon", "list"), CLI_FINE);
    assert_text_has(t.output, "host: dry-run; ");
    assert_text_has(t.output,
                    "VM   policy  state  need  available  headroom  floor  target  ceiling  tot  "
                    "blocked by\n");
    assert_text_has(t.output, "\nvm1  fixed   init     80        432        16    512     512     "
                              "1024  512  fixed\n");
}

static void test_cli_list_csv_and_json_have_the_figures(void **state)
{
    (void)state;
    assert_int_equal(command(cmd_balloon, 4, "balloon", "list", "--format", "csv"), CLI_FINE);
    assert_text_has(t.output, "domid,name,uuid,policy,state,record_age_ms,need_kib,");
    assert_text_has(t.output, "\n1,vm1,516d0000-0000-4000-8000-000000000000,fixed,");
    assert_int_equal(command(cmd_balloon, 4, "balloon", "list", "--format", "json"), CLI_FINE);
    assert_text_has(t.output, "\"tot_kib\":\"524288\"");
}

static void test_cli_set_is_on_disk_when_it_is_answered(void **state)
{
    struct balloon_setting first = {0};

    (void)state;
    assert_int_equal(command(cmd_balloon, 5, "balloon", "set", "vm1", "floor=256M",
                             "policy=demand"),
                     CLI_FINE);
    assert_string_equal(t.output, "");
    assert_int_equal(stored_settings(&first), 2);
    assert_string_equal(first.key, "floor");
    assert_string_equal(first.value, "256M");
    assert_int_equal(command(cmd_balloon, 2, "balloon", "list"), CLI_FINE);
    assert_text_has(t.output, "\nvm1  demand  ");
}

static void test_cli_set_that_is_refused_changes_nothing(void **state)
{
    struct balloon_setting first;

    (void)state;
    assert_int_equal(command(cmd_balloon, 4, "balloon", "set", "nobody", "policy=demand"),
                     CLI_FAILURE);
    assert_text_has(t.output, "no VM here has 'nobody'");
    assert_int_equal(command(cmd_balloon, 4, "balloon", "set", "vm1", "policy=all"), CLI_USAGE);
    assert_int_equal(command(cmd_balloon, 5, "balloon", "set", "vm1", "policy=demand", "floor=95M"),
                     CLI_FAILURE);
    assert_int_equal(stored_settings(&first), 0);
}

static void test_cli_stop_and_start_of_a_vm_and_the_host(void **state)
{
    struct balloon_setting first = {0};

    (void)state;
    assert_int_equal(command(cmd_balloon, 3, "balloon", "stop", "2"), CLI_FINE);
    assert_int_equal(stored_settings(&first), 1);
    assert_string_equal(first.key, "stopped");
    assert_int_equal(command(cmd_balloon, 3, "balloon", "start", "2"), CLI_FINE);
    assert_int_equal(stored_settings(&first), 0);
    assert_int_equal(command(cmd_balloon, 2, "balloon", "stop"), CLI_FINE);
    assert_int_equal(stored_settings(&first), 1);
    assert_true(first.is_host);
    assert_int_equal(command(cmd_balloon, 2, "balloon", "list"), CLI_FINE);
    assert_text_has(t.output, "host: dry-run, stopped; ");
}

static void test_cli_drain_ends_with_start(void **state)
{
    struct balloon_setting first;

    (void)state;
    assert_int_equal(command(cmd_balloon, 2, "balloon", "drain"), CLI_FINE);
    assert_text_has(t.output, "until pagemeter balloon start");
    assert_int_equal(command(cmd_balloon, 2, "balloon", "host"), CLI_FINE);
    assert_text_has(t.output, "draining             1\n");
    assert_int_equal(command(cmd_balloon, 2, "balloon", "start"), CLI_FINE);
    assert_int_equal(stored_settings(&first), 0);
}

static void test_cli_reserve_is_granted_or_refused(void **state)
{
    (void)state;
    assert_int_equal(command(cmd_balloon, 7, "balloon", "reserve", "2G", "--for", "db 2", "--ttl",
                             "10m"),
                     CLI_FINE);
    assert_text_has(t.output, "granted: 2G for db 2");
    assert_int_equal(command(cmd_balloon, 2, "balloon", "list"), CLI_FINE);
    assert_text_has(t.output, "reserved: 2048 MiB for db 2, of which it has 0; ");
    assert_int_equal(command(cmd_balloon, 7, "balloon", "reserve", "7G", "--for", "db3", "--ttl",
                             "10m"),
                     CLI_FAILURE);
    assert_text_has(t.output, "refused");
    assert_int_equal(command(cmd_balloon, 3, "balloon", "unreserve", "db 2"), CLI_FINE);
    assert_int_equal(command(cmd_balloon, 3, "balloon", "reserve", "2G"), CLI_USAGE);
}

static void test_cli_explain_tells_what_there_is(void **state)
{
    (void)state;
    assert_int_equal(command(cmd_explain, 2, "explain", "vm1"), CLI_FINE);
    assert_text_has(t.output, "vm1: domid 1, 516d0000-0000-4000-8000-000000000000\n");
    assert_text_has(t.output, "policy     fixed, state ");
    assert_text_has(t.output, "memory     512 MiB; floor ");
    assert_text_has(t.output, "record     ");
    assert_text_has(t.output, "blocked    fixed: policy fixed\n");
    assert_text_has(t.output, "overhead   ");
    assert_text_has(t.output, "spending   ");
    assert_text_has(t.output, "decisions  none since pageballoond started\n");
    assert_int_equal(command(cmd_explain, 4, "explain", "vm1", "--format", "csv"), CLI_FINE);
    assert_text_has(t.output, "kind,row,key,value\nvm,1,domid,1\n");
    assert_int_equal(command(cmd_explain, 2, "explain", "nobody"), CLI_FAILURE);
}

static void test_cli_without_a_daemon_says_so(void **state)
{
    (void)state;
    (void)strcat(t.socket, ".other");
    assert_int_equal(command(cmd_balloon, 2, "balloon", "list"), CLI_FAILURE);
    assert_text_has(t.output, "can't reach pageballoond at ");
    t.socket[strlen(t.socket) - strlen(".other")] = '\0';
}

static void test_cli_wrong_usage_is_told(void **state)
{
    (void)state;
    assert_int_equal(command(cmd_balloon, 1, "balloon"), CLI_USAGE);
    assert_int_equal(command(cmd_balloon, 2, "balloon", "grow"), CLI_USAGE);
    assert_text_has(t.output, "there is no 'grow' here");
    assert_int_equal(command(cmd_balloon, 3, "balloon", "set", "vm1"), CLI_USAGE);
    assert_int_equal(command(cmd_balloon, 3, "balloon", "simulate", "/nowhere"), CLI_USAGE);
    assert_int_equal(command(cmd_explain, 1, "explain"), CLI_USAGE);
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_cli_list_is_an_aligned_table),
        test(test_cli_list_csv_and_json_have_the_figures),
        test(test_cli_set_is_on_disk_when_it_is_answered),
        test(test_cli_set_that_is_refused_changes_nothing),
        test(test_cli_stop_and_start_of_a_vm_and_the_host),
        test(test_cli_drain_ends_with_start),
        test(test_cli_reserve_is_granted_or_refused),
        test(test_cli_explain_tells_what_there_is),
        test(test_cli_without_a_daemon_says_so),
        test(test_cli_wrong_usage_is_told),
    };

    return cmocka_run_group_tests_name("balloon_cli", tests, NULL, NULL);
}
