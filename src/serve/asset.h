/*
 * asset.h - the files of the page, embedded at build time: nothing is read from a disk.
 */
#ifndef PAGEMETER_SERVE_ASSET_H
#define PAGEMETER_SERVE_ASSET_H

#include <stddef.h>

struct asset {
    const char *path; /* NULL ends the list */
    const char *type;
    const unsigned char *bytes;
    size_t length;
};

/* Made by scripts/embed-serve.sh from src/serve/page/, third_party/uplot/ and docs/openapi.json. */
extern const struct asset serve_assets[];

#endif
