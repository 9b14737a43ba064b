#!/usr/bin/env python3
"""Sets linnet model bench beside one or more llama-bench programs: same files, same threads, runs interleaved, medians.

usage: compare.py --linnet PROBE --peer 'NAME=LLAMA_BENCH [ARGUMENT...]' [--peer ...] MODEL.gguf...

Every round runs each engine once on each figure and begins with another engine, so that what else the machine does, and its
temperature, meet all of them. A figure is the median of its rounds. How much of its threads' time an engine really got is measured
too: below 90 % the machine was busy with something else, and the row says so. With --roofline each of Linnet's decoding runs also
measures what its threads can read, and the ratio is followed by the one that reading at that rate would give ("1.20 of 1.35"): where it
is below what is asked for, the bus is the limit. Interrupted, it prints what it has. Standard library only.
"""
import argparse
import datetime
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile
import time

FIGURES = ("prefill", "decode", "deep")
BUSY_BELOW = 0.9


class Failed(Exception):
    """What an engine did instead of printing figures."""


def run(command, timeout_s):
    """Standard output, peak RSS in bytes, and CPU seconds per second of wall clock."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.monotonic()
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        except OSError as error:
            raise Failed(f"{command[0]}: {error.strerror}") from error
        deadline = start + timeout_s
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > deadline:
                process.kill()
                os.wait4(process.pid, 0)
                process.returncode = -9
                raise Failed(f"no answer within {timeout_s} s (--timeout)")
            time.sleep(0.01)
        process.returncode = os.waitstatus_to_exitcode(status)  # subprocess must not wait for it again
        wall = time.monotonic() - start
        out.seek(0)
        err.seek(0)
        text, errors = out.read().decode("utf-8", "replace"), err.read().decode("utf-8", "replace")
    if process.returncode != 0:
        said = [line for line in errors.splitlines() if line.strip()]
        raise Failed(f"exit {process.returncode}: {said[-1][:200] if said else 'nothing on standard error'}")
    return text, usage.ru_maxrss * 1024, (usage.ru_utime + usage.ru_stime) / max(wall, 1e-9)


def parse(text):
    try:
        return json.loads(text)
    except ValueError as error:
        raise Failed(f"printed no JSON: {text[:80]!r}") from error


class Linnet:
    def __init__(self, words, roofline):
        self.name = "linnet"
        self.program, *self.arguments = shlex.split(words)
        self.roofline = roofline
        self.share = None  # of the read bandwidth, in the last run

    def measure(self, model, threads, what, sizes, timeout_s):
        command = [self.program, "model", "bench", model, "--json", "--repeat", "1", "--threads", str(threads)]
        if what == "prefill":
            command += ["--prompt-tokens", str(sizes.prompt), "--generate", "2"]
        else:
            depth = sizes.depth if what == "deep" else 0
            command += ["--prompt-tokens", "1", "--generate", str(sizes.generate), "--depth", str(depth)]
        command += self.arguments
        if self.roofline and what != "prefill":
            command.append("--roofline")
        text, rss, cpus = run(command, timeout_s)
        figures = parse(text)
        self.share = figures.get("roofline", {}).get("decode_share_of_read_bandwidth")
        if self.share:
            rss = int(figures["peak_rss_bytes"])  # before what the measurement itself took
        key = "prefill_tokens_per_second" if what == "prefill" else "decode_tokens_per_second"
        return figures[key], rss, cpus


class Peer:
    """A llama-bench program; those that know no --n-depth have -gp instead."""

    def __init__(self, word):
        name, separator, command = word.partition("=")
        self.command = shlex.split(command)
        if not separator or not name or not self.command:
            raise SystemExit(f"compare.py: --peer {word!r}: expected NAME=PROGRAM [ARGUMENT...]")
        self.name = name
        try:
            listed = subprocess.run([self.command[0], "--help"], capture_output=True, text=True, timeout=60, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SystemExit(f"compare.py: --peer {name}: {self.command[0]}: {error}") from error
        self.has_depth = "--n-depth" in listed.stdout + listed.stderr

    def measure(self, model, threads, what, sizes, timeout_s):
        command = [*self.command, "-m", model, "-t", str(threads), "-r", "1", "-o", "json"]
        if what == "prefill":
            command += ["-p", str(sizes.prompt), "-n", "0"]
        elif what == "decode":
            command += ["-p", "0", "-n", str(sizes.generate)]
        elif self.has_depth:
            command += ["-p", "0", "-n", str(sizes.generate), "-d", str(sizes.depth)]
        else:
            command += ["-p", "0", "-n", "0", "-gp", f"{sizes.depth},{sizes.generate}"]
        text, rss, cpus = run(command, timeout_s)
        tests = parse(text)
        if len(tests) != 1:
            raise Failed(f"printed {len(tests)} tests where one was asked for")
        return tests[0]["avg_ts"], rss, cpus


def cpu_model():
    """As lscpu names it."""
    try:
        listed = subprocess.run(["lscpu"], capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}, check=False).stdout
    except OSError:
        return platform.machine()
    lines = dict(line.split(":", 1) for line in listed.splitlines() if ":" in line)
    return lines.get("Model name", platform.machine()).strip()


def median(row, engine, what):
    values = row["runs"].get(engine, {}).get(what, [])
    return statistics.median(values) if values else None


def ratio(row, peers, what):
    """Of linnet to the best of the others."""
    others = [value for value in (median(row, peer, what) for peer in peers) if value]
    mine = median(row, "linnet", what)
    return mine / max(others) if mine and others else None


def bound(row, peers, what):
    """The ratio at the read bandwidth of Linnet's own runs, where that was measured."""
    shares = row.get("bus_share", {}).get(what)
    reached = ratio(row, peers, what)
    return reached / statistics.median(shares) if shares and reached else None


