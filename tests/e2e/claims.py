"""What every refusal keeps to, as assertions."""

import os
import sys
import unittest

import fleet

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MODEL = os.path.join(ROOT, "deploy/starter/linnet-starter.gguf")
INVENTORY = os.path.join(ROOT, "deploy/demo/inventory.json")
ENTITIES = os.path.join(ROOT, "deploy/demo/entities.json")
TARGET = "models/starter/linnet-starter-1.linnet"

# `linnet --help`
FAILED, USAGE, BAD_DATA, UNSUPPORTED, NOT_FOUND, REFUSED, UNREACHABLE, NO_ROOM, DUE = range(1, 10)
# `linnet-agent --help`
AGENT_FAILED, AGENT_USAGE, AGENT_STATE, AGENT_PORT, AGENT_TOKEN, AGENT_REFUSED, AGENT_TPM = range(1, 8)

# What a crash says, and what nobody may print.
NEVER = ("terminate called", "Traceback", "Segmentation", "Assertion", "stack smashing", "PRIVATE KEY", "core dumped",
         "AddressSanitizer", "runtime error:", "libprotobuf", "what():")  # fmt: skip

# Sanitizers and loaded machines are slower than a user's.
SLOWER = float(os.environ.get("LINNET_TEST_SLOWER", "1"))

BIN = None


class Claims(unittest.TestCase):
    def refused(self, result, codes, *says, seconds=5):
        """One line on standard error that holds each of `says` (any case), a documented code, soon."""
        codes = codes if isinstance(codes, tuple) else (codes,)
        self.assertIn(result.code, codes, result)
        self.assertEqual(len(fleet.one_line(result.err)), 1, result)
        for word in says:
            self.assertIn(word.lower(), result.err.lower(), result)
        for word in NEVER:
            self.assertNotIn(word, result.err + result.out, result)
        self.assertLess(len(fleet.one_line(result.err)[0]), 1200, result)
        self.assertLess(result.seconds, seconds * SLOWER, result)
        return result

    def taken(self, result):
        self.assertEqual(result.code, 0, result)
        return result


def main():
    """Runs the file's claims with the programs of the folder that is the first argument."""
    global BIN
    if len(sys.argv) < 2 or not os.path.isdir(sys.argv[1]):
        sys.exit(f"usage: {sys.argv[0]} BIN_FOLDER [unittest options]")
    import claims  # the same module under its own name, not __main__'s copy

    claims.BIN = sys.argv.pop(1)
    unittest.main(module="__main__", verbosity=2)
