#!/usr/bin/env bash
# Guest instructions of a token, by qemu and insn_count.c, in millions: of a prompt of 64, and of what is decoded after it. And what one
# decoded token touches, by line_count.c, in MB of whole lines, on the last processor. One thread; the figures are the same on every machine.
#   token_counts.sh [--shape SHAPE] [--build BUILD_FOLDER] [--most FILE] [TYPE[=MODEL.linnet]...]      smollm2-135m, build/aarch64; q4_0 q4_k_m
# FILE has lines "CPU TYPE PREFILL DECODE" and "TYPE MB". Exit 1 where a token takes more than that, 77 without qemu.
# Models that are not given are made (random weights: they cost what trained ones do). QEMU_CPUS names the processors: "cortex-a72 cortex-a76 max".
# Needs the built targets token_counts and linnet-probe and Debian's qemu-user (qemu-user-static takes no plugins); QEMU names it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
shape=smollm2-135m
most=/dev/null
build=$here/../../build/aarch64
while [[ ${1:-} == --* ]]; do
  case "$1" in
    --shape) shape=$2 ;;
    --build) build=$2 ;;
    --most) most=$2 ;;
    *) sed -n '2,8p' "$0" | sed 's/^# \{0,1\}//'; exit 2 ;;
  esac
  shift 2
done
[[ $# -gt 0 ]] || set -- q4_0 q4_k_m
qemu=${QEMU:-qemu-aarch64}
command -v "$qemu" >/dev/null || { echo "token_counts.sh: $qemu is not installed: apt-get install qemu-user"; exit 77; }
for program in "$build/tests/token_counts" "$build/bin/linnet-probe"; do
  [[ -e $program ]] || { echo "token_counts.sh: there is no $program: ninja -C $build token_counts linnet-probe"; exit 2; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for plugin in insn_count line_count; do
  gcc -O2 -Wall -Wextra -Werror -shared -fPIC -fvisibility=hidden -o "$work/$plugin.so" "$here/$plugin.c"
done
# The same bytes on every machine, and sooner by one's own program.
probe=("$qemu" -L / -cpu max "$build/bin/linnet-probe" model)
native=$here/../../build/release/bin/linnet-probe
[[ -x $native ]] && probe=("$native" model)
broken=0
printf '%-12s %-8s %8s %8s\n' cpu type prefill decode
for model in "$@"; do
  type=${model%%=*}
  file=${model#*=}
  if [[ $model != *=* ]]; then
    file=$work/model.linnet
    "${probe[@]}" synth "$shape" "$work/model.gguf" --type "$type" --force >/dev/null
    "${probe[@]}" pack "$work/model.gguf" "$file" --force >/dev/null
  fi
  for cpu in ${QEMU_CPUS:-cortex-a72 cortex-a76 max}; do
    "$qemu" -L / -cpu "$cpu" -plugin "$work/insn_count.so" "$build/tests/token_counts" "$file" >"$work/names" 2>"$work/counts" ||
      { cat "$work/counts"; exit 1; }
    awk -v cpu="$cpu" -v type="$type" -v limits="$most" '
      BEGIN { while ((getline line < limits) > 0) if (split(line, word, " ") == 4) { prefill[word[1], word[2]] = word[3]; decode[word[1], word[2]] = word[4] } }
      FNR == NR { if ($1 == "phase") insns[$2] = $4; else print > "/dev/stderr"; next }
      { a_token[$2] = insns[$1] / $3 / 1e6 }
      END { printf "%-12s %-8s %8.2f %8.2f\n", cpu, type, a_token["prefill"], a_token["decode"]
            if (!((cpu, type) in prefill) || (a_token["prefill"] <= prefill[cpu, type] && a_token["decode"] <= decode[cpu, type])) exit 0
            printf "%s, %s: at most %s and %s\n", cpu, type, prefill[cpu, type], decode[cpu, type]
            exit 1 }' "$work/counts" "$work/names" || broken=1
  done
  "$qemu" -L / -cpu "$cpu" -plugin "$work/line_count.so" "$build/tests/token_counts" "$file" 8 >"$work/names" 2>"$work/counts" ||
    { cat "$work/counts"; exit 1; }
  awk -v type="$type" -v limits="$most" '
    BEGIN { most = 1e9; while ((getline line < limits) > 0) if (split(line, word, " ") == 2 && word[1] == type) most = word[2] }
    FNR == NR { if ($1 == "phase") lines[$2] = $4; else print > "/dev/stderr"; next }
    $2 == "one" { touched = lines[$1] * 64 / 1e6; printf "%-12s %-8s %8.2f MB touched\n", "", type, touched
                  if (touched > most) { printf "%s: a token touches at most %s MB\n", type, most; exit 1 } }' "$work/counts" "$work/names" || broken=1
done
exit "$broken"
