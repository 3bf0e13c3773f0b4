#!/usr/bin/env bash
# control.sh BROKEN: that a replay can fail. BROKEN is the target whose law never holds.
set -uo pipefail
broken=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "control: $*" >&2; exit 1; }

"$broken" "$work" > "$work.out" 2>&1 && fail "an empty folder passes"
"$broken" "$work/missing" > /dev/null 2>&1 && fail "a missing folder passes"
"$broken" > /dev/null 2>&1 && fail "no folder passes"
printf x > "$work/named-input"
said=$("$broken" "$work" 2>&1) && fail "a broken law passes"
[[ $said == *named-input*"law broken: an input holds nothing"* ]] || fail "it says: $said"
: > "$work/named-input"
said=$("$broken" "$work") || fail "an input in order fails"
[[ $said == *"1 inputs of"* ]] || fail "it says: $said"
for target in "$(dirname "$0")"/corpus/*/; do
  compgen -G "$target*" > /dev/null || fail "$target is empty"
done
rm -f "$work.out"
