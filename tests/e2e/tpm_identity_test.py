"""An agent whose key of the fleet is in a TPM 2.0 (a real one in software: swtpm): it joins, installs, answers, comes back; without
its TPM it says so and has lost nothing; its folder is of no use elsewhere."""

import json
import os
import shutil
import socket
import subprocess
import time
import unittest

import claims
import fleet
from bad_site_test import publish
from claims import AGENT_TPM, AGENT_USAGE, TARGET

SWTPM = shutil.which("swtpm")


@unittest.skipIf(SWTPM is None, "NOT SHOWN: swtpm is not installed (deploy/install-packages.sh fast)")
class Tpm(claims.Claims):
    def setUp(self):
        self.fleet = fleet.Fleet(claims.BIN)
        self.addCleanup(self.fleet.close)
        self.chips = {}
        self.addCleanup(lambda: [self.unplug(name) for name in list(self.chips)])

    def plug(self, name):
        """A TPM; its seed stays in its folder. Returns the agent's options for it."""
        folder = self.fleet.path(name)
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, "socket")
        self.chips[name] = subprocess.Popen(
            (SWTPM, "socket", "--tpm2", "--tpmstate", "dir=" + folder, "--server", "type=unixio,path=" + path)
            + ("--flags", "not-need-init,startup-clear"),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=fleet._die_with_parent,
        )  # fmt: skip
        self.fleet.wait_for("swtpm", lambda: os.path.exists(path))
        return ("--tpm", path)

    def unplug(self, name):
        chip = self.chips.pop(name)
        chip.terminate()
        chip.wait()
        path = self.fleet.path(name, "socket")
        if os.path.exists(path):
            os.remove(path)

    def keys(self, name):
        folder = self.fleet.path(name, "identity")
        return [self.fleet.read(name, "identity", file) for file in os.listdir(folder)]

    def active(self, device):
        models = json.loads(self.taken(self.fleet.linnet("--json", "model", "list", "-d", self.fleet.state(device))).out)
        return [m["name"] for m in models.get("models", []) if m.get("active")]

    def ask(self, device):
        return self.taken(self.fleet.linnet("ask", "turn on the light in the kitchen", "-d", self.fleet.state(device))).out

    def status(self, device):
        return json.loads(self.taken(self.fleet.linnet("--json", "status", "-d", self.fleet.state(device))).out)

    def test_a_device_lives_with_its_key_in_the_tpm_and_not_without(self):
        f = self.fleet
        f.start_coordinator()
        self.taken(f.operator(*publish()))
        tpm = self.plug("chip")
        f.start_agent("pump", f.token("pump"), "--identity-key", "tpm2", "--user-key", "tpm2", *tpm)
        (key,) = self.keys("pump")
        for file in (key, f.read("pump", "user", "key")):
            self.assertTrue(file.startswith(b"-----BEGIN TSS2 PRIVATE KEY-----"), file[:40])
        self.taken(f.operator("rollout", "start", "--model", TARGET, "--canary", "1", "--then", "all",
                              "--confirm-seconds", "1", "--confirm-inferences", "1", "--soak-seconds", "1"))  # fmt: skip
        f.wait_for("the model", lambda: self.active("pump") == [TARGET], seconds=60 * claims.SLOWER)
        f.wait_for(
            "its receipt",
            lambda: json.loads(self.taken(f.operator("--json", "rollout", "status")).out)["state"] == "COMPLETED",
            seconds=60 * claims.SLOWER,
        )
        answer = self.ask("pump")
        f.restart("pump")
        self.assertEqual(self.ask("pump"), answer)
        f.wait_for("the coordinator", lambda: self.status("pump").get("coordinator_reachable"))
        f.stop("pump")

        # Whatever is asked for: the key in use lies where it lies.
        self.unplug("chip")
        for place in ("tpm2", "auto", "file"):
            self.refused(f.run_agent("pump", "--identity-key", place, *tpm), AGENT_TPM, tpm[1], "no TPM")
        self.refused(f.run_agent("pump"), AGENT_TPM, "/dev/tpmrm0")
        other = self.plug("other")
        shutil.copytree(f.state("pump"), f.state("thief"))
        self.refused(f.run_agent("thief", "--identity-key", "tpm2", *other), AGENT_TPM, other[1], "not of this TPM")
        self.refused(f.run_agent("pump", *other), AGENT_TPM, "not of this TPM")
        self.plug("chip")
        f.start_agent("pump", None, *tpm)
        self.assertEqual(self.keys("pump"), [key])
        self.assertEqual(self.ask("pump"), answer)
        f.wait_for("the coordinator", lambda: self.status("pump").get("coordinator_reachable"))

    def test_what_is_asked_for_decides_where_no_tpm_is(self):
        f = self.fleet
        f.start_coordinator()
        nowhere = ("--tpm", f.path("nothing"))
        token = f.token("pump")
        result = f.run_agent("pump", "--token", token, "--identity-key", "tpm2", *nowhere)
        self.refused(result, AGENT_TPM, nowhere[1], "no TPM")
        self.refused(f.run_agent("pump", "--identity-key", "smartcard"), AGENT_USAGE, "smartcard", "tpm2")
        f.start_agent("pump", token, "--identity-key", "auto", *nowhere)  # the token is still good
        (key,) = self.keys("pump")
        self.assertTrue(key.startswith(b"-----BEGIN PRIVATE KEY-----"))
        self.assertIn(b"identity_key_in_a_file", f.log("pump"))

    def test_a_tpm_that_somebody_else_has_is_waited_for_and_not_for_ever(self):
        f = self.fleet
        path = f.path("mute")
        with socket.socket(socket.AF_UNIX) as mute:  # takes commands and says nothing
            mute.bind(path)
            mute.listen()
            begin = time.monotonic()
            result = f.run_agent("pump", "--identity-key", "tpm2", "--tpm", path)
            self.refused(result, AGENT_TPM, path, "does not answer", seconds=15)
            self.assertGreater(time.monotonic() - begin, 9)


if __name__ == "__main__":
    claims.main()
