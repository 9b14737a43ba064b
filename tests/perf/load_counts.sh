#!/usr/bin/env bash
# Guest instructions that it takes to load a packed model, by qemu and insn_count.c, in millions: as a new process, and step by step once
# more. The figures are the same on every machine.
#   load_counts.sh [--most MILLIONS] [--model MODEL] [BUILD_FOLDER [CPU...]]      build/aarch64; cortex-a72 cortex-a76
# Without MODEL, one is made: a layer of SmolLM2-135M, with its vocabulary. Exit 1 where a load takes more than --most, 77 without qemu.
# Needs the built targets load_counts and linnet-probe and Debian's qemu-user (qemu-user-static takes no plugins); QEMU names it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
most=0
model=
while [[ ${1:-} == --* ]]; do
  case "$1" in
    --most) most=$2 ;;
    --model) model=$2 ;;
    *) sed -n '2,6p' "$0" | sed 's/^# \{0,1\}//'; exit 2 ;;
  esac
  shift 2
done
build=${1:-$here/../../build/aarch64}
[[ $# -gt 0 ]] && shift
[[ $# -gt 0 ]] || set -- cortex-a72 cortex-a76
qemu=${QEMU:-qemu-aarch64}
command -v "$qemu" >/dev/null || { echo "load_counts.sh: $qemu is not installed: apt-get install qemu-user"; exit 77; }
for program in "$build/tests/load_counts" "$build/bin/linnet-probe"; do
  [[ -e $program ]] || { echo "load_counts.sh: there is no $program: ninja -C $build load_counts linnet-probe"; exit 2; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
gcc -O2 -Wall -Wextra -Werror -shared -fPIC -fvisibility=hidden -o "$work/insn_count.so" "$here/insn_count.c"
if [[ -z $model ]]; then
  probe=("$qemu" -L / -cpu max "$build/bin/linnet-probe" model)
  "${probe[@]}" synth smollm2-135m "$work/model.gguf" --type q4_0 --layers 1 >/dev/null
  model=$work/model.linnet
  "${probe[@]}" pack "$work/model.gguf" "$model" >/dev/null
fi
for cpu in "$@"; do
  "$qemu" -L / -cpu "$cpu" -plugin "$work/insn_count.so" "$build/tests/load_counts" "$model" >"$work/names" 2>"$work/counts" ||
    { cat "$work/counts"; exit 1; }
  # The first stretch of phase 0 is the start of the process.
  awk -v cpu="$cpu" -v most="$most" '
    FNR == NR { if ($1 == "phase" && ($2 > 0 || !(0 in insns))) insns[$2] = $4; else if ($1 != "phase") print > "/dev/stderr"; next }
    FNR == 1 { printf "%s: process start %.2f", cpu, insns[0] / 1e6 }
    { printf ", %s %.2f", $2, insns[$1] / 1e6 }
    $2 == "load" { load = insns[$1] / 1e6 }
    END { print ""
          if (most > 0 && load > most) { printf "%s: a load takes more than %s million instructions\n", cpu, most; exit 1 } }
    ' "$work/counts" "$work/names"
done
