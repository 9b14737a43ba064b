#!/usr/bin/env bash
# What an idle daemon costs: time from exec to ready, RSS and anonymous RSS after 2 s without work, medians of 5 runs.
#
#   tests/perf/idle.sh [BIN_FOLDER] [RUNS]     default build/release/bin, 5
#
# Prints a table; exit 1 when a limit is missed: ready within 300 ms, RSS at most 30 MiB, anonymous RSS at most 8 MiB.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/../.."
bin=$(cd "${1:-build/release/bin}" && pwd)
runs=${2:-5}
work=$(mktemp -d "${TMPDIR:-/tmp}/linnet-idle-XXXXXX")
pid=
finish() {
  [[ -n $pid ]] && kill -9 "$pid" 2>/dev/null
  rm -rf "$work"
}
trap finish EXIT
LINNET_HOME=$work/home "$bin/linnet" site init "$work/site" --no-passphrase >"$work/log"

# measure NAME COMMAND...: a line "ms rss_kib anonymous_kib" a run, into $work/NAME.runs
measure() {
  local name=$1
  shift
  : >"$work/$name.runs"
  for run in $(seq "$runs"); do
    local ready=$work/$name.$run.ready begin end
    begin=$(date +%s%N)
    "$@" --state-dir "$work/$name.$run" --ready-file "$ready" >>"$work/log" 2>&1 &
    pid=$!
    until [[ -s $ready ]]; do
      kill -0 "$pid" 2>/dev/null || { tail -3 "$work/log" >&2; exit 2; }
      read -rt 0.002 <> <(:) || true # a nap without a process
    done
    end=$(date +%s%N)
    sleep 2
    awk -v ms=$(((end - begin) / 1000000)) '/^Rss:/ { rss = $2 } /^Anonymous:/ { anonymous = $2 } END { print ms, rss, anonymous }' \
      "/proc/$pid/smaps_rollup" >>"$work/$name.runs"
    kill "$pid"
    wait "$pid" 2>/dev/null || true
    pid=
  done
}

measure linnet-agent "$bin/linnet-agent" --listen 127.0.0.1:0 --http 127.0.0.1:0
measure linnet-coordinator "$bin/linnet-coordinator" --site-dir "$work/site/coordinator" --listen 127.0.0.1:0 --admin 127.0.0.1:0

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
missed=0
printf '%-20s %10s %12s %16s\n' daemon ready RSS 'anonymous RSS'
for name in linnet-agent linnet-coordinator; do
  ms=$(cut -d' ' -f1 "$work/$name.runs" | median)
  rss=$(cut -d' ' -f2 "$work/$name.runs" | median)
  anonymous=$(cut -d' ' -f3 "$work/$name.runs" | median)
  printf '%-20s %7d ms %8.1f MiB %12.1f MiB' "$name" "$ms" "$((rss * 10 / 1024))e-1" "$((anonymous * 10 / 1024))e-1"
  for limit in "$ms 300 ready" "$rss $((30 * 1024)) RSS" "$anonymous $((8 * 1024)) anonymous"; do
    read -r value most what <<<"$limit"
    if ((value > most)); then
      printf '  MISSED: %s' "$what"
      missed=1
    fi
  done
  printf '\n'
done
echo "limits                   300 ms     30.0 MiB          8.0 MiB   (medians of $runs runs, $(nproc) cores)"
exit $missed
