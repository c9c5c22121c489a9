#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# See compare and load.suite.
exec "$(dirname "$0")/compare" load
