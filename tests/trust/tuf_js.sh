#!/usr/bin/env bash
# An independent TUF client, tuf-js from npm, reads what `linnet site init`, `linnet model publish` and `linnet site bundle` wrote,
# over plain HTTP; and refuses it where a byte of it is another.
#   tests/trust/tuf_js.sh [BUILD_FOLDER]      build/release, of which bin/linnet and bin/linnet-probe are used
# Needs nodejs and npm (Debian's packages), and npm's registry: tuf-js is installed into a scratch folder, nothing into this tree.
# Optional: no other test needs it. Exit code 77: nodejs, npm or the registry is not there.
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=$(realpath "${1:-build/release}")/bin
client=$PWD/tests/trust/tuf_js_client.mjs
model=$PWD/deploy/starter/linnet-starter.gguf
version=3.1.0

skip() { echo "tuf_js: not run: $*" >&2; exit 77; }
fail() { echo "tuf_js: $*" >&2; exit 1; }
command -v node >/dev/null && command -v npm >/dev/null || skip "nodejs and npm are not installed (apt-get install nodejs npm)"
[[ -x $bin/linnet ]] || fail "$bin/linnet is not there; build it first"

work=$(mktemp -d /tmp/linnet-tuf-js-XXXXXX)
server=
trap '[[ -z $server ]] || kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
mkdir "$work/js"
(cd "$work/js" && npm install --silent --no-audit --no-fund --ignore-scripts "tuf-js@$version" >npm.log 2>&1) ||
  skip "npm could not install tuf-js: $(tail -n 1 "$work/js/npm.log")"

export LINNET_SITE=$work/site
"$bin/linnet" site init --no-passphrase "$work/site" >/dev/null
"$bin/linnet" model publish "$model" --offline --family starter --name linnet-starter --license Apache-2.0 >/dev/null
target=models/starter/linnet-starter-1.linnet
"$bin/linnet" site bundle "$work/bundle" --file "$model" >/dev/null

# The file of a delegated role has %2F in its name. A server that decodes a URL before it looks for the file needs a folder there.
(cd "$work/bundle/metadata" && for file in *%2F*; do
  mkdir -p "${file%%%2F*}" && ln "$file" "${file//%2F//}"
done)

cat >"$work/serve.py" <<'PY'
import functools, http.server, sys
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
print(server.server_port, flush=True)
server.serve_forever()
PY
python3 "$work/serve.py" "$work/bundle" >"$work/port" 2>/dev/null &
server=$!
for _ in $(seq 100); do [[ -s $work/port ]] && break; sleep 0.1; done
url=http://127.0.0.1:$(cat "$work/port")

# read NAME: what tuf-js says, with a store of its own.
read_by_tuf_js() { (cd "$work/js" && node "$client" "$work/bundle/metadata/1.root.json" "$url" "$work/$1" "$target" "$target.index.json"); }

read_by_tuf_js first || fail "tuf-js refuses what linnet wrote"
# Control: it does look. What one file of each kind says is changed, and changed back: it would hold a thousand years longer.
for file in timestamp.json "$(cd "$work/bundle/metadata" && ls | grep -E '^[0-9]+\.snapshot\.json$' | tail -n 1)" \
  "$(cd "$work/bundle/metadata" && ls | grep -E 'models%2Fstarter' | tail -n 1)"; do
  served=$work/bundle/metadata/${file//%2F//}
  cp "$served" "$work/good"
  sed -i 's/"expires":"2/"expires":"3/' "$served"
  cmp -s "$work/good" "$served" && fail "$file was not changed"
  if read_by_tuf_js "bad-$file" 2>"$work/why"; then fail "tuf-js takes a $file that was changed"; fi
  echo "$file, changed: $(head -n 1 "$work/why")"
  cp "$work/good" "$served"
done
read_by_tuf_js last >/dev/null || fail "tuf-js refuses what it took before"
echo "tuf-js $version reads what linnet writes"
