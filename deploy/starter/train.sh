#!/usr/bin/env bash
# Makes the starter model again, from nothing: tokenizer, training, export, check, held-out questions, figures. One processor, no network.
# usage: deploy/starter/train.sh [STEPS, default 15000: about 40 processor minutes]   (python3 with torch and numpy; PYTHON=... chooses another)
# The figures need the agent's code: cmake --preset release -DLINNET_TESTS=ON && cmake --build build/release --target linnet-answer-lines
set -euo pipefail
cd "$(dirname "$0")"
python=${PYTHON:-/usr/bin/python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_NUM_THREADS=1
"$python" train_model.py "$work/model.pt" --steps "${1:-15000}" --seed 7 --log training.json
"$python" export_model.py "$work/model.pt" linnet-starter.gguf
"$python" check_export.py "$work/model.pt" linnet-starter.gguf
"$python" make_golden.py linnet-starter.gguf golden.json
"$python" -m data.heldout heldout
"$python" -m check.held heldout
"$python" score.py linnet-starter.gguf --json figures.json
