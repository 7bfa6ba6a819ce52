#include "cli/names.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "common/clock.h"
#include "common/units.h"

enum { ANSWER_MAX = 1 << 20, ANSWER_TIMEOUT_MS = 2000 };

static void exec_helper(void)
{
    static char name[] = "pagemeter-names";

    cli_execute_part(name, (char *[]){name, NULL});
    _exit(127);
}

static pid_t start_helper(int *fd)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    pid_t pid = fork();

    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);

        (void)dup2(ends[1], STDOUT_FILENO);
        (void)dup2(null, STDIN_FILENO);
        (void)dup2(null, STDERR_FILENO);
        exec_helper();
    }
    (void)close(ends[1]);
    *fd = ends[0];
    return pid;
}

/* All it says, or nothing: false when it failed, hung or said too much. */
static bool ask(char *answer, size_t *length)
{
    int fd = -1;
    pid_t pid = start_helper(&fd);
    int64_t until = clock_mono().ns + ANSWER_TIMEOUT_MS * (NS_PER_S / 1000);
    ssize_t n = -1;
    int status = -1;

    *length = 0;
    while (pid > 0 && *length < ANSWER_MAX) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int64_t left = (until - clock_mono().ns) / (NS_PER_S / 1000);

        if (left <= 0 || poll(&p, 1, (int)left) <= 0)
            break;
        n = read(fd, answer + *length, ANSWER_MAX - *length);
        if (n <= 0)
            break;
        *length += (size_t)n;
    }
    if (fd >= 0)
        (void)close(fd);
    if (pid <= 0)
        return false;
    if (n != 0)
        (void)kill(pid, SIGKILL);
    return waitpid(pid, &status, 0) == pid && n == 0 && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

static void take_line(struct names *names, const char *line, size_t length)
{
    struct named_vm *named = &names->list[names->count];

    if (length < UUID_TEXT_LENGTH + 2 || !uuid_parse(line, UUID_TEXT_LENGTH, &named->vm))
        return;
    const char *name = line + UUID_TEXT_LENGTH + 1;
    size_t size = length - UUID_TEXT_LENGTH - 1;

    if (size >= NAME_TEXT_MAX)
        size = NAME_TEXT_MAX - 1;
    for (size_t i = 0; i < size; i++)
        named->name[i] = name[i] >= ' ' && name[i] <= '~' ? name[i] : '?';
    named->name[size] = '\0';
    names->count++;
}

void names_refresh(struct names *names)
{
    char *answer = malloc(ANSWER_MAX);
    size_t length;

    if (answer != NULL && ask(answer, &length)) {
        size_t lines = 0;

        for (size_t i = 0; i < length; i++)
            lines += answer[i] == '\n';
        struct named_vm *list = calloc(lines + 1, sizeof *list);

        if (list != NULL) {
            names_clear(names);
            names->list = list;
            for (char *p = answer, *end; p < answer + length; p = end + 1) {
                end = memchr(p, '\n', (size_t)(answer + length - p));
                if (end == NULL)
                    break;
                take_line(names, p, (size_t)(end - p));
            }
        }
    }
    free(answer);
}

void names_clear(struct names *names)
{
    free(names->list);
    *names = (struct names){0};
}

const char *names_find(const struct names *names, const struct uuid *vm)
{
    for (size_t i = 0; i < names->count; i++)
        if (uuid_is_equal(&names->list[i].vm, vm))
            return names->list[i].name;
    return NULL;
}
