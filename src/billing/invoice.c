#include "billing/invoice.h"

#include <stdio.h>

const char *invoice_number(const struct billing_line *line, char out[INVOICE_TEXT_MAX])
{
    char month[MONTH_TEXT_MAX];

    (void)snprintf(out, INVOICE_TEXT_MAX, "%s-%s-%s", line->account,
                   month_format(line->month, month), line->currency.code);
    return out;
}
