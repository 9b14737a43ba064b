#!/usr/bin/env bash
# A kernel set is compiled for instructions that not every machine has. A weak symbol in it (an inline function, a template) may be
# the copy that the linker keeps for the whole program, and an older machine then dies of it.
#   check_kernel_symbols.sh NM LIBRARY...      exit 1 and the symbols, if there are any
set -uo pipefail
nm=$1
shift
wrong=0
for library in "$@"; do
  weak=$("$nm" -C --defined-only "$library" 2>/dev/null | awk '$2 ~ /^[WwVvu]$/ {print}')
  if [[ -n $weak ]]; then
    echo "$library has weak symbols:"
    echo "$weak"
    wrong=1
  fi
done
[[ $# -gt 0 ]] || { echo "no library was named"; exit 2; }
[[ $wrong == 0 ]] && echo "$# kernel libraries, no weak symbols"
exit $wrong
