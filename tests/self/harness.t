#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The tools of the test run can fail: what they must object to is put before them.
set -u
here=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=tests/lib.sh
. "$here/lib.sh"
work=$(mktemp -d "${TMPDIR:-/tmp}/rt-harness-XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT

# sums_up WANT NAME SCRIPT: what tap-run's last line is for a program with that text.
sums_up() {
    printf '#!/bin/sh\n%s\n' "$3" >"$work/program"
    chmod +x "$work/program"
    said=$("$here/tap-run" --logs "$work/logs" --deadline 2 "$work/program" 2>&1)
    status=$?
    case $1 in *" 0 failed"*) want=0 ;; *) want=1 ;; esac
    is "$(printf '%s\n' "$said" | tail -n 1), status $status" "$1, status $want" "$2"
}

# objects NAME TOOL: the tool, in the copy of the tree, fails.
objects() {
    fails "$1" "$work/tree/tests/$2"
}

sums_up "2 passed, 0 failed, 0 skipped" "two results" 'echo 1..2; echo ok 1; echo ok 2 - b'
sums_up "1 passed, 0 failed, 1 skipped" "a skip" 'echo ok 1; echo "ok 2 # SKIP why"; echo 1..2'
sums_up "0 passed, 0 failed, 1 skipped" "nothing but a reason" 'echo "1..0 # SKIP why"'
sums_up "1 passed, 1 failed, 0 skipped" "a failure" 'echo 1..2; echo not ok 1; echo ok 2; exit 1'
sums_up "1 passed, 1 failed, 0 skipped" "no plan" 'echo ok 1'
sums_up "0 passed, 1 failed, 0 skipped" "nothing at all" ':'
sums_up "1 passed, 1 failed, 0 skipped" "fewer than planned" 'echo 1..2; echo ok 1'
sums_up "2 passed, 1 failed, 0 skipped" "more than planned" 'echo 1..1; echo ok 1; echo ok 2'
sums_up "1 passed, 1 failed, 0 skipped" "a status without a failure" 'echo 1..1; echo ok 1; exit 3'
sums_up "1 passed, 1 failed, 0 skipped" "death by signal" 'echo 1..1; echo ok 1; kill -9 $$'
sums_up "1 passed, 1 failed, 0 skipped" "a jump in the numbers" 'echo 1..1; echo ok 2'
sums_up "1 passed, 1 failed, 0 skipped" "giving up" 'echo 1..1; echo ok 1; echo Bail out!'
sums_up "1 passed, 1 failed, 0 skipped" "the deadline" 'echo ok 1; sleep 60; echo 1..1'

# table NAME WANT ROW...: what tap-run's lines begin with for these rows, in the order of $order.
order='cat'
table() {
    name=$1 want=$2
    shift 2
    said=$(printf '%s\n' "$@" | "$here/tap-run" --logs "$work/logs" --table 2>&1)
    is "$(printf '%s\n' "$said" | sed 's/  *[0-9.]* s  / /; /^$/,$d' | $order)" "$want" "$name"
}

# Rows that go on side by side end in either order; what needs both begins behind them.
both="[ -e $work/sign ] && : >$work/done && exit"
wait_for="for i in \$(seq 100); do $both; sleep 0.1; done; false"
order='sort'
table "a row beside the others" "early 1 passed
last 1 passed
later 1 passed" "early | | 20 | &exit | $wait_for" "later | | 20 | exit | : >$work/sign" \
    "last | early later | 20 | exit | [ -e $work/done ]"
order='cat'
table "what a broken row's followers come to" "a 0 passed, 1 FAILED
    status 1: false
b FAILED, not run: a failed
c FAILED, not run: b failed" "a | | 20 | &exit | false" "b | a | 20 | exit | true" \
    "c | b | 20 | &exit | true"
table "a need that comes too late" "tap-run: row a is twice, or needs what is not before it" \
    "a | b | 20 | exit | true" "b | | 20 | exit | true"

mkdir -p "$work/tree/src/base" "$work/tree/src/fs" "$work/tree/src/net" "$work/tree/src/ns"
cp -R "$here" "$work/tree/tests"
layers="$work/tree/src/base/x.c"
echo '/* #if syscall( "#if" */' >"$layers"
printf '#ifndef A\n#define A 1\n#endif\n' >"$work/tree/src/fs/x.h"
echo '#include "fs/x.h"' >"$work/tree/src/ns/x.h"
succeeds "layers: lower ranks, comments and guards are fine" "$work/tree/tests/check-layers"
echo '#include "fs/x.h"' >"$layers"
objects "layers: a higher rank" check-layers
echo 'int x(void) { return syscall(1); }' >"$layers"
objects "layers: a raw system call" check-layers
echo 'int x(void) { return getpwnam("root") != 0; }' >"$layers"
objects "layers: a name service" check-layers
echo '#if 1' >"$layers"
objects "layers: conditional compilation" check-layers
echo '#include "nowhere.h"' >"$layers"
objects "layers: a file that there is not" check-layers
rm "$layers"
echo '#include "ns/x.h"' >"$work/tree/src/net/x.h"
objects "layers: two concerns" check-layers
rm "$work/tree/src/net/x.h"
succeeds "layers: and fine again" "$work/tree/tests/check-layers"

"$work/tree/tests/check-sources" --write
succeeds "sources: lists that were just written" "$work/tree/tests/check-sources"
: >"$work/tree/src/base/new.c"
objects "sources: a file that is not listed" check-sources
rm "$work/tree/src/base/new.c" "$work/tree/src/fs/x.h"
objects "sources: a listed file that there is not" check-sources
done_testing
