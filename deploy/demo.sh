#!/usr/bin/env bash
# Linnet's whole job on one machine: a site, a coordinator, three devices; a signed rollout; questions answered locally.
#
#   deploy/demo.sh            sets up (Debian packages, release build), runs everything, cleans up; exit 0 when all of it worked
#   deploy/demo.sh --keep     leaves the fleet running and prints how to talk to it
#   deploy/demo.sh --bin DIR  with these programs: installs and builds nothing
#   deploy/demo.sh --help
#
# State lies in a fresh folder that is printed first; nothing else is touched. Ctrl-C ends every process.
set -euo pipefail
cd "$(dirname "$0")/.."

keep=no
bin=
while [[ $# -gt 0 ]]; do
  argument=$1
  shift
  case "$argument" in
    --keep) keep=yes ;;
    --bin) bin=$(cd "${1:?--bin needs a folder}" && pwd); shift ;;
    -h | --help) sed -n '2,9p' "$0" | sed 's/^# \{0,1\}//'; exit 0 ;;
    *) echo "deploy/demo.sh: unknown option $argument (see --help)" >&2; exit 2 ;;
  esac
done

bold= dim= plain=
if [[ -t 1 ]]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; fi
steps=10
step_number=0
begin=$(date +%s%N)
elapsed() { local ms=$((($(date +%s%N) - begin) / 1000000)); printf '%d.%01d s' $((ms / 1000)) $((ms % 1000 / 100)); }
step() {
  step_number=$((step_number + 1))
  printf '\n%s[%d/%d] %s%s  %s(%s)%s\n' "$bold" "$step_number" "$steps" "$*" "$plain" "$dim" "$(elapsed)" "$plain"
}
# Shows the command as one would type it, then runs it.
run() {
  local word line=
  for word in "$@"; do
    word=${word//$work\//}
    word=${word//$PWD\//}
    [[ $word == *" "* ]] && word="\"$word\""
    line+=" $word"
  done
  printf '%s$ linnet%s%s\n' "$dim" "$line" "$plain"
  "$bin/linnet" "$@"
}
fail() { printf 'demo: %s\n' "$*" >&2; exit 1; }

work=
pids=()
finish() {
  local result=$?
  trap - EXIT INT TERM
  if [[ ${#pids[@]} -gt 0 ]]; then
    kill "${pids[@]}" 2>/dev/null || true
    for _ in $(seq 50); do kill -0 "${pids[@]}" 2>/dev/null || break; sleep 0.1; done
    kill -9 "${pids[@]}" 2>/dev/null || true
    wait 2>/dev/null || true
  fi
  if [[ $result -ne 0 && -n $work ]]; then
    echo "demo: failed; logs and state are in $work" >&2
    tail -n 3 "$work"/logs/*.log 2>/dev/null | cut -c1-300 >&2
  fi
  exit "$result"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

step "Set up: Debian packages and the release build"
if [[ -z $bin ]]; then
  bash deploy/install-packages.sh build
  export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
  mkdir -p build
  if [[ ! -f build/release/build.ninja ]]; then
    cmake --preset release -DLINNET_TESTS=OFF >build/demo-configure.log 2>&1 ||
      { tail -20 build/demo-configure.log >&2; fail "cmake failed (build/demo-configure.log)"; }
  fi
  # Ninja's own counter is the progress bar; without a terminal, a line every ten seconds.
  build() { cmake --build build/release --target linnet linnet-agent linnet-coordinator linnet-probe linnet-simulate; }
  if [[ -t 1 ]]; then
    build || fail "the build failed"
  else
    build >build/demo-build.log 2>&1 &
    builder=$!
    pids+=("$builder")
    seconds=0
    while kill -0 "$builder" 2>/dev/null; do
      sleep 1
      seconds=$((seconds + 1))
      [[ $((seconds % 10)) -ne 0 ]] || echo "  building $(grep -o '^\[[0-9]*/[0-9]*\]' build/demo-build.log | tail -n 1) ($(elapsed))"
    done
    pids=()
    wait "$builder" || { tail -30 build/demo-build.log >&2; fail "the build failed (build/demo-build.log)"; }
  fi
  bin=$PWD/build/release/bin
fi
model=$PWD/deploy/starter/linnet-starter.gguf
demo=$PWD/deploy/demo

work=$(mktemp -d "${TMPDIR:-/tmp}/linnet-demo-XXXXXX")
mkdir -p "$work/logs"
export LINNET_HOME=$work/home LINNET_SITE=$work/site
echo "Everything of this run is in $work"

# start NAME FILE COMMAND...: in the background, until FILE says that it is ready.
start() {
  local name=$1 ready=$2
  shift 2
  "$@" >"$work/logs/$name.log" 2>&1 &
  local pid=$!
  pids+=("$pid")
  for _ in $(seq 100); do
    [[ -s $ready ]] && { eval "pid_${name//-/_}=$pid"; return; }
    kill -0 "$pid" 2>/dev/null || { tail -3 "$work/logs/$name.log" >&2; fail "$name ended at once"; }
    sleep 0.05
  done
  fail "$name was not ready after 5 s ($work/logs/$name.log)"
}

step "Make a site: offline keys, TUF root, certificate authorities"
run site init "$work/site" --name demo --no-passphrase

step "Start the coordinator, enrol three devices with one-time tokens"
start coordinator "$work/coordinator.ready" "$bin/linnet-coordinator" --site-dir "$work/site/coordinator" \
  --state-dir "$work/coordinator" --listen 127.0.0.1:0 --admin 127.0.0.1:0 --check-in-seconds 1 --ready-file "$work/coordinator.ready"
admin=$(sed -n 's/^admin=//p' "$work/coordinator.ready")
devices=(fridge-kitchen press-line-3 voice-hall)
for device in "${devices[@]}"; do
  token=$("$bin/linnet" device token "$device" --admin "$admin")
  start "$device" "$work/$device.ready" "$bin/linnet-agent" --state-dir "$work/$device" --token "$token" \
    --listen 127.0.0.1:0 --http 127.0.0.1:0 --check-in-seconds 1 --ready-file "$work/$device.ready"
done
for device in "${devices[@]}"; do
  "$bin/linnet" device pair -d "$work/$device" --name demo --out "$work/$device.grant.json" \
    --scopes ask,ingest,read-data,manage,metrics
done
run device list --admin "$admin"

step "Sign the model and roll it out: one canary first, then all"
run model publish "$model" --family starter --name linnet-starter --license Apache-2.0 \
  --suite deploy/starter/suite.json --suite-percent 95 --admin "$admin"
run rollout start --model models/starter/linnet-starter-1.linnet --canary 1 --then all --soak-seconds 1 --confirm-seconds 1 \
  --admin "$admin"
run rollout watch --admin "$admin"

press=$work/press-line-3.grant.json fridge=$work/fridge-kitchen.grant.json voice=$work/voice-hall.grant.json
step "press-line-3: hours of vibration and temperature with a bearing that fails"
"$bin/linnet-simulate" --hours 6 --fault-start 4 --seed 7 >"$work/press.csv"
run ingest "$work/press.csv" -d "$press"
real=../shared/data/nab/data/realKnownCause/machine_temperature_system_failure.csv
if [[ -f $real ]]; then
  echo "The same on a real industrial series (machine temperature, 22,695 readings):"
  run ingest "$real" --channel machine_temperature --unit °F -d "$press"
else
  echo "(the real industrial series of ../shared/data is not there: left out)"
fi
question_en() { echo "What is wrong with the press?"; }
question_de() { echo "Was ist mit der Presse los?"; }
for language in en de; do
  run ask "$(question_"$language")" --kind report --lang "$language" -d "$press" | tee -a "$work/reports.before"
done

step "fridge-kitchen: what to cook tonight, from what is in stock"
run inventory "$demo/inventory.json" -d "$fridge"
run ask "What can I cook tonight?" -d "$fridge"
run inventory "$demo/inventory.de.json" -d "$fridge"
run ask "Was kann ich heute Abend kochen?" -d "$fridge" | tee "$work/recipe.before"

step "voice-hall: utterances to actions; a question about state never becomes one"
run entities "$demo/entities.json" -d "$voice"
utterances=(
  "Turn on the light in the kitchen"
  "Mach bitte das Licht im Wohnzimmer aus"
  "Could you set the bedroom to twenty degrees?"
  "Kannst du die Kaffeemaschine einschalten?"
  "Is the light on in the kitchen?"
  "Wie warm ist es im Schlafzimmer?"
)
for utterance in "${utterances[@]}"; do
  run ask "$utterance" --kind intent -d "$voice" | tee -a "$work/intents.before"
done

grep -A2 -F -e '"Is the light' -e '"Wie warm' "$work/intents.before" | grep -qE '"name":"[a-z]+\.(set|start)"' &&
  fail "a question became an action"

step "Stop the coordinator, ask again: same answers"
kill "$pid_coordinator"
wait "$pid_coordinator" 2>/dev/null || true
same() { sed '/^.\{0,8\}\$ linnet/d' "$work/$1.before" | diff - "$work/$1.after" >&2 || fail "answers ($1) changed when the coordinator went away"; }
for language in en de; do
  "$bin/linnet" ask "$(question_"$language")" --kind report --lang "$language" -d "$press"
done >"$work/reports.after"
for utterance in "${utterances[@]}"; do
  "$bin/linnet" ask "$utterance" --kind intent -d "$voice"
done >"$work/intents.after"
"$bin/linnet" ask "Was kann ich heute Abend kochen?" -d "$fridge" >"$work/recipe.after"
same reports
same intents
same recipe
echo "Nine answers, word for word as before."

step "What left the devices"
run privacy report -d "$fridge" -d "$press" -d "$voice"

step "Push a tampered model, and one that nobody signed"
signed=$work/signed.linnet
run model pack "$model" "$signed"
cp "$signed" "$work/tampered.linnet"
printf '\x41' | dd of="$work/tampered.linnet" bs=1 seek=900000 conv=notrunc status=none
{ cat "$signed"; head -c 32 /dev/zero; } >"$work/unsigned.linnet"
for file in tampered unsigned; do
  extra=()
  [[ $file == tampered ]] && extra=(--as models/starter/linnet-starter-1.linnet)
  if run model push "$work/$file.linnet" "${extra[@]}" -d "$voice"; then fail "the $file model was accepted"; fi
done
run ask "Turn off the light in the kitchen" --kind intent -d "$voice"
run status -d "$voice"

printf '\n%sAll of it worked%s (%s).\n' "$bold" "$plain" "$(elapsed)"
if [[ $keep == yes ]]; then
  step_number=$((steps - 1))
  start coordinator2 "$work/coordinator2.ready" "$bin/linnet-coordinator" --site-dir "$work/site/coordinator" \
    --state-dir "$work/coordinator" --listen "$(sed -n 's/^fleet=//p' "$work/coordinator.ready")" --admin "$admin" \
    --check-in-seconds 1 --ready-file "$work/coordinator2.ready"
  cat <<TXT

The fleet is running. Talk to it from another terminal:
  export LINNET_HOME=$work/home LINNET_SITE=$work/site
  $bin/linnet ask "Is the light on in the kitchen?" -d $voice
  $bin/linnet device list --admin $admin
  $bin/linnet status -d $press
Ctrl-C here ends it.
TXT
  wait
else
  trap - EXIT
  kill "${pids[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$work"
fi
