/*
 * hog - takes memory in a guest and tells how that went.
 *
 *   hog [-i ID] -s MIB [-r MIB_PER_S] [-n REQUESTS [-p MS] [-F]] [-g PERCENT] [-w MIB] [-h SECONDS] [-l MS]
 *       [-b KIB [-u MIB]]
 *
 *   -s   how much, of each request            -r   how fast (as fast as it goes)
 *   -n   so many requests (1)                 -p   pause after each   -F   each is freed after its pause
 *   -g   greedy: never more than this share of MemTotal, but always that, up to -s, until -h is over
 *   -w   the first so many MiB are touched again and again, in turn with new memory, and while holding
 *   -h   hold all for so long, then free      -l   a line of progress every so many ms
 *   -b   say when MemAvailable, looked at after each chunk, falls below so much (half of the guest's headroom), and
 *        when it is above again
 *   -u   before each request take memory at the rate of -r until only so much more than -b is available; then the
 *        request itself, as fast as it goes
 *
 * A child takes the memory, and the OOM killer's first choice is the child; the parent watches, locked in
 * memory. Lines on standard output, T in microseconds of CLOCK_MONOTONIC:
 *
 *   hog ID start T
 *   hog ID at T touched=MIB worst_ms=N available=KIB current=KIB swap_used=KIB      (-l)
 *   hog ID below T available=KIB current=KIB, hog ID above T ...                    (-b)
 *   hog ID request K ms=N
 *   hog ID end T killed=0|1 requests=N touched=MIB ms=N worst_ms=N late=N some_ms=N full_ms=N swap_in=PAGES
 *       swap_out=PAGES refaults=N stalls=N oom_kills=N steal_ms=N
 *
 * ms is the time until all was touched; worst_ms the longest that one chunk of 256 KiB took and late how many
 * took over 100 ms (a guest that waits for a CPU shows there too: see steal_ms); some_ms and full_ms are what the
 * kernel says that its programs waited for memory (PSI; -1 without), stalls the kernel's direct reclaims.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memfile.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23      /* Linux 5.14 */
#endif

enum { CHUNK_KIB = 256, PAGE_BYTES = 4096, MAX_REQUESTS = 64 };

static const int64_t MS = 1000000;
static const int64_t LATE_NS = 100 * 1000000, CATCH_UP_NS = 100 * 1000000;

static struct {
    const char *id;
    int64_t     size_kib, rate_kib, working_kib, requests, pause_ms, percent, hold_s, line_ms, low_kib;
    int64_t     approach_kib;           /* -1: none */
    bool        is_freeing;
} want = { .id = "-", .requests = 1, .approach_kib = -1 };

/* Written by the child, read by the parent. */
struct progress {
    _Atomic int64_t touched_kib, worst_ns, worst_since_line_ns, late, served, grown_ns;
    _Atomic int64_t request_ns[MAX_REQUESTS];
};

static struct progress *progress;

/* ---- the child */

static char   *region[MAX_REQUESTS];
static int64_t start_ns, due_ns, again_kib;

static void touch_chunk(char *at)
{
    int64_t before_ns = now_ns(), took_ns;

    /* One call for the chunk where it is new: under emulation a page fault is dear. */
    madvise(at, CHUNK_KIB * 1024, MADV_POPULATE_WRITE);
    for (size_t i = 0; i < CHUNK_KIB * 1024; i += PAGE_BYTES)
        *(volatile int64_t *)(at + i) = before_ns + (int64_t)i;
    took_ns = now_ns() - before_ns;
    if (took_ns > progress->worst_ns)
        progress->worst_ns = took_ns;
    if (took_ns > progress->worst_since_line_ns)
        progress->worst_since_line_ns = took_ns;
    if (took_ns > LATE_NS)
        progress->late++;
}

static void look_at_need(void)
{
    static bool   is_low;
    struct memory m;

    memory_read(&m);
    if ((m.available_kib < want.low_kib) == is_low)
        return;
    is_low = !is_low;
    printf("hog %s %s %" PRId64 " available=%" PRId64 " current=%" PRId64 "\n", want.id, is_low ? "below" : "above",
           now_ns() / 1000, m.available_kib, m.current_kib);
}

