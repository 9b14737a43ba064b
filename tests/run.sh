#!/usr/bin/env bash
# Sets up and runs Linnet's tests.
#   tests/run.sh              everything that a user's machine needs to trust a build: native tests, the demo's fleet end to end,
#                             and the runtime cross-built for aarch64 and run under qemu-user on four CPUs
#   tests/run.sh --fast       the inner loop: native tests only
#   tests/run.sh --sanitize   only the ASan+UBSan build of all tests and the TSan build of those of the gRPC-free core in which threads meet
#   tests/run.sh --cross      only builds all of it for aarch64
#   tests/run.sh --tuf-js     only lets another TUF client read what Linnet writes (needs nodejs, npm and its registry; tests/trust/tuf_js.sh)
#   tests/run.sh --long       only what takes long: 500 kills of agents at random moments of updates, and each single call to the disk failing
#   tests/run.sh --minutes N  begin nothing after N minutes; what was left out is said, and is no failure
#   tests/run.sh --no-install do not look for missing packages
# Results: build/junit/*.xml, and one closing line "N passed, N failed".
set -uo pipefail
cd "$(dirname "$0")/.."

tier=full
install=yes
minutes=
while [[ $# -gt 0 ]]; do
  case "$1" in
    --fast) tier=fast ;;
    --sanitize) tier=sanitize ;;
    --cross) tier=cross ;;
    --tuf-js) tier=tuf-js ;;
    --long) tier=long ;;
    --minutes) minutes=${2:?tests/run.sh: --minutes needs a number}; shift ;;
    --no-install) install=no ;;
    -h | --help) sed -n '2,12p' "$0" | sed 's/^# \{0,1\}//'; exit 0 ;;
    *) echo "tests/run.sh: unknown option $1 (see --help)" >&2; exit 2 ;;
  esac
  shift
done

if [[ $install == yes ]]; then
  packages=$tier
  [[ $tier == full || $tier == cross ]] && packages=test
  [[ $tier == tuf-js ]] && packages=fast
  [[ $tier == long ]] && packages=fast
  bash deploy/install-packages.sh "$packages" || exit 1
fi

# The same object for the same source, wherever the clone lies.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
jobs=$(nproc)
results=build/junit
mkdir -p "$results"
[[ $tier == cross || $tier == tuf-js ]] || rm -rf "${results:?}"/*
started=$SECONDS
broken=0

say() { printf '\n== %s (%d:%02d)\n' "$*" $(((SECONDS - started) / 60)) $(((SECONDS - started) % 60)); }

# in_time WHAT: is there time to begin WHAT?
in_time() {
  [[ -z $minutes || $((SECONDS - started)) -lt $((minutes * 60)) ]] && return
  say "NOT RUN, out of time: $*"
  return 1
}

# build PRESET [TARGET...]
build() {
  local preset=$1
  shift
  in_time "build $preset ${*:-all}" || return
  say "build $preset"
  local log=build/$preset.log left=infinity code
  [[ -n $minutes ]] && left=$((minutes * 60 - SECONDS + started))
  cmake --preset "$preset" -DLINNET_TESTS=ON >"$log" 2>&1 &&
    timeout "$left" cmake --build "build/$preset" -j "$jobs" ${1:+--target "$@"} >>"$log" 2>&1
  code=$?
  if [[ $code -eq 124 ]]; then
    say "NOT FINISHED, out of time: build $preset"
    return 1
  elif [[ $code -ne 0 ]]; then
    grep -E -A5 'error:|FAILED|CMake Error|undefined reference' "$log" | head -60
    tail -5 "$log"
    echo "tests/run.sh: building the preset $preset failed (whole log: $log)" >&2
    broken=$((broken + 1))
    return 1
  fi
}

# check NAME PRESET [ctest options...]
check() {
  local name=$1 preset=$2
  shift 2
  in_time "test $name" || return
  say "test $name"
  # All presets but release run a test program whole: there GoogleTest writes down the cases.
  local cases
  [[ $preset == release ]] || cases=GTEST_OUTPUT=xml:$PWD/$results/$name/
  env ${cases:-} ctest --test-dir "build/$preset" --output-on-failure --no-tests=error -j "$jobs" --test-output-size-passed 1000000 \
    --output-junit "$PWD/$results/$name.xml" "$@" >"build/$name.log" 2>&1 || {
    [[ -s $results/$name.xml ]] || broken=$((broken + 1))
    grep -vE '^ *(Start|[0-9]+/[0-9]+ Test).*Passed|^ *Start ' "build/$name.log" | tail -80
  }
}

export LSAN_OPTIONS=suppressions=$PWD/tests/lsan.supp:print_suppressions=0
export ASAN_OPTIONS=detect_stack_use_after_return=0
export UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1

case $tier in
  sanitize)
    # What reads foreign bytes and computes first.
    build asan linnet_core_tests && check asan-core asan -L core
    build tsan linnet_thread_tests && check tsan tsan -L threads
    build asan && check asan-services asan -LE 'core|tools'
    ;;
  cross)
    build aarch64
    exit "$broken"
    ;;
  tuf-js)
    build release linnet linnet-probe || exit 1
    exec tests/trust/tuf_js.sh build/release
    ;;
  long)
    # The seed is in the log; LINNET_TEST_SEED draws the same moments again.
    export LINNET_TEST_KILLS=500 LINNET_TEST_EVERY_CALL=1
    build release && check long release -R '^(e2e\.Kills$|PowerCutTest|IoFaultTest|CoordinatorIoTest)'
    ;;
  fast)
    build release && check native release
    ;;
  full)
    build release && check native release
    # Long under the emulator, and about no processor, or on kernels that others here run too: the native build runs them.
    portable='*DamagedPack*:RmseTest.*:VocabularyTest.*'
    if build aarch64 linnet_arm_tests linnet-probe; then
      GTEST_FILTER=-$portable QEMU_CPU=max check aarch64-max aarch64 -L arm
      QEMU_CPU=cortex-a53 check aarch64-cortex-a53 aarch64 -L kernels
      # The same instructions as a53: enough to see that none of another CPU is met.
      QEMU_CPU=cortex-a72 check aarch64-cortex-a72 aarch64 -R '^kernels_test$'
      QEMU_CPU=cortex-a76 check aarch64-cortex-a76 aarch64 -L kernels
    fi
    ;;
esac

# What was enumerated, in how many places.
grep -hoE 'seed [0-9]+|[a-z -]+: (power cut|the disk failed) at each of [0-9]+ points: [0-9]+ bad [a-z]+|[0-9]+ kills at random moments.*' \
  "$results"/*.xml 2>/dev/null | sort -u
say "done"
if [[ -n $minutes && $broken -eq 0 && -z $(ls "$results") ]]; then
  echo "0 passed, 0 failed: there was no time"
  exit 0
fi
python3 tests/tools/count_junit.py "$results" --broken "$broken"
