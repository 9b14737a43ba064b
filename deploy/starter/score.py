"""Scores a GGUF file by what is delivered: score.py FILE.gguf [--tool PROGRAM] [--json OUT] [--samples OUT] [--only TASK].

The agent's own code answers (linnet-answer-lines, built with the tests): names linked, grammar, slots, checks and rules on. Fall-backs to
templates are counted apart and are never right. `free` is the model's own text to the same prompts, with no grammar. Each task is a module of
scoring/ with figures(tool, folder, samples) -> {set: {figure: value}}; the held-out questions lie in heldout/."""

import argparse
import importlib
import json
import os

from scoring.tool import Tool

HERE = os.path.dirname(os.path.abspath(__file__))
TASKS = ("intents", "reports", "recipes")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--tool", default=os.path.join(HERE, "../../build/release/bin/linnet-answer-lines"))
    parser.add_argument("--only", choices=TASKS)
    parser.add_argument("--json")
    parser.add_argument("--samples")
    args = parser.parse_args()
    tool, result, samples = Tool(args.tool, args.file), {}, []
    for task in [args.only] if args.only else TASKS:
        for name, entry in importlib.import_module("scoring." + task).figures(tool, os.path.join(HERE, "heldout"), samples).items():
            result[name] = entry
            print(f"{name}: " + ", ".join(f"{k} {v}" for k, v in entry.items()), flush=True)
    if args.json:
        with open(args.json, "w") as out:
            json.dump(result, out, indent=1)
            out.write("\n")
    if args.samples:
        with open(args.samples, "w") as out:
            for row in samples:
                out.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
