#!/usr/bin/env python3
"""Decoding beside processes that keep every core busy: more threads must not be slower than one.

usage: busy_neighbours.py --linnet PROBE [--peer 'PROGRAM ARGUMENT...'] [--busy N] [--threads 1,2] [--rounds N] MODEL.gguf

Starts N processes that compute for ever (default: one a core), and measures decode tokens/s of linnet model bench, and of a llama-bench if one is
named, with each number of threads, interleaved; medians, and their ratio to the first number of threads. Standard library only.
"""
import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys


def tokens_per_second(command, key):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:]
        raise SystemExit(f"busy_neighbours.py: {shlex.join(command)}: exit {done.returncode}: {''.join(last)}")
    found = json.loads(done.stdout)
    return (found[0] if isinstance(found, list) else found)[key]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="GGUF file")
    parser.add_argument("--linnet", required=True, help="linnet-probe [ARGUMENT of its bench...]")
    parser.add_argument("--peer", help="LLAMA_BENCH [ARGUMENT...]")
    parser.add_argument("--busy", type=int, default=os.cpu_count())
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    counts = [int(word) for word in args.threads.split(",")]
    program, *more = shlex.split(args.linnet)
    engines = {"linnet": ([program, "model", "bench", args.model, "--json", "--repeat", "1", "--prompt-tokens", "1", "--generate", "64",
                           "--depth", "0", *more, "--threads"], "decode_tokens_per_second")}
    if args.peer:
        engines["peer"] = ([*shlex.split(args.peer), "-m", args.model, "-r", "1", "-o", "json", "-p", "0", "-n", "64", "-t"], "avg_ts")
    runs = {(name, count): [] for name in engines for count in counts}
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(args.busy)]
    try:
        for _ in range(args.rounds):
            for name, count in runs:
                command, key = engines[name]
                runs[name, count].append(tokens_per_second([*command, str(count)], key))
    finally:
        for process in busy:
            process.kill()
            process.wait()
    print(f"{os.path.basename(args.model)}, decode of 64 beside {args.busy} busy processes on {os.cpu_count()} cores, tokens/s, "
          f"medians of {args.rounds} interleaved runs")
    for name in engines:
        first = statistics.median(runs[name, counts[0]])
        cells = [f"{count} threads {statistics.median(runs[name, count]):.1f} ({statistics.median(runs[name, count]) / first:.2f})"
                 for count in counts]
        print(f"{name:8} {', '.join(cells)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
