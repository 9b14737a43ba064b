#!/usr/bin/env python3
"""From the start of a process to its first token, beside another engine's program: the whole life of a process that makes one token.

usage: first_token.py --linnet PROBE [--peer 'PROGRAM ARGUMENT...'] [--prompt TEXT] [--threads N] [--rounds N] MODEL.gguf

The peer's words are followed by its -m, -p, -n and -t as llama-completion has them; give it what makes it answer once and quickly, as in
--peer 'llama-completion -no-cnv --no-warmup'. Runs are interleaved, after one each that brings the file into memory; medians. CPU seconds are
there because they do not count what else the machine does. Standard library only.
"""
import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import time

# Some sixteen tokens in a vocabulary that knows few words, as those of models of random weights do.
PROMPT = "The valve of the press is warm again"


def run(command):
    """Wall seconds, and CPU seconds, until it is over."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, errors = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - start
    if process.returncode != 0:
        last = errors.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise SystemExit(f"first_token.py: {shlex.join(command)}: exit {process.returncode}: {''.join(last)}")
    return wall, usage.ru_utime + usage.ru_stime, out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="GGUF file")
    parser.add_argument("--linnet", required=True, help="linnet-probe")
    parser.add_argument("--peer", help="PROGRAM [ARGUMENT...]")
    parser.add_argument("--prompt", default=PROMPT)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    commands = {"linnet": [*shlex.split(args.linnet), "model", "generate", args.model, "--prompt", args.prompt, "--max-tokens", "1",
                           "--threads", str(args.threads)]}
    if args.peer:
        commands["peer"] = [*shlex.split(args.peer), "-m", args.model, "-p", args.prompt, "-n", "1", "-t", str(args.threads)]
    _, _, answer = run([*commands["linnet"], "--json"])
    tokens = json.loads(answer).get("prompt_tokens")
    walls, cpus = {name: [] for name in commands}, {name: [] for name in commands}
    for round_number in range(args.rounds + 1):
        for name, command in commands.items():
            wall, cpu, _ = run(command)
            if round_number > 0:
                walls[name].append(wall)
                cpus[name].append(cpu)
    print(f"{os.path.basename(args.model)}, prompt of {tokens} tokens, {args.threads} threads, medians of {args.rounds} interleaved runs")
    for name in commands:
        print(f"{name:8} {1000 * statistics.median(walls[name]):7.1f} ms, {1000 * statistics.median(cpus[name]):7.1f} ms of CPU")
    if args.peer:
        ratio = [statistics.median(of["linnet"]) / statistics.median(of["peer"]) for of in (walls, cpus)]
        print(f"ratio    {ratio[0]:7.2f}   , {ratio[1]:7.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
