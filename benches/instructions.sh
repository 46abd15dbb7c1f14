#!/bin/sh
# Instructions of each step of a decision, as callgrind counts them: those of 2 N repetitions less those of N, over N.
# Usage: benches/instructions.sh [N] [STEP…]
set -eu
cd "$(dirname "$0")/.."

if ! command -v valgrind >/dev/null; then
    echo "not run here: valgrind"
    exit 0
fi

times=${1:-1000}
[ $# -eq 0 ] || shift
# The last line cargo prints names the program: `Executable benches/instructions.rs (target/release/deps/…)`.
program=$(cargo bench --no-run --bench instructions 2>&1 | tee /dev/stderr | sed -n 's/^ *Executable.*(\(.*\))$/\1/p' | tail -n 1)
[ -x "$program" ] || { echo "the bench did not build" >&2; exit 1; }
[ $# -gt 0 ] || set -- $("$program")

count() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$1" "$2" 2>&1 |
        sed -n 's/^==[0-9]*== Collected : \([0-9]*\).*/\1/p'
}

echo "| step | instructions |"
echo "|---|--:|"
for step in "$@"; do
    once=$(count "$step" "$times")
    twice=$(count "$step" $((2 * times)))
    [ -n "$once" ] && [ -n "$twice" ] || { echo "callgrind counted nothing for $step" >&2; exit 1; }
    echo "| $step | $(((twice - once) / times)) |"
done
