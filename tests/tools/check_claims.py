#!/usr/bin/env python3
"""Every test that tests/trust/README.md names, line by line of the lists of attacks, is there.

A name without its group (".Name") belongs to the group that was named last.
"""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parents[2]
declared = {}
for path in (root / "tests").rglob("*_test.cc"):
    for group, name in re.findall(r"^TEST(?:_F|_P)?\((\w+), *(\w+)\)", path.read_text(), re.M):
        declared.setdefault(group, set()).add(name)

text = (root / "tests/trust/README.md").read_text()
lists = text[text.index("## The lists of attacks"):]
group, wrong, found = "", [], 0
for named, name in re.findall(r"(?:\b([A-Z]\w+))?\.([A-Z]\w+)", lists):
    group = named or group
    found += 1
    if name not in declared.get(group, set()):
        wrong.append(f"{group}.{name}")
lines = len(re.findall(r"^\| ", lists, re.M))
print(f"{found} names in {lines} lines, {len(wrong)} of no test: {', '.join(wrong)}")
sys.exit(1 if wrong or found < 100 else 0)
