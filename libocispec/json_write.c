/* SPDX-License-Identifier: Apache-2.0 */
/* Owns writing of JSON text. */
#include "json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static char *room(struct json_out *o, size_t more)
{
    if (o->size - o->n < more + 1) {
        size_t size = o->size * 2 + more + 512;
        char *text = arena_alloc(o->arena, size);
        if (o->n)
            memcpy(text, o->text, o->n);
        o->text = text;
        o->size = size;
    }
    return o->text + o->n;
}

static void put(struct json_out *o, const char *s, size_t len)
{
    memcpy(room(o, len), s, len);
    o->n += len;
}

static void new_line(struct json_out *o)
{
    if (!o->indent)
        return;
    put(o, "\n", 1);
    for (unsigned i = 0; i < o->depth; i++)
        put(o, "  ", 2);
}

void json_put_entry(struct json_out *o)
{
    if (o->begun)
        put(o, ",", 1);
    o->begun = true;
    new_line(o);
}

void json_open(struct json_out *o, char bracket)
{
    put(o, &bracket, 1);
    o->depth++;
    o->begun = false;
}

void json_close(struct json_out *o, char bracket)
{
    o->depth--;
    if (o->begun)
        new_line(o);
    o->begun = true;
    put(o, &bracket, 1);
}

void json_put_key(struct json_out *o, const char *key)
{
    json_put_entry(o);
    json_put_string(o, key);
    put(o, ": ", o->indent ? 2 : 1);
}

static void put_escape(struct json_out *o, unsigned char c)
{
    static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    char text[8];

    for (size_t i = 0; i + 1 < sizeof shorts; i += 2)
        if (c == (unsigned char)shorts[i]) {
            put(o, (char[]){'\\', shorts[i + 1]}, 2);
            return;
        }
    snprintf(text, sizeof text, "\\u%04x", c);
    put(o, text, 6);
}

/* How many bytes from s on stand for themselves in a string of JSON. */
static size_t plain_length(const char *s, size_t left)
{
    size_t n = 0;

    while (n < left && (unsigned char)s[n] >= 0x20 && (unsigned char)s[n] < 0x7f && s[n] != '"' &&
           s[n] != '\\')
        n++;
    return n;
}

void json_put_string(struct json_out *o, const char *s)
{
    size_t left = strlen(s);

    put(o, "\"", 1);
    for (size_t n; left; s += n, left -= n) {
        unsigned char c = (unsigned char)*s;
        n = plain_length(s, left);
        if (n == 0)
            n = json_utf8_length((const unsigned char *)s, left);
        if (n == 0) {
            put(o, "\xef\xbf\xbd", 3);
            n = 1;
        } else if (c < 0x20 || c == 0x7f || c == '"' || c == '\\') {
            put_escape(o, c);
        } else {
            put(o, s, n);
        }
    }
    put(o, "\"", 1);
}

void json_put_number(struct json_out *o, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    o->n += (size_t)vsnprintf(room(o, 24), 24, format, ap);
    va_end(ap);
}

void json_put_bool(struct json_out *o, bool b)
{
    put(o, b ? "true" : "false", b ? 4 : 5);
}

char *json_take(struct json_out *o, size_t *n)
{
    *room(o, 0) = '\0';
    *n = o->n;
    return o->text;
}