/* The next chunk of the working set, which lies at the beginning of the first request. */
static void touch_again(void)
{
    int64_t end_kib = want.working_kib < progress->touched_kib ? want.working_kib : progress->touched_kib;

    if (end_kib > want.size_kib)
        end_kib = want.size_kib;
    if (end_kib < CHUNK_KIB)
        return;
    if (again_kib + CHUNK_KIB > end_kib)
        again_kib = 0;
    touch_chunk(region[0] + again_kib * 1024);
    again_kib += CHUNK_KIB;
}

/* Keeps the rate: a program that was stopped catches up what it missed, but not more than a tenth of a second. */
static void pace(void)
{
    int64_t now = now_ns();

    if (want.rate_kib == 0)
        return;
    due_ns += CHUNK_KIB * (1000 * MS) / want.rate_kib;
    if (due_ns < now - CATCH_UP_NS)
        due_ns = now - CATCH_UP_NS;
    if (due_ns > now)
        sleep_until_ns(due_ns);
}

static char *map_kib(int64_t kib)
{
    char *at = mmap(NULL, (size_t)kib * 1024, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (at == MAP_FAILED)
        _exit(3);
    return at;
}

static void touch_new(char *at)
{
    touch_chunk(at);
    progress->touched_kib += CHUNK_KIB;
    if (want.low_kib > 0)
        look_at_need();
    touch_again();
}

/* The working set is touched, a chunk every 10 ms. */
static void hold_until(int64_t until_ns)
{
    for (int64_t at_ns = now_ns(); at_ns < until_ns; at_ns += 10 * MS) {
        sleep_until_ns(at_ns);
        touch_again();
        if (want.low_kib > 0)
            look_at_need();
    }
}

/* Mapped piece by piece, and kept: nobody knows how much it will be. */
static void approach(void)
{
    struct memory m;

    for (memory_read(&m); m.available_kib > want.low_kib + want.approach_kib; memory_read(&m)) {
        touch_new(map_kib(CHUNK_KIB));
        pace();
    }
}

static void serve(int64_t k)
{
    int64_t before_ns = now_ns();

    if (want.approach_kib >= 0)
        approach();
    region[k] = map_kib(want.size_kib);
    for (int64_t kib = 0; kib + CHUNK_KIB <= want.size_kib; kib += CHUNK_KIB) {
        touch_new(region[k] + kib * 1024);
        if (want.approach_kib < 0)
            pace();
    }
    progress->request_ns[k] = now_ns() - before_ns;
    progress->served = k + 1;
    hold_until(now_ns() + want.pause_ms * MS);
    if (want.is_freeing)
        munmap(region[k], (size_t)want.size_kib * 1024);
    due_ns = now_ns();
}

/* What a mail or SQL server does that is told to use a share of the machine. */
static void be_greedy(void)
{
    int64_t until_ns = now_ns() + want.hold_s * 1000 * MS;
    struct memory m;

    region[0] = map_kib(want.size_kib);
    while (now_ns() < until_ns) {
        memory_read(&m);
        if (progress->touched_kib + CHUNK_KIB <= want.size_kib &&
            (progress->touched_kib + CHUNK_KIB) * 100 <= m.total_kib * want.percent) {
            touch_new(region[0] + progress->touched_kib * 1024);
            pace();
        } else {
            touch_again();
            sleep_until_ns(now_ns() + 10 * MS);
            due_ns = now_ns();
        }
    }
}

_Noreturn static void child(void)
{
    FILE *score = fopen("/proc/self/oom_score_adj", "w");

    if (score) {
        fputs("1000", score);
        fclose(score);
    }
    start_ns = due_ns = now_ns();
    if (want.percent > 0) {
        be_greedy();
    } else {
        for (int64_t k = 0; k < want.requests; k++)
            serve(k);
        progress->grown_ns = now_ns() - start_ns;
        hold_until(now_ns() + want.hold_s * 1000 * MS);
    }
    _exit(0);
}

/* ---- the parent */

/* Hundredths of a second in which the guest wanted a CPU and had none. */
static int64_t steal_ticks(void)
{
    FILE   *stat = fopen("/proc/stat", "r");
    int64_t ticks = 0;

    if (stat) {
        if (fscanf(stat, "cpu %*d %*d %*d %*d %*d %*d %*d %" SCNd64, &ticks) != 1)
            ticks = 0;
        fclose(stat);
    }
    return ticks;
}

static void print_progress(void)
{
    struct memory m;

    memory_read(&m);
    printf("hog %s at %" PRId64 " touched=%" PRId64 " worst_ms=%.1f available=%" PRId64 " current=%" PRId64
           " swap_used=%" PRId64 "\n", want.id, now_ns() / 1000, progress->touched_kib / 1024,
           (double)progress->worst_since_line_ns / 1e6, m.available_kib, m.current_kib,
           m.swap_total_kib - m.swap_free_kib);
    progress->worst_since_line_ns = 0;
}

static void print_end(const struct pressure *b, int64_t begun_ns, int64_t steal, bool is_killed)
{
    struct pressure e;
    int64_t         end_ns = now_ns();
    int64_t         grown_ns = progress->grown_ns > 0 ? progress->grown_ns : end_ns - begun_ns;

    pressure_read(&e);
    for (int64_t k = 0; want.requests > 1 && k < progress->served; k++)
        printf("hog %s request %" PRId64 " ms=%" PRId64 "\n", want.id, k + 1, progress->request_ns[k] / MS);
    printf("hog %s end %" PRId64 " killed=%d requests=%" PRId64 " touched=%" PRId64 " ms=%" PRId64
           " worst_ms=%.1f late=%" PRId64 " some_ms=%.1f full_ms=%.1f swap_in=%" PRId64 " swap_out=%" PRId64
           " refaults=%" PRId64 " stalls=%" PRId64 " oom_kills=%" PRId64 " steal_ms=%" PRId64 "\n",
           want.id, end_ns / 1000, is_killed, progress->served, progress->touched_kib / 1024, grown_ns / MS,
           (double)progress->worst_ns / 1e6, progress->late,
           e.some_us < 0 ? -1.0 : (double)(e.some_us - b->some_us) / 1e3,
           e.full_us < 0 ? -1.0 : (double)(e.full_us - b->full_us) / 1e3, e.swap_in - b->swap_in,
           e.swap_out - b->swap_out, e.refaults - b->refaults, e.stalls - b->stalls,
           e.oom_kills - b->oom_kills, (steal_ticks() - steal) * 10);
}

static bool read_options(int argc, char **argv)
{
    int option;

    while ((option = getopt(argc, argv, "i:s:r:n:p:Fg:w:h:l:b:u:")) != -1) {
        int64_t number = optarg ? strtoll(optarg, NULL, 10) : 0;

        switch (option) {
        case 'i': want.id = optarg; break;
        case 's': want.size_kib = number * 1024; break;
        case 'r': want.rate_kib = number * 1024; break;
        case 'n': want.requests = number; break;
        case 'p': want.pause_ms = number; break;
        case 'F': want.is_freeing = true; break;
        case 'g': want.percent = number; break;
        case 'w': want.working_kib = number * 1024; break;
        case 'h': want.hold_s = number; break;
        case 'l': want.line_ms = number; break;
        case 'b': want.low_kib = number; break;
        case 'u': want.approach_kib = number * 1024; break;
        default: return false;
        }
    }
    return want.size_kib > 0 && want.requests > 0 && want.requests <= MAX_REQUESTS;
}

int main(int argc, char **argv)
{
    struct pressure before;
    int64_t begun_ns = now_ns(), line_ns, steal = steal_ticks();
    int     status = 0;
    pid_t   pid;

    if (!read_options(argc, argv)) {
        fputs("usage: hog [-i ID] -s MIB [-r MIB_PER_S] [-n REQUESTS [-p MS] [-F]] [-g PERCENT] [-w MIB]"
              " [-h SECONDS] [-l MS] [-b KIB [-u MIB]]\n", stderr);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    progress = mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (progress == MAP_FAILED)
        return 3;
    memset(progress, 0, sizeof *progress);
    pressure_read(&before);
    printf("hog %s start %" PRId64 "\n", want.id, begun_ns / 1000);
    pid = fork();
    if (pid < 0)
        return 3;
    if (pid == 0)
        child();
    guard_self();
    for (line_ns = begun_ns; waitpid(pid, &status, WNOHANG) == 0;) {
        line_ns += (want.line_ms > 0 ? want.line_ms : 100) * MS;
        sleep_until_ns(line_ns);
        if (want.line_ms > 0)
            print_progress();
    }
    print_end(&before, begun_ns, steal, WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return WIFSIGNALED(status) ? 1 : WEXITSTATUS(status);
}
