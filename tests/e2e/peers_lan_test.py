"""`--peers on`, and the default, among machines with addresses of a LAN: network namespaces on one bridge, in a namespace of this process's own.

Needs root and iproute2; skipped, by name, where these are missing."""

import json
import os
import shutil
import subprocess
import sys

import claims
import fleet
from download_test import SHAPE, TARGET

INSIDE = "LINNET_TEST_OWN_NETWORK"
COORDINATOR = "10.77.0.1"
DEVICES = {"kitchen": "10.77.0.2", "press": "10.77.0.3", "hall": "10.77.0.4"}


def command(*words):
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL)


def sent_to_bridge():
    with open("/proc/self/net/dev", encoding="ascii") as table:
        line = next(line for line in table if line.strip().startswith("br0:"))
    return int(line.split(":")[1].split()[8])


class PeersLan(claims.Claims):
    def setUp(self):
        if INSIDE not in os.environ:
            self.skipTest("no network namespaces here (root, iproute2 and a kernel with bridges are needed)")
        self.fleet = fleet.Fleet(claims.BIN)
        self.addCleanup(self.fleet.close)
        command("ip", "link", "set", "lo", "up")
        command("ip", "link", "add", "br0", "type", "bridge")
        command("ip", "addr", "add", COORDINATOR + "/24", "dev", "br0")
        command("ip", "link", "set", "br0", "up")
        self.fleet.fleet = COORDINATOR + ":7300"
        self.fleet.start_coordinator()

    def start_device(self, name, address, *more):
        f = self.fleet
        token = f.token(name)
        # A namespace lives as long as the process that made it; the agent is started into it.
        machine = subprocess.Popen(["unshare", "-n", "sleep", "600"], stdin=subprocess.DEVNULL)
        self.addCleanup(machine.wait)
        self.addCleanup(machine.kill)
        own = os.readlink("/proc/self/ns/net")
        f.wait_for("a namespace", lambda: os.readlink(f"/proc/{machine.pid}/ns/net") != own)
        inside = ("nsenter", "-t", str(machine.pid), "-n")
        command("ip", "link", "add", "to-" + name, "type", "veth", "peer", "name", "eth0", "netns", str(machine.pid))
        command("ip", "link", "set", "to-" + name, "master", "br0", "up")
        command(*inside, "ip", "link", "set", "lo", "up")
        command(*inside, "ip", "addr", "add", address + "/24", "dev", "eth0")
        command(*inside, "ip", "link", "set", "eth0", "up")
        arguments = ("--state-dir", f.state(name), "--token", token, "--check-in-seconds", "1", "--threads", "1", *more)
        with open(f.path("logs", name + ".log"), "wb") as log:
            f.running[name] = subprocess.Popen(
                [*inside, os.path.join(f.bin, "linnet-agent"), *arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=f.environment,
            )  # fmt: skip

    def active(self, name):
        result = self.fleet.linnet("--json", "model", "list", "-d", self.fleet.state(name))
        models = json.loads(self.taken(result).out).get("models", [])
        return [m["name"] for m in models if m.get("active")] == [TARGET]

    def test_devices_find_each_other_at_the_addresses_that_the_coordinator_sees(self):
        f = self.fleet
        for name, address in DEVICES.items():
            self.start_device(name, address, *(("--peers", "on") if name == "kitchen" else ()))
            door = f'"event":"peers_served","address":"{address}:7402"'.encode()
            f.wait_for(f"the door of {name}", lambda n=name, d=door: d in f.log(n), seconds=30 * claims.SLOWER)
        model = f.path("synth.gguf")
        self.taken(f.run("linnet-probe", "model", "synth", "smollm2-135m", model, *SHAPE, timeout=120))
        publish = ("model", "publish", model, "--family", "synth", "--name", "synth", "--license", "Apache-2.0")
        size = json.loads(self.taken(f.operator("--json", *publish, timeout=120)).out)["bytes"]
        before = sent_to_bridge()
        self.taken(f.operator("rollout", "start", "--model", TARGET, "--canary", "0", "--confirm-seconds", "1", "--confirm-inferences", "1"))
        for name in DEVICES:
            f.wait_for(f"the model on {name}", lambda n=name: self.active(n), seconds=120 * claims.SLOWER)
        copies = (sent_to_bridge() - before) / size
        print(f"{len(DEVICES)} devices on a LAN: the coordinator's machine sent {copies:.2f} copies")
        self.assertLess(copies, 1.5)


if __name__ == "__main__":
    can = all(shutil.which(tool) for tool in ("unshare", "nsenter", "ip"))
    # Some containers make namespaces, but no bridge in them.
    network = "ip link add br0 type bridge && ip link add a type veth peer name b"
    can = can and subprocess.run(["unshare", "-n", "sh", "-c", network], stderr=subprocess.DEVNULL, check=False).returncode == 0
    if can and INSIDE not in os.environ:
        os.environ[INSIDE] = "1"
        os.execvp("unshare", ["unshare", "-n", sys.executable, *sys.argv])
    claims.main()
