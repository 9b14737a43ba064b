"""Is the checker blind, or does it cry wolf? Reads known.txt: python3 -m check.known. Fails under 95 % of either kind. The fresh ones,
written after the rules and partly with words that the rules do not know, only show how much is seen; none of their good ones may be refused."""

import os
import sys

from check.checker import Checker
from check.spelling import or_skip


def known():
    """{language: [(good, sentence)]}"""
    table, lang = {}, None
    with open(os.path.join(os.path.dirname(__file__), "known.txt"), encoding="utf-8") as lines:
        for line in lines:
            line = line.rstrip("\n")
            if line.startswith("["):
                lang = line.strip("[]")
                table[lang] = []
            elif line[:2] in ("+ ", "- "):
                table[lang].append((line[0] == "+", line[2:].split(" | ")[0]))
    return table


def main():
    failed = False
    for lang, sentences in known().items():
        checker, fresh = Checker(lang[:2]), lang.endswith("fresh")
        for good in (True, False):
            of_kind = [s for g, s in sentences if g == good]
            wrong = [s for s in of_kind if bool(checker.complaints(s, ["m/s²", "Nm", "bar"])) == good]
            for s in wrong:
                print(f"  {'cried wolf' if good else 'missed'}: {s} {checker.complaints(s) or ''}")
            print(f"{lang}: {len(of_kind)} {'good' if good else 'bad'} sentences, {len(of_kind) - len(wrong)} judged rightly")
            if good or not fresh:
                failed |= len(of_kind) < (20 if fresh else 60) or len(wrong) * 20 > len(of_kind)
        checker.close()
    return failed


if __name__ == "__main__":
    sys.exit(or_skip(main))
