#!/usr/bin/env python3
"""Holds runtime/template against Jinja2: byte for byte, errors raised alike.

usage: differential_test.py TEMPLATE_CASES snippets|shared|FOLDER|FILE...

snippets: the list of snippets.py. shared: the templates of $LINNET_SHARED_DATA, else of ../shared/data beside the
clone. A folder or file: its *.jinja. Templates are tried on each conversation of conversations.py.
Exits 77 (skipped) when Jinja2 or the shared data are not there.
"""
import glob
import json
import os
import subprocess
import sys

try:
    import jinja_reference
except ImportError as missing:
    print(f"skipped: {missing}; install python3-jinja2")
    sys.exit(77)
from conversations import matrix
from snippets import SNIPPETS

LIMIT = "limit"


def cases_of(argument):
    if argument == "snippets":
        return [(f"snippet {i}: {source!r}", source, variables) for i, (source, variables) in enumerate(SNIPPETS)]
    if argument == "shared":
        root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
        shared = os.environ.get("LINNET_SHARED_DATA", os.path.join(root, "..", "shared", "data"))
        argument = os.path.join(shared, "templates")
    paths = sorted(glob.glob(os.path.join(argument, "*.jinja"))) if os.path.isdir(argument) else [argument]
    if not paths or not os.path.exists(paths[0]):  # named, so that nobody takes it for a pass
        print(f"skipped: no templates at {argument}; set LINNET_SHARED_DATA to the shared test data")
        sys.exit(77)
    cases = []
    for path in paths:
        with open(path, encoding="utf-8") as file:
            source = file.read()
        cases += [(f"{os.path.basename(path)}: {name}", source, variables) for name, variables in matrix()]
    return cases


def main():
    program, cases = sys.argv[1], [case for argument in sys.argv[2:] for case in cases_of(argument)]
    asked = json.dumps([{"source": source, "variables": variables} for _, source, variables in cases])
    done = subprocess.run([program], input=asked.encode(), stdout=subprocess.PIPE, check=True)
    results = json.loads(done.stdout)
    wrong = errors = 0
    for (name, source, variables), ours in zip(cases, results):
        text, error = jinja_reference.render(source, variables)
        errors += error is not None
        if error is not None:
            # What recurses without end meets Python's limit, or ours.
            same = "error" in ours and (not ours[LIMIT] or isinstance(error, RecursionError))
            if same and isinstance(error, jinja_reference.Raised):
                same = ours["error"].endswith("the template says: " + str(error))
        else:
            same = ours.get("text") == text
        if same:
            continue
        wrong += 1
        if wrong <= 25:
            print(f"{name}\n  Jinja2: {text!r}" if error is None else f"{name}\n  Jinja2: {type(error).__name__}: {error}")
            print(f"  ours:   {ours.get('text')!r}" if "text" in ours else f"  ours:   error: {ours['error']}")
    print(f"{len(cases)} renderings compared, {errors} of them errors in Jinja2; {wrong} differ")
    return 1 if wrong or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
