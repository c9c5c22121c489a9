/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Diagnostics: one line per message to one descriptor, in the format that engines parse.
 * Level and output are the only global state of rt. A forked role keeps logging to the same
 * descriptor, which is CLOEXEC and so never reaches the container's program.
 */
#ifndef RT_BASE_LOG_H
#define RT_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_ERROR_LEVEL, LOG_WARNING_LEVEL, LOG_INFO_LEVEL, LOG_DEBUG_LEVEL };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* fd is borrowed and must stay open; -1 means stderr. `datagram` is set for journald and syslog
 * sockets, where `tag` is the identifier. */
enum log_sink { LOG_SINK_STREAM, LOG_SINK_JOURNALD, LOG_SINK_SYSLOG };

void log_to(int fd, enum log_sink sink, const char *tag);
void log_format(enum log_format format);
void log_level(enum log_level level);
int log_fd(void);
bool log_wants(enum log_level level);

/* Standard error is somewhere else from now on: fd is borrowed. For a process that gives its own
 * away to a terminal. */
void log_stderr(int fd);

/* Close what log_stderr was given, if anything, and say nothing there any more: a process that goes
 * on to wait must not hold the caller's pipe open. */
void log_leave_stderr(void);

/* Where the log is a file, errors are also said on stderr for the person or engine that waits
 * there. Off until set. */
void log_also_stderr(bool on);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Write s as the inside of a JSON string into buf (always terminated, cut at a character that
 * fits); returns the length written. */
size_t log_json_escape(char *buf, size_t size, const char *s);

#endif
