/*
 * modd.c - the guest's agent of memory on demand: command line, clock, memory of its own, loop.
 *
 * Without stdio and without a heap: what it holds, it holds locked, in a guest that may have
 * nothing left. After start it allocates nothing, and it ends only when it is told to.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/figures_format.h"
#include "agent/files.h"
#include "version.h"

#define XENBUS_DEVICE "/dev/xen/xenbus"

enum { EXIT_FINE = 0, EXIT_USAGE = 2, EXIT_TROUBLE = 3 };

static struct files files;
static struct guest guest;
static struct agent agent;

/* ---- words ---- */

/*
 * A sentence for the log. Dropped when nobody takes it: a log that is
 * stuck must not stop the agent.
 */
static void say(const char *sentence)
{
    char line[256] = "modd: ";
    size_t start = strlen(line), length = strlen(sentence);
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};

    if (length > sizeof line - start - 1)
        length = sizeof line - start - 1;
    memcpy(line + start, sentence, length);
    line[start + length] = '\n';
    if (poll(&out, 1, 0) == 1 && write(STDERR_FILENO, line, start + length + 1) < 0)
        return;
}

static const char *const sentences[] = {
    [AGENT_FINE] = "records arrive",
    [AGENT_NO_MEMINFO] =
        "/proc/meminfo has no MemAvailable that can be read: modd needs Linux 3.14 or later",
    [AGENT_NO_DEVICE] = XENBUS_DEVICE " does not take requests; trying again every second",
    [AGENT_NO_REPLY] = "xenstore does not answer; records go on when it does",
    [AGENT_REFUSED] = "xenstore refuses " FIGURES_PATH
                      ": in dom0, see that the guest may write below its data/; trying again",
};

/* ---- its own memory ---- */

enum { STACK_KEPT = 16 << 10, STACK_MADE = 256 << 10 };

/*
 * The kernel makes a stack of 132 KiB, and mlockall would fill it all. What lies further down than
 * is ever needed goes back first; the stack would grow again. Nothing else is near: the kernel
 * keeps the room below a stack free.
 */
static void trim_stack(void)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t top = ((uintptr_t)__builtin_frame_address(0) & ~(page - 1)) - STACK_KEPT;

    (void)munmap((void *)(top - STACK_MADE), STACK_MADE);
}

static void never_be_the_victim(void)
{
    static const char least[] = "-1000";
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, least, sizeof least - 1) < 0)
        say("the kernel may kill modd when memory is short; run it as root to prevent that");
    if (fd >= 0)
        (void)close(fd);
}

static void stay_in_memory(void)
{
    trim_stack();
    if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
        say("modd may be swapped out when memory is short; run it as root to prevent that");
}

/* ---- the loop ---- */

static uint64_t now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int open_bus(void *context)
{
    (void)context;
    return open(XENBUS_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
}

/* Waits; true when the kernel's alarm went off. */
static bool wait_until(uint64_t wake_ms)
{
    struct pollfd fds[] = {{.fd = agent.bus.fd, .events = POLLIN},
                           {.fd = files.alarm, .events = POLLPRI}};
    uint64_t now = now_ms();
    int wait = wake_ms <= now                       ? 0
               : wake_ms - now < PACE_LOOK_LATER_MS ? (int)(wake_ms - now)
                                                    : PACE_LOOK_LATER_MS;

    if (poll(fds, 2, wait) <= 0)
        return false;
    if ((fds[1].revents & POLLERR) != 0) {
        files_close_alarm(&files);
        return false;
    }
    return (fds[1].revents & POLLPRI) != 0;
}

static int serve(void)
{
    enum agent_trouble said = AGENT_STARTING;
    bool has_alarm = false;

    agent_init(&agent, &guest, open_bus, NULL);
    if (access(XENBUS_DEVICE, R_OK | W_OK) != 0) {
        say(errno == ENOENT ? "there is no " XENBUS_DEVICE
                              ": run modd in a Xen guest, whose kernel has "
                              "CONFIG_XENBUS_FRONTEND"
                            : "no access to " XENBUS_DEVICE ": run modd as root");
        return EXIT_TROUBLE;
    }
    never_be_the_victim();
    stay_in_memory();
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    for (;;) {
        uint64_t wake_ms = agent_step(&agent, now_ms(), has_alarm);

        if (agent.trouble != said) {
            said = agent.trouble;
            say(sentences[said]);
        }
        has_alarm = wait_until(wake_ms);
    }
}

/* ---- the command line ---- */

static int print(const char *text, size_t length)
{
    while (length > 0) {
        ssize_t n = write(STDOUT_FILENO, text, length);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            say("cannot write to standard output");
            return EXIT_TROUBLE;
        }
        text += n;
        length -= (size_t)n;
    }
    return EXIT_FINE;
}

static int print_record(void)
{
    struct figures f = {.seq = 1, .up_ms = now_ms()};
    char text[FIGURES_TEXT_MAX + 1];

    if (!guest_measure(&guest, &f)) {
        say(sentences[AGENT_NO_MEMINFO]);
        return EXIT_TROUBLE;
    }
    size_t length = figures_format(&f, text);

    text[length] = '\n';
    return print(text, length + 1);
}

int main(int argc, char **argv)
{
    static const char usage[] = "usage: modd [-n | -V]; -n prints one record, -V the version";
    static const char version[] = "modd " PAGEMETER_VERSION "\n";
    bool has_option = argc == 2 && argv[1][0] == '-' && argv[1][1] != '\0' && argv[1][2] == '\0';

    if (argc > 1 && !has_option) {
        say(usage);
        return EXIT_USAGE;
    }
    if (has_option && argv[1][1] == 'V')
        return print(version, sizeof version - 1);
    if (has_option && argv[1][1] != 'n') {
        say(usage);
        return EXIT_USAGE;
    }
    files_open(&files);
    guest_init(&guest, files_read, &files);
    return has_option ? print_record() : serve();
}
