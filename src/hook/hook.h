/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hooks: programs of the engine that run at points of the container's life, runtime-spec
 * config.md "POSIX-platform Hooks" and runtime.md "Lifecycle". Each gets the state on stdin, its
 * argv is exactly `args`, its environment exactly `env`. The end of what it prints is put into the
 * error when it fails and into the debug log when it does not; the annotations run.oci.hooks.stdout
 * and run.oci.hooks.stderr name files that it is appended to instead.
 */
#ifndef RT_HOOK_HOOK_H
#define RT_HOOK_HOOK_H

#include "core/ctx.h"

/* host, before the first clone: the files that the annotations name, which inside could not be
 * found. Without it they are opened by the first hook of a process. */
step_fn step_open_hook_files;

step_fn step_prestart_hooks, step_create_runtime_hooks; /* host; status creating */
step_fn step_create_container_hooks; /* init, the host's files still in view; creating */
step_fn step_start_container_hooks;  /* init, inside; created */
step_fn step_poststart_hooks;        /* host; running */

/* host, when the container is gone: status stopped. A failure is a warning, the rest still run. */
void hooks_poststop(struct ctx *);

#endif
