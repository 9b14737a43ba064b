"""Devices that serve each other, as real processes: what the site's line to the coordinator carries, byte for byte."""

import json

import claims
import fleet
from download_test import SHAPE, TARGET, Line

DEVICES = 6


class Peers(claims.Claims):
    def setUp(self):
        self.fleet = fleet.Fleet(claims.BIN)
        self.addCleanup(self.fleet.close)
        self.line = Line()
        self.fleet.start_coordinator("--advertise", self.line.address)
        self.line.to = self.fleet.fleet

    def publish(self):
        f = self.fleet
        model = f.path("synth.gguf")
        self.taken(f.run("linnet-probe", "model", "synth", "smollm2-135m", model, *SHAPE, timeout=120))
        publish = ("model", "publish", model, "--family", "synth", "--name", "synth", "--license", "Apache-2.0")
        return json.loads(self.taken(f.operator("--json", *publish, timeout=120)).out)["bytes"]

    def active(self, name):
        models = json.loads(self.taken(self.fleet.linnet("--json", "model", "list", "-d", self.fleet.state(name))).out)
        return [m["name"] for m in models.get("models", []) if m.get("active")] == [TARGET]

    def test_a_site_takes_about_one_copy(self):
        f, line = self.fleet, self.line
        names = [f"device-{i}" for i in range(DEVICES)]
        for name in names:
            f.start_agent(name, f.token(name), "--peers", "127.0.0.1:0", "--threads", "1")
        for name in names:
            f.wait_for(f"the door of {name}", lambda n=name: b"peers_served" in f.log(n), seconds=30 * claims.SLOWER)
        size = self.publish()
        before = line.down
        self.taken(f.operator("rollout", "start", "--model", TARGET, "--canary", "0", "--confirm-seconds", "1", "--confirm-inferences", "1"))
        for name in names:
            f.wait_for(f"the model on {name}", lambda n=name: self.active(n), seconds=120 * claims.SLOWER)
        copies = (line.down - before) / size
        print(f"{DEVICES} devices, {size} bytes: {copies:.2f} copies came over the line, TLS and metadata included")
        self.assertLess(copies, 2)

        # Another one later: from those that run it.
        before = line.down
        f.start_agent("late", f.token("late"), "--peers", "127.0.0.1:0", "--threads", "1")
        f.wait_for("the model on late", lambda: self.active("late"), seconds=120 * claims.SLOWER)
        later = (line.down - before) / size
        print(f"one more: {later:.3f} copies")
        self.assertLess(later, 0.1)


if __name__ == "__main__":
    claims.main()
