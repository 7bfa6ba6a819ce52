#include "balloon/rivals.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/number.h"

enum { PATH_TEXT_MAX = 512, COMM_MAX = 16, XL_CONF_MAX = 65536 };

enum rival rival_of_name(const char *comm)
{
    static const struct {
        const char *comm;
        enum rival rival;
    } names[] = {
        {"squeezed", RIVAL_SQUEEZED},
        {"qmemman", RIVAL_QMEMMAN},
        {"qmemmand", RIVAL_QMEMMAN},
        {"qmemman_daemon.", RIVAL_QMEMMAN}, /* cut by the kernel */
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(comm, names[i].comm) == 0)
            return names[i].rival;
    return RIVAL_NONE;
}

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    return at;
}

/* The value of `key = value` or `key = "value"`, as far as its word goes. NULL: another line. */
static const char *value_of(const char *line, const char *end, const char *key, size_t *length)
{
    const char *at = skip_blanks(line, end);
    size_t key_length = strlen(key);

    if ((size_t)(end - at) < key_length || memcmp(at, key, key_length) != 0)
        return NULL;
    at = skip_blanks(at + key_length, end);
    if (at == end || *at != '=')
        return NULL;
    at = skip_blanks(at + 1, end);
    if (at < end && (*at == '"' || *at == '\''))
        at++;
    *length = 0;
    while (at + *length < end && isalnum((unsigned char)at[*length]))
        (*length)++;
    return at;
}

static bool is_word(const char *value, size_t length, const char *word)
{
    return strlen(word) == length && memcmp(value, word, length) == 0;
}

bool rival_is_autoballoon(const char *text, size_t length, bool has_dom0_mem)
{
    const char *end = text + length;
    bool is_on = !has_dom0_mem;

    for (const char *line = text; line < end;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const char *line_end = newline != NULL ? newline : end;
        size_t n = 0;
        const char *value = value_of(line, line_end, "autoballoon", &n);

        if (value != NULL && (is_word(value, n, "on") || is_word(value, n, "1")))
            is_on = true;
        else if (value != NULL && (is_word(value, n, "off") || is_word(value, n, "0")))
            is_on = false;
        else if (value != NULL) /* auto, or what xl takes for it */
            is_on = !has_dom0_mem;
        line = line_end + 1;
    }
    return is_on;
}

/*
 * The name of a process of root's: anybody may call a program of his own qmemman. Empty when it is
 * another's, or has gone.
 */
static void read_comm(const char *root, const char *pid, char comm[COMM_MAX])
{
    char path[PATH_TEXT_MAX];
    struct stat st;

    comm[0] = 0;
    (void)snprintf(path, sizeof path, "%s/proc/%s", root, pid);
    if (stat(path, &st) != 0 || st.st_uid != 0)
        return;
    (void)snprintf(path, sizeof path, "%s/proc/%s/comm", root, pid);
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return;
    if (fgets(comm, COMM_MAX, file) == NULL)
        comm[0] = 0;
    comm[strcspn(comm, "\n")] = 0;
    (void)fclose(file);
}

static enum rival find_process(const char *root)
{
    char path[PATH_TEXT_MAX];
    char comm[COMM_MAX];
    enum rival found = RIVAL_NONE;
    const struct dirent *entry;
    uint64_t pid;

    (void)snprintf(path, sizeof path, "%s/proc", root);
    DIR *directory = opendir(path);

    if (directory == NULL)
        return RIVAL_NONE;
    while (found == RIVAL_NONE && (entry = readdir(directory)) != NULL) {
        if (!number_parse(entry->d_name, strlen(entry->d_name), INT32_MAX, &pid))
            continue;
        read_comm(root, entry->d_name, comm);
        found = rival_of_name(comm);
    }
    (void)closedir(directory);
    return found;
}

/* Without the file xl takes its defaults; but then there is no xl, either. */
static bool has_autoballoon(const char *root, bool has_dom0_mem)
{
    static char text[XL_CONF_MAX];
    char path[PATH_TEXT_MAX];

    (void)snprintf(path, sizeof path, "%s/etc/xen/xl.conf", root);
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return false;
    size_t length = fread(text, 1, sizeof text, file);

    (void)fclose(file);
    return rival_is_autoballoon(text, length, has_dom0_mem);
}

enum rival rivals_find(const char *root, bool has_dom0_mem)
{
    enum rival found = find_process(root);

    if (found == RIVAL_NONE && has_autoballoon(root, has_dom0_mem))
        found = RIVAL_AUTOBALLOON;
    return found;
}

const char *rival_sentence(enum rival rival)
{
    switch (rival) {
    case RIVAL_SQUEEZED:
        return "XAPI's squeezed is running and moves memory itself: use the actuator xe, or only "
               "observe";
    case RIVAL_QMEMMAN:
        return "Qubes' qmemman is running and moves memory itself: stop it first, or only observe";
    case RIVAL_AUTOBALLOON:
        return "xl takes dom0's memory for new VMs: set autoballoon=\"off\" in /etc/xen/xl.conf, "
               "and dom0_mem=SIZE,max:SIZE on Xen's command line";
    case RIVAL_NONE:
    default:
        return "no other balancer is running";
    }
}
