#!/usr/bin/env python3
"""Adds up CTest's JUnit files, says which kernel variants ran, and prints the closing line; exit 0 only when something ran and nothing failed.

Where CTest ran a test program whole, NAME.xml knows the program and NAME/PROGRAM.xml, written by GoogleTest, its cases: these are counted. A
program that failed counts by itself, too: what is wrong may be no case's, but a leak or a crash.

usage: count_junit.py FOLDER [--broken N]    (N: builds or runs that gave no results at all; each counts as a failure)
"""
import glob
import os
import re
import sys
import xml.etree.ElementTree as ET


LAST_LINES = 20  # of what a failed test printed: repeated here, as a long log is read from its end


class Count:
    def __init__(self) -> None:
        self.passed = self.failed = self.skipped = 0

    def add(self, run: str, case: ET.Element) -> None:
        name = ".".join(filter(None, (case.get("classname"), case.get("name"))))
        if case.get("classname") == case.get("name"):
            name = case.get("name")
        if case.find("failure") is not None or case.get("status") == "fail":
            self.failed += 1
            print(f"FAILED {run}: {name}")
            said = case.find("system-out")
            for line in [] if said is None else (said.text or "").rstrip().split("\n")[-LAST_LINES:]:
                print("    " + line[:300])
        elif case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
            self.skipped += 1
            print(f"skipped {run}: {name}")
        else:
            self.passed += 1


def main() -> int:
    folder = sys.argv[1]
    count = Count()
    count.failed = int(sys.argv[sys.argv.index("--broken") + 1]) if "--broken" in sys.argv else 0
    for path in sorted(glob.glob(os.path.join(folder, "*.xml"))):
        run = os.path.basename(path)[:-4]
        try:
            programs = ET.parse(path).getroot()
            cases = {os.path.basename(inner)[:-4]: ET.parse(inner).getroot() for inner in glob.glob(os.path.join(folder, run, "*.xml"))}
        except ET.ParseError as error:
            print(f"{path}: not readable as JUnit: {error}")
            count.failed += 1
            continue
        variants = set()
        for output in programs.iter("system-out"):
            for names in re.findall(r"variants executed: ([a-z0-9_ ]+)", output.text or ""):
                variants.update(names.split())
        if variants:
            print(f"kernel variants executed in {run}: {' '.join(sorted(variants))}")
        for program in programs.iter("testcase"):
            inner = cases.get(program.get("name"))
            if inner is not None:
                for case in inner.iter("testcase"):
                    count.add(run, case)
            if inner is None or program.get("status") == "fail" or program.find("failure") is not None:
                count.add(run, program)
    if count.passed == 0 and count.failed == 0:
        print("no test ran")
        count.failed = 1
    tail = f", {count.skipped} skipped" if count.skipped else ""
    print(f"{count.passed} passed, {count.failed} failed{tail}")
    return 0 if count.failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
