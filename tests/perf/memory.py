#!/usr/bin/env python3
"""What a process that answers with a packed model takes of memory beyond the model: its file, as far as it is in memory, and
the keys and values of its context. Each row is a process of its own (linnet-probe model bench) on a mapped file.

    memory.py [--most MIB] [--threads N] [BUILD_FOLDER] [SHAPE[:LAYERS]...]      build/release; smollm2-135m, and one layer each of
                                                                                qwen2.5-0.5b, gemma-3-270m and llama-3.2-1b

Models are made here, random weights in Q4_0: what tokenizer tables, logits and buffers take depends on the vocabulary and the
shape alone. Exit 1 where it is more than --most.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

SHAPES = ["smollm2-135m", "qwen2.5-0.5b:1", "gemma-3-270m:1", "llama-3.2-1b:1"]
MIB = 1 << 20


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", nargs="?", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build/release"))
    parser.add_argument("shapes", nargs="*", default=SHAPES)
    parser.add_argument("--most", type=float)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    probe = os.path.join(options.build, "bin/linnet-probe")
    over = 0
    print(f"{'':18} {'file':>8} {'context':>8} {'peak':>8} {'beyond':>8}  MiB")
    for name in options.shapes:
        shape, _, layers = name.partition(":")
        with tempfile.TemporaryDirectory() as folder:
            gguf, packed = os.path.join(folder, "model.gguf"), os.path.join(folder, "model.linnet")
            made = [probe, "model", "synth", shape, gguf, "--type", "q4_0"] + (["--layers", layers] if layers else [])
            for command in (made, [probe, "model", "pack", gguf, packed]):
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            run = subprocess.run(
                [probe, "model", "bench", packed, "--prompt-tokens", "256", "--generate", "16", "--repeat", "1",
                 "--threads", str(options.threads), "--json"], check=True, capture_output=True, text=True)
        bench = json.loads(run.stdout)
        beyond = bench["memory_over_model_bytes"] / MIB
        print(f"{name:18} {bench['model']['file_bytes'] / MIB:8.1f} {bench['model']['context_tokens']:8} "
              f"{bench['peak_rss_bytes'] / MIB:8.1f} {beyond:8.1f}")
        if options.most is not None and not 0 < beyond <= options.most:
            print(f"memory.py: {name}: {beyond:.1f} MiB beyond the model; at most {options.most:g} are allowed", file=sys.stderr)
            over += 1
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
