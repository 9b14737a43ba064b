#!/usr/bin/env bash
# Installs Debian 12's packages that Linnet needs, and only those that are missing.
#   deploy/install-packages.sh build      what deploy/demo.sh needs
#   deploy/install-packages.sh fast       + test libraries
#   deploy/install-packages.sh test       + the aarch64 cross build, qemu-user
#   deploy/install-packages.sh sanitize   + clang 19, whose sanitizers compile in half the time of g++'s
#   deploy/install-packages.sh dev        + formatting, static analysis
set -euo pipefail

build=(ca-certificates cmake ninja-build g++ ccache mold pkg-config python3
  libgrpc++-dev libgrpc-dev protobuf-compiler-grpc libprotobuf-dev protobuf-compiler
  libabsl-dev libsqlite3-dev libssl-dev nlohmann-json3-dev libcli11-dev libutf8proc-dev
  libboost1.81-dev libtomlplusplus-dev)
test=(libgtest-dev libgmock-dev curl procps hunspell hunspell-en-us hunspell-en-gb hunspell-de-de python3-jinja2 python3-regex
  openssl softhsm2 libengine-pkcs11-openssl swtpm)
cross=(crossbuild-essential-arm64 qemu-user-static qemu-user libgrpc++-dev:arm64 libgrpc-dev:arm64 libprotobuf-dev:arm64
  libabsl-dev:arm64 libsqlite3-dev:arm64 libssl-dev:arm64 libutf8proc-dev:arm64 libgtest-dev:arm64 libgmock-dev:arm64)
sanitize=(clang-19 libclang-rt-19-dev llvm-19)
dev=(clang-format-19 clang-tidy-19 git)

want=("${build[@]}")
foreign=no
case "${1:-build}" in
  build) ;;
  test) want+=("${test[@]}" "${cross[@]}"); foreign=yes ;;
  fast) want+=("${test[@]}") ;;
  sanitize) want+=("${test[@]}" "${cross[@]}" "${sanitize[@]}"); foreign=yes ;;
  dev) want+=("${test[@]}" "${cross[@]}" "${sanitize[@]}" "${dev[@]}"); foreign=yes ;;
  *) echo "usage: deploy/install-packages.sh [build|fast|test|sanitize|dev]" >&2; exit 2 ;;
esac

missing=()
for package in "${want[@]}"; do
  state=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
  [[ $state == *"ok installed"* ]] || missing+=("$package")
done
[[ ${#missing[@]} -eq 0 ]] && exit 0

as_root=()
if [[ $(id -u) -ne 0 ]]; then
  command -v sudo >/dev/null || {
    echo "linnet: these packages are missing and neither root nor sudo is at hand: ${missing[*]}" >&2
    exit 1
  }
  as_root=(sudo)
fi
log=$(mktemp /tmp/linnet-packages-XXXXXX.log)
echo "Installing ${#missing[@]} Debian packages (log: $log)"
if [[ $foreign == yes ]] && ! dpkg --print-foreign-architectures | grep -qx arm64; then
  "${as_root[@]}" dpkg --add-architecture arm64
fi
if ! { "${as_root[@]}" apt-get update -q &&
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "linnet: apt-get could not install: ${missing[*]} (whole log: $log)" >&2
  exit 1
fi
