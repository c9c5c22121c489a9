#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# See compare and compose.suite.
exec "$(dirname "$0")/compare" compose
