/* SPDX-License-Identifier: Apache-2.0 */
/* Owns how an error is recorded and how it reads. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int positive(int code)
{
    return code < 0 ? -code : code;
}

/* Append to a bounded string; what does not fit is cut. */
static void append(char *buf, size_t size, const char *text)
{
    size_t used = strnlen(buf, size - 1);
    snprintf(buf + used, size - used, "%s", text);
}

int fail(struct err *e, int code, const char *format, ...)
{
    va_list ap;

    code = positive(code);
    if (!e)
        return -code;
    *e = (struct err){.code = code};
    va_start(ap, format);
    vsnprintf(e->text, sizeof e->text, format, ap);
    va_end(ap);
    append(e->text, sizeof e->text, ": ");
    append(e->text, sizeof e->text, strerror(code));
    return -code;
}

int refuse(struct err *e, int code, const char *format, ...)
{
    va_list ap;

    code = positive(code);
    if (!e)
        return -code;
    *e = (struct err){.code = code};
    va_start(ap, format);
    vsnprintf(e->text, sizeof e->text, format, ap);
    va_end(ap);
    return -code;
}

int err_at(struct err *e, const char *format, ...)
{
    va_list ap;

    if (!e)
        return -1;
    if (!e->at[0]) {
        va_start(ap, format);
        vsnprintf(e->at, sizeof e->at, format, ap);
        va_end(ap);
    }
    return -e->code;
}

int err_hint(struct err *e, const char *format, ...)
{
    va_list ap;

    if (!e)
        return -1;
    va_start(ap, format);
    vsnprintf(e->hint, sizeof e->hint, format, ap);
    va_end(ap);
    return -e->code;
}

const char *err_line(const struct err *e, char *buf, unsigned long size)
{
    int n = snprintf(buf, size, "%s%s%s", e->at, e->at[0] ? ": " : "", e->text);

    if (e->hint[0] && n >= 0 && (unsigned long)n < size)
        snprintf(buf + n, size - n, " (%s)", e->hint);
    return buf;
}
