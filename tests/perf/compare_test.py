#!/usr/bin/env python3
"""compare.py against engines that say what they are told to, so that every figure is known."""
import json
import os
import stat
import subprocess
import sys
import tempfile
import unittest

COMPARE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "compare.py")

# Keeps a count of its calls, answers with the next figure of its list for what is asked, and logs its turn.
LINNET = """#!/usr/bin/env python3
import json, sys
arguments = sys.argv[1:]
open({log!r}, "a").write("linnet " + " ".join(arguments) + "\\n")
what = "prefill" if "--depth" not in arguments else "decode" if arguments[arguments.index("--depth") + 1] == "0" else "deep"
figures = {{"prefill_tokens_per_second": 300, "decode_tokens_per_second": {{"prefill": 1, "decode": 60, "deep": 40}}[what]}}
if "--roofline" in arguments:
    figures |= {{"peak_rss_bytes": 1 << 20, "roofline": {{"decode_share_of_read_bandwidth": 0.8}}}}
print(json.dumps(figures))
"""
PEER = """#!/usr/bin/env python3
import json, os, sys
arguments = sys.argv[1:]
if "--help" in arguments:
    print({help!r})
    sys.exit()
open({log!r}, "a").write("peer " + " ".join(arguments) + "\\n")
if {fails!r}:
    print("first line", file=sys.stderr)
    print("cannot load the model", file=sys.stderr)
    sys.exit(3)
calls = {log!r} + "." + arguments[arguments.index("-p") + 1] + str("-d" in arguments or "-gp" in arguments)
count = os.path.getsize(calls) if os.path.exists(calls) else 0
open(calls, "a").write("x")
print(json.dumps([{{"avg_ts": [100, 200, 150][count % 3]}}]))
"""


class CompareTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.log = self.path("log")
        self.model = self.path("tiny-q4_0.gguf")
        open(self.model, "w", encoding="utf-8").close()

    def path(self, name):
        return os.path.join(self.folder, name)

    def program(self, name, text):
        path = self.path(name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, stat.S_IRWXU)
        return path

    def compare(self, *arguments, peer_help="-d, --n-depth <n>", fails=False):
        linnet = self.program("probe", LINNET.format(log=self.log))
        peer = self.program("peer", PEER.format(log=self.log, help=peer_help, fails=fails))
        return subprocess.run(
            [sys.executable, COMPARE, "--linnet", linnet, "--peer", f"other={peer} -x 1", "--threads", "1", "--json",
             self.path("json"), *arguments, self.model], capture_output=True, text=True, timeout=60, check=False)

    def result(self):
        with open(self.path("json"), encoding="utf-8") as file:
            return json.load(file)

    def turns(self):
        with open(self.log, encoding="utf-8") as file:
            return file.read().splitlines()

    def test_figures_are_medians_and_ratios_are_to_the_better(self):
        done = self.compare()
        self.assertEqual(done.returncode, 0, done.stderr)
        row = self.result()["rows"][0]
        self.assertEqual(row["runs"]["other"]["prefill"], [100, 200, 150])
        self.assertEqual(row["median"]["other"]["prefill"], 150)
        self.assertEqual(row["ratio"], {"prefill": 2.0, "decode": 0.4, "deep": 40 / 150})
        self.assertIn("300 / 150 (2.00) | 60.0 / 150 (0.40) | 40.0 / 150 (0.27)", done.stdout)
        self.assertNotIn(self.folder, done.stdout + json.dumps(self.result()))

    def test_the_bus_bounds_a_ratio(self):
        done = self.compare("--roofline")
        self.assertIn("300 / 150 (2.00) | 60.0 / 150 (0.40 of 0.50) | 40.0 / 150 (0.27 of 0.33)", done.stdout)
        self.assertEqual(["--roofline" in line for line in self.turns() if line.startswith("linnet")], [False, True, True] * 3)

    def test_engines_take_turns_at_being_first(self):
        self.compare()
        turns = [line.split()[0] for line in self.turns()]
        self.assertEqual(len(turns), 18)  # two engines, three figures, three rounds
        for i in range(0, 18, 2):
            self.assertEqual({turns[i], turns[i + 1]}, {"linnet", "peer"})
        self.assertGreaterEqual(min(turns[::2].count("linnet"), turns[::2].count("peer")), 4)

    def test_all_are_asked_for_the_same(self):
        self.compare("--rounds", "1", "--prompt", "77", "--generate", "9", "--depth", "33")
        lines = self.turns()
        for part in ("--prompt-tokens 77", "-p 77 -n 0", "--generate 9 --depth 0", "-p 0 -n 9", "--generate 9 --depth 33", "-n 9 -d 33"):
            self.assertTrue(any(part in line for line in lines), part)
        self.assertTrue(all(line.startswith("linnet") or " -x 1 -m " in " " + line for line in lines))

    def test_a_program_without_depth_is_asked_in_its_own_words(self):
        self.assertEqual(self.compare("--rounds", "1", peer_help="-gp <pp,tg>").returncode, 0)
        self.assertTrue(any("-gp 1024,64" in line for line in self.turns()))

    def test_what_fails_is_said_and_the_rest_is_measured(self):
        done = self.compare("--rounds", "1", fails=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("other, tiny-q4_0, 1 threads, prefill: exit 3: cannot load the model", done.stderr)
        self.assertIn("300 / – (–)", done.stdout)

    def test_wrong_use_is_refused_at_once(self):
        for arguments, why in ((["--peer", "nameless"], "expected NAME=PROGRAM"), (["--peer", "linnet=/bin/true"], "is taken"),
                               (["--peer", "x=" + self.path("absent")], "absent"), ([self.path("absent.gguf")], "no such file")):
            done = self.compare(*arguments)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(why, done.stderr)
            self.assertFalse(os.path.exists(self.log))


if __name__ == "__main__":
    unittest.main()
