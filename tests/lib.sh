# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# TAP for tests in shell. Source it, assert, and end with done_testing.

tap_run=0
tap_failed=0

# comment TEXT: each line as a TAP comment.
comment() {
    printf '%s\n' "$1" | sed 's/^/# /'
}

pass() {
    tap_run=$((tap_run + 1))
    printf 'ok %d - %s\n' "$tap_run" "$1"
}

# flunk NAME [WHY]
flunk() {
    tap_run=$((tap_run + 1))
    tap_failed=$((tap_failed + 1))
    printf 'not ok %d - %s\n' "$tap_run" "$1"
    [ -z "${2-}" ] || comment "$2"
}

# skip NAME REASON: an assertion that cannot be made here.
skip() {
    tap_run=$((tap_run + 1))
    printf 'ok %d - %s # SKIP %s\n' "$tap_run" "$1" "$2"
}

# skip_all REASON: nothing of this file can be tested here. Ends the program.
skip_all() {
    printf '1..0 # SKIP %s\n' "$1"
    exit 0
}

# is GOT WANT NAME
is() {
    if [ "$1" = "$2" ]; then
        pass "$3"
    else
        flunk "$3" "     got: $1
expected: $2"
    fi
}

# contains TEXT PART NAME
contains() {
    case $1 in
    *"$2"*) pass "$3" ;;
    *) flunk "$3" "\"$2\" is not in: $1" ;;
    esac
}

# succeeds NAME COMMAND...: what it said is shown when it fails.
succeeds() {
    tap_name=$1
    shift
    if tap_said=$("$@" 2>&1); then
        pass "$tap_name"
    else
        flunk "$tap_name" "status $? of: $*
$tap_said"
    fi
}

# fails NAME COMMAND...
fails() {
    tap_name=$1
    shift
    if tap_said=$("$@" 2>&1); then
        flunk "$tap_name" "success of: $*
$tap_said"
    else
        pass "$tap_name"
    fi
}

# silent NAME COMMAND...: succeeds when the command says nothing, whatever its status.
silent() {
    tap_name=$1
    shift
    tap_said=$("$@" 2>&1) || :
    if [ -z "$tap_said" ]; then
        pass "$tap_name"
    else
        flunk "$tap_name" "$tap_said"
    fi
}

# Print the plan and end the program; 1 when an assertion failed.
done_testing() {
    printf '1..%d\n' "$tap_run"
    [ "$tap_failed" -eq 0 ]
    exit
}
