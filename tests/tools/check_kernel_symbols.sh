#!/usr/bin/env bash
# A kernel set is compiled for instructions that not every machine has. A weak symbol in it (an inline function, a template) may be
# the copy that the linker keeps for the whole program, and an older machine then dies of it.
#   check_kernel_symbols.sh NM LIBRARY_OR_OBJECT...      exit 1 and the symbols, if there are any
# The reference to how exceptions are handled is data that is the same in every copy.
set -uo pipefail
nm=$1
shift
wrong=0
for library in "$@"; do
  [[ -e $library ]] || { echo "there is no $library"; exit 2; }
  weak=$("$nm" -C --defined-only "$library" 2>/dev/null | awk '$2 ~ /^[WwVvu]$/ && $3 !~ /^DW\.ref\.__gxx_personality/ {print}')
  if [[ -n $weak ]]; then
    echo "$library has weak symbols:"
    echo "$weak"
    wrong=1
  fi
done
[[ $# -gt 0 ]] || { echo "no library was named"; exit 2; }
[[ $wrong == 0 ]] && echo "$# kernel libraries and objects, no weak symbols"
exit $wrong
