#!/usr/bin/env bash
# Guest instructions for each product of a weight and an activation, of the packed kernels, by qemu and insn_count.c. The figures are
# the same on every machine.
#   kernel_counts.sh [--most FILE] [BUILD_FOLDER [CPU...]]      build/aarch64; cortex-a53 cortex-a72 cortex-a76 max
# FILE has lines "CPU TYPE TOKENS MOST". Exit 1 where a product takes more than that, 77 without qemu.
# Needs the cross compiler, the built target linnet_kernels and Debian's qemu-user (qemu-user-static takes no plugins); QEMU names it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
most=/dev/null
[[ ${1:-} == --most ]] && { most=$2; shift 2; }
build=${1:-$here/../../build/aarch64}
[[ $# -gt 0 ]] && shift
[[ $# -gt 0 ]] || set -- cortex-a53 cortex-a72 cortex-a76 max
qemu=${QEMU:-qemu-aarch64}
command -v "$qemu" >/dev/null || { echo "kernel_counts.sh: $qemu is not installed: apt-get install qemu-user"; exit 77; }
libraries=("$build"/runtime/kernels/liblinnet_kernels*.a)
[[ -e ${libraries[0]} ]] || { echo "kernel_counts.sh: $build has no kernels: ninja -C $build linnet_kernels"; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
gcc -O2 -Wall -Wextra -Werror -shared -fPIC -fvisibility=hidden -o "$work/insn_count.so" "$here/insn_count.c"
aarch64-linux-gnu-g++-12 -O2 -std=c++20 -static -I"$here/../.." -o "$work/kernel_counts" "$here/kernel_counts.cc" \
  -Wl,--start-group "${libraries[@]}" -Wl,--end-group
broken=0
for cpu in "$@"; do
  "$qemu" -cpu "$cpu" -plugin "$work/insn_count.so" "$work/kernel_counts" >"$work/names" 2>"$work/counts" || { cat "$work/counts"; exit 1; }
  awk -v cpu="$cpu" -v limits="$most" '
    BEGIN { while ((getline line < limits) > 0) if (split(line, word, " ") == 4) limit[word[1], word[2], word[3]] = word[4] }
    FNR == NR { if ($1 == "phase" && $2 > 0) insns[$2] = $4; else if ($1 != "phase") print > "/dev/stderr"; next }
    { if (!head) { printf "%s, %s: instructions a product, by tokens\n%-8s", cpu, $2, "type" }
      if (!($3 in row)) { order[++types] = $3 }
      if (!seen[$4]++) columns[++n] = $4
      a_product = insns[$1] / $5
      if ((cpu, $3, $4) in limit && a_product > limit[cpu, $3, $4]) {
        over[++overs] = sprintf("%s, %s, %s tokens: %.3f instructions a product, at most %s", cpu, $3, $4, a_product, limit[cpu, $3, $4])
      }
      row[$3] = row[$3] sprintf(" %7.3f", a_product); head = 1 }
    END { for (i = 1; i <= n; ++i) printf " %7d", columns[i]
          print ""
          for (i = 1; i <= types; ++i) printf "%-8s%s\n", order[i], row[order[i]]
          for (i = 1; i <= overs; ++i) print over[i]
          exit overs > 0 }' "$work/counts" "$work/names" || broken=1
done
exit "$broken"
