#include "meter/source.h"

void source_close(struct source *source)
{
    if (source != NULL)
        source->ops->close(source);
}
