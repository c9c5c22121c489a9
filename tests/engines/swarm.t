#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# See compare and swarm.suite.
exec "$(dirname "$0")/compare" swarm
