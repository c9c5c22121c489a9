#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# See compare and podman.suite.
exec "$(dirname "$0")/compare" podman
