/*
 * Configuration files: what is taken is checked without surprises, and its normal form is taken
 * again and means the same.
 */
#include "fuzz.h"

#include "common/config.h"

static char *print(const struct config *config, size_t *size)
{
    char *text = NULL;
    FILE *file = open_memstream(&text, size);

    HOLDS(file != NULL);
    config_print(config, file);
    (void)fclose(file);
    return text;
}

static void check_normal_form(const struct config *config)
{
    char path[FUZZ_PATH_MAX];
    struct config again;
    struct error err;
    size_t size;
    char *text = print(config, &size);
    int fd = fuzz_file((const uint8_t *)text, size, path);

    config_init(&again);
    if (!config_read(&again, path, &err)) {
        (void)fprintf(stderr, "%s\n%s", err.text, text);
        abort();
    }
    size_t size_again;
    char *text_again = print(&again, &size_again);

    HOLDS(size == size_again && memcmp(text, text_again, size) == 0);
    free(text);
    free(text_again);
    (void)close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[FUZZ_PATH_MAX];
    struct config before;
    struct config config;
    struct error err = {.code = ERR_NONE};
    int fd = fuzz_file(data, size, path);

    config_init(&config);
    before = config;
    if (config_read(&config, path, &err)) {
        (void)!config_check(&config, &err);
        check_normal_form(&config);
    } else {
        HOLDS(err.code == ERR_USAGE);
        HOLDS(memcmp(&config, &before, sizeof config) == 0);
    }
    (void)close(fd);
    return 0;
}
