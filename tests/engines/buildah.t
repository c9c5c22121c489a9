#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# See compare and buildah.suite.
exec "$(dirname "$0")/compare" buildah
