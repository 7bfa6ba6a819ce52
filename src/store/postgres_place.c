#include "store/postgres_place.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

enum { ELEMENT_MAX = 256 };

/* 127.example.com is a name, and anybody's. */
static bool is_loopback(const char *text)
{
    struct in_addr four;
    struct in6_addr six;

    if (inet_pton(AF_INET, text, &four) == 1)
        return ntohl(four.s_addr) >> 24 == IN_LOOPBACKNET;
    return inet_pton(AF_INET6, text, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

static bool is_local_address(const char *text)
{
    return text[0] == '\0' || is_loopback(text);
}

static bool is_local_host(const char *text)
{
    return text[0] == '/' || text[0] == '@' || strcmp(text, "localhost") == 0 ||
           is_local_address(text);
}

static bool are_all(const char *list, bool (*is_so)(const char *element))
{
    char element[ELEMENT_MAX];

    for (;;) {
        size_t length = strcspn(list, ",");

        if (length >= sizeof element)
            return false;
        memcpy(element, list, length);
        element[length] = '\0';
        if (!is_so(element))
            return false;
        if (list[length] == '\0')
            return true;
        list += length + 1;
    }
}

bool postgres_place_is_local(const char *hosts, const char *addresses)
{
    return (hosts == NULL || are_all(hosts, is_local_host)) &&
           (addresses == NULL || are_all(addresses, is_local_address));
}
