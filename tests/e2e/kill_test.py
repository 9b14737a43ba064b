"""Agents that are killed (SIGKILL) at random moments of whole updates, also while they start: after each kill
they run the old or the new model, whole, and every update ends. LINNET_TEST_KILLS: so many (30); `tests/run.sh
--long` kills 500 times. LINNET_TEST_SEED: draws the same moments again."""

import base64
import hashlib
import json
import os
import random
import re
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import claims
import fleet

KILLS = int(os.environ.get("LINNET_TEST_KILLS", "30"))
SEED = int(os.environ.get("LINNET_TEST_SEED", "0")) or time.time_ns() % 1_000_000_000
DEVICES = ("press", "fridge", "hall")
# A trial has three starts: a fourth crash in it is the model's, and ends it.
MOST_KILLS_AN_UPDATE = 3
START_SHARE = 0.4  # of the starts after a kill that are killed, too


class Kills(claims.Claims):
    def setUp(self):
        print("seed", SEED)
        self.fleet = fleet.Fleet(claims.BIN)
        self.addCleanup(self.fleet.close)
        self.fleet.start_coordinator()
        with open(claims.MODEL, "rb") as file:
            self.model = bytearray(file.read())

    def publish(self, version):
        """Another model: its last weights differ. Its target."""
        self.model[-8:] = version.to_bytes(8, "little")
        path = self.fleet.write("model.gguf", bytes(self.model))
        self.taken(
            self.fleet.operator(
                *("model", "publish", path, "--family", "starter", "--name", "starter", "--license", "Apache-2.0"),
                *("--version", str(version), "--release", str(version)),
                timeout=60 * claims.SLOWER,
            )
        )
        return f"models/starter/starter-{version}.linnet"

    def roll_out(self, target):
        start = ("rollout", "start", "--model", target, "--canary", "0", "--confirm-seconds", "1", "--confirm-inferences", "1")
        self.taken(self.fleet.operator(*start))

    def active(self, device):
        """What it runs: name, and whether it is on trial. Every file of its store is what its name says."""
        told = json.loads(self.taken(self.fleet.linnet("--json", "model", "list", "-d", self.fleet.state(device))).out)
        folder = self.fleet.path(device, "models")
        whole = set()
        for name in os.listdir(folder):
            if not re.fullmatch("[0-9a-f]{64}", name):
                continue
            try:
                content = self.fleet.read(device, "models", name)
            except FileNotFoundError:
                continue  # removed meanwhile: no model that is kept
            self.assertEqual(hashlib.sha256(content).hexdigest(), name, device)
            whole.add(name)
        models = [m for m in told.get("models", []) if m.get("active")]
        if not models:
            return None, False
        self.assertEqual(len(models), 1, told)
        sha256 = models[0]["sha256"]
        if len(sha256) != 64:
            sha256 = base64.b64decode(sha256).hex()
        self.assertIn(sha256, whole, device)
        return models[0]["name"], bool(models[0].get("trial"))

    def start_and_kill(self, device, after):
        """A start that is killed in its middle, or just after it."""
        timer = threading.Timer(after, lambda: self.fleet.alive(device) and self.fleet.running[device].kill())
        timer.start()
        try:
            self.fleet.restart(device)
        except fleet.NotReady:
            pass
        timer.join()
        if device in self.fleet.running:
            self.fleet.stop(device, signal.SIGKILL)

    def kill(self, device, draw, models, times, whole):
        """In one update, `times` in all."""
        while times > 0:
            time.sleep(draw.uniform(0, whole))
            self.fleet.stop(device, signal.SIGKILL)
            times -= 1
            if times > 0 and draw.random() < START_SHARE:
                self.start_and_kill(device, draw.uniform(0, 0.15))
                times -= 1
            self.fleet.restart(device)
            name, _ = self.active(device)
            self.assertIn(name, models, f"{device}: neither the old nor the new model")
        new = models[-1]
        ended = lambda: self.active(device) == (new, False)
        try:
            self.fleet.wait_for(f"{new} on {device}", ended, seconds=60 * claims.SLOWER)
        except AssertionError as error:
            status = self.fleet.linnet("status", "-d", self.fleet.state(device))
            rollout = self.fleet.operator("rollout", "status")
            log = self.fleet.log(device).decode("utf-8", "replace").split("\n")
            raise AssertionError("\n".join([*log[-60:], status.out, rollout.out, str(error)])) from None

    def test_whenever_it_is_killed_it_runs_the_old_or_the_new_model_and_the_update_ends(self):
        for device in DEVICES:
            self.fleet.start_agent(device, self.fleet.token(device))
        # The first, without kills: how long does one take?
        old = self.publish(1)
        begin = time.monotonic()
        self.roll_out(old)
        for device in DEVICES:
            self.fleet.wait_for("the first model", lambda d=device: self.active(d) == (old, False), 60 * claims.SLOWER)
        whole = time.monotonic() - begin
        draws = {device: random.Random(f"{SEED} {device}") for device in DEVICES}
        left, updates = KILLS, 1
        # The kernel ends a daemon with the thread that started it: these stay until the end.
        with ThreadPoolExecutor(len(DEVICES)) as threads:
            while left > 0:
                updates += 1
                new = self.publish(updates)
                self.roll_out(new)
                jobs = []
                for device in DEVICES:
                    times = min(left, draws[device].randint(1, MOST_KILLS_AN_UPDATE))
                    left -= times
                    jobs.append(threads.submit(self.kill, device, draws[device], (old, new), times, whole))
                for job in jobs:
                    job.result()
                watched = self.fleet.operator("rollout", "watch", timeout=60 * claims.SLOWER)
                self.assertEqual(watched.code, 0, watched)
                old = new
            for device in DEVICES:
                self.assertEqual(self.fleet.stop(device), 0)
        print(f"{KILLS} kills at random moments of {updates - 1} updates of {whole:.1f} s: 0 bad states, every update ended")


if __name__ == "__main__":
    claims.main()