def shown(value, digits=None):
    if value is None:
        return "–"
    return f"{value:.{digits if digits is not None else (0 if value >= 100 else 1)}f}"


def markdown(result):
    peers = result["peers"]
    names = " / ".join(["linnet", *peers])
    sizes = result["sizes"]
    lines = [f"{result['date']}, {result['cpu']}, {result['cores']} cores; tokens/s, {names}; in brackets linnet's ratio to the better "
             f"of the others; medians of {result['rounds']} interleaved rounds.", "",
             f"| model | threads | prefill {sizes['prompt']} | decode {sizes['generate']} | decode at depth {sizes['depth']:,} "
             f"| peak RSS, MiB |", "|---|---|---|---|---|---|"]
    for row in result["rows"]:
        cells = []
        for what in FIGURES:
            values = " / ".join(shown(median(row, engine, what)) for engine in ["linnet", *peers])
            limit = bound(row, peers, what)
            of = f" of {shown(limit, 2)}" if limit else ""
            cells.append(f"{values} ({shown(ratio(row, peers, what), 2)}{of})")
        rss = " / ".join(shown(row["peak_rss"].get(engine, 0) / 2**20 or None, 0) for engine in ["linnet", *peers])
        busy = " *" if min(row["cpu_share"].values(), default=1) < BUSY_BELOW else ""
        lines.append(f"| {row['model']}{busy} | {row['threads']} | {' | '.join(cells)} | {rss} |")
    if any(min(row["cpu_share"].values(), default=1) < BUSY_BELOW for row in result["rows"]):
        lines += ["", f"\\* the machine was busy with something else: an engine got less than {BUSY_BELOW:.0%} of its threads' time."]
    return "\n".join(lines) + "\n"


def measure_row(row, engines, sizes, args, failures):
    model_path = row.pop("path")
    shares = {}
    for round_number in range(args.rounds):
        for what in FIGURES:
            turn = (round_number + FIGURES.index(what)) % len(engines)
            for engine in engines[turn:] + engines[:turn]:
                try:
                    value, rss, cpus = engine.measure(model_path, row["threads"], what, sizes, args.timeout)
                except (Failed, KeyError, TypeError) as error:
                    failure = f"{engine.name}, {row['model']}, {row['threads']} threads, {what}: {error}"
                    failures.append(failure)
                    print(f"compare.py: {failure}", file=sys.stderr)
                    continue
                row["runs"].setdefault(engine.name, {}).setdefault(what, []).append(value)
                if isinstance(engine, Linnet) and engine.share:
                    row.setdefault("bus_share", {}).setdefault(what, []).append(engine.share)
                row["peak_rss"][engine.name] = max(rss, row["peak_rss"].get(engine.name, 0))
                shares.setdefault(engine.name, []).append(min(cpus / row["threads"], 1.0))
                row["cpu_share"] = {name: round(statistics.median(values), 3) for name, values in shares.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", help="GGUF files")
    parser.add_argument("--linnet", required=True, help="linnet-probe [ARGUMENT...] of its bench")
    parser.add_argument("--peer", action="append", required=True, help="NAME=PROGRAM [ARGUMENT...]; repeatable")
    parser.add_argument("--threads", default="1,2", help="counts, separated by commas (1,2)")
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--generate", type=int, default=64)
    parser.add_argument("--depth", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--roofline", action="store_true", help="measure what the threads can read, too")
    parser.add_argument("--timeout", type=int, default=600, help="seconds for one run of one engine")
    parser.add_argument("--json", help="file for all runs; written after every row")
    parser.add_argument("--markdown", help="file for the table")
    args = parser.parse_args()
    for path in args.models:
        if not os.path.isfile(path):
            parser.error(f"{path}: no such file")
    peers = [Peer(word) for word in args.peer]
    names = [peer.name for peer in peers]
    if len(set(names) | {"linnet"}) != len(names) + 1:
        parser.error("--peer: each needs a name of its own, and linnet is taken")
    engines = [Linnet(args.linnet, args.roofline), *peers]
    result = {"date": datetime.date.today().isoformat(), "cpu": cpu_model(), "cores": os.cpu_count(), "peers": names,
              "rounds": args.rounds, "sizes": {"prompt": args.prompt, "generate": args.generate, "depth": args.depth}, "rows": []}
    failures = []
    try:
        for path in args.models:
            for threads in [int(word) for word in args.threads.split(",")]:
                name = os.path.basename(path).removesuffix(".gguf")
                row = {"model": name, "threads": threads, "path": path, "runs": {}, "peak_rss": {}, "cpu_share": {}}
                result["rows"].append(row)
                print(f"{name}, {threads} threads", file=sys.stderr)
                measure_row(row, engines, args, args, failures)
                row["median"] = {engine.name: {what: median(row, engine.name, what) for what in FIGURES} for engine in engines}
                row["ratio"] = {what: ratio(row, names, what) for what in FIGURES}
                if args.json:
                    with open(args.json, "w", encoding="utf-8") as file:
                        json.dump(result, file, indent=1)
    except KeyboardInterrupt:
        failures.append("interrupted")
    table = markdown(result)
    print(table, end="")
    if args.markdown:
        with open(args.markdown, "w", encoding="utf-8") as file:
            file.write(table)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
