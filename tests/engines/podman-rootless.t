#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# See compare and podman.suite: as a user without root.
ROOTLESS=1 exec "$(dirname "$0")/compare" podman
