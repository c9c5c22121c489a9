#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# See compare and cri.suite.
exec "$(dirname "$0")/compare" cri
