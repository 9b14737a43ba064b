"""Daemons that cannot start, run out of disk, are killed, or find their state damaged."""

import json
import os
import signal
import subprocess
import time
import unittest

import claims
import fleet
from bad_site_test import publish
from claims import AGENT_FAILED, AGENT_PORT, AGENT_STATE, AGENT_USAGE, FAILED, MODEL, NO_ROOM, TARGET, USAGE


class Starts(claims.Claims):
    @classmethod
    def setUpClass(cls):
        cls.fleet = fleet.Fleet(claims.BIN)
        cls.addClassCleanup(cls.fleet.close)
        cls.fleet.start_coordinator()
        cls.doors = cls.fleet.start_agent("first")

    def tearDown(self):
        self.taken(self.fleet.linnet("status", "-d", self.fleet.state("first")))
        self.taken(self.fleet.operator("device", "list"))

    def agent(self, *arguments):
        return self.fleet.run("linnet-agent", *arguments)

    def coordinator(self, listen="127.0.0.1:0", admin="127.0.0.1:0", state="other", site=None, more=()):
        site = site or self.fleet.site + "/coordinator"
        state = state if state.startswith("/") else self.fleet.path(state)
        return self.fleet.run("linnet-coordinator", "--site-dir", site, "--state-dir", state, "--listen", listen,
                              "--admin", admin, *more)  # fmt: skip

    def test_port_in_use_is_named(self):
        state = ("--state-dir", self.fleet.path("second"))
        result = self.agent(*state, "--listen", self.doors["grpc"], "--http", "off")
        self.refused(result, AGENT_PORT, self.doors["grpc"], "in use")
        result = self.agent(*state, "--listen", "off", "--http", self.doors["http"])
        self.refused(result, AGENT_PORT, self.doors["http"], "in use")
        self.refused(self.coordinator(listen=self.fleet.fleet), FAILED, self.fleet.fleet, "in use")
        self.refused(self.coordinator(admin=self.fleet.admin), FAILED, self.fleet.admin, "in use")

    def test_address_that_is_none_is_refused(self):
        state = ("--state-dir", self.fleet.path("second"))
        for address in ("nonsense", "127.0.0.1:99999", "127.0.0.1", ":"):
            self.refused(self.agent(*state, "--listen", address, "--http", "off"), AGENT_USAGE, address, "HOST:PORT")
            self.refused(self.coordinator(listen=address), FAILED, address, "HOST:PORT")
        self.refused(self.agent(*state, "--listen", "off", "--http", "0.0.0.0:0"), AGENT_USAGE, "loopback")

    def test_second_daemon_on_the_same_state_is_refused(self):
        result = self.fleet.run_agent("first")
        self.refused(result, AGENT_STATE, "another agent", str(self.fleet.running["first"].pid), "--state-dir")
        self.refused(self.coordinator(state="coordinator"), FAILED, "another coordinator", "--state-dir")

    def test_unwritable_state_folder_is_named(self):
        self.refused(self.agent("--state-dir", "/proc/linnet"), AGENT_STATE, "/proc/linnet", "--state-dir")
        self.refused(self.agent("--state-dir", self.fleet.write("file", "x")), AGENT_STATE, "is a file")
        self.refused(self.coordinator(state="/proc/linnet"), FAILED, "/proc/linnet")
        deep = self.fleet.path("d" * 100, "e" * 100)
        self.refused(self.agent("--state-dir", deep, "--listen", "off", "--http", "off"), AGENT_USAGE, "shorter folder")

    def test_settings_that_are_none_are_named(self):
        unknown = self.fleet.write("unknown.toml", 'state-dir = "x"\nfrobnicate = 1\n')
        self.refused(self.agent("--config", unknown), AGENT_USAGE, unknown, "frobnicate", "--help")
        broken = self.fleet.write("broken.toml", "\nstate-dir = [")
        self.refused(self.agent("--config", broken), AGENT_USAGE, broken + ":2")
        mistyped = self.fleet.write("mistyped.toml", 'check-in-seconds = "soon"')
        self.refused(self.agent("--config", mistyped), AGENT_USAGE, mistyped, "check-in-seconds", "whole number")
        self.refused(self.agent("--config", self.fleet.path("none")), AGENT_USAGE, "none")
        self.refused(self.agent("--frobnicate"), AGENT_USAGE, "--frobnicate", "--help")
        self.refused(self.agent("--check-in-seconds", "0"), AGENT_USAGE, "--check-in-seconds")
        for peers in ("yes", "host.example:7402", "10.0.0.1", "10.0.0.1:99999", ""):
            self.refused(self.agent("--peers", peers), AGENT_USAGE, "--peers", "off", "192.168.1.7:7402")
        self.refused(self.coordinator(more=("--config", unknown)), USAGE, unknown, "frobnicate")
        self.refused(self.coordinator(more=("--frobnicate",)), USAGE, "--frobnicate", "--help")
        self.refused(self.fleet.run("linnet-coordinator"), USAGE, "--site-dir")
        self.refused(self.coordinator(site=self.fleet.path("none")), FAILED, "site init", "--site-dir")
        self.refused(self.coordinator(site=self.fleet.site), FAILED, "--site-dir", "coordinator")

    def test_named_model_that_is_none_stops_the_start(self):
        state = ("--state-dir", self.fleet.path("third"), "--listen", "off", "--http", "off")
        self.refused(self.agent(*state, "--model", self.fleet.path("none")), AGENT_FAILED, "none")
        self.refused(self.agent(*state, "--model", self.fleet.write("junk", "junk")), AGENT_FAILED, "GGUF")

    def test_damaged_state_is_named_and_left_alone(self):
        for name in ("state.db", "user/user.db"):
            device = "damaged-" + os.path.basename(name)
            self.fleet.start_agent(device)
            self.fleet.stop(device)
            path = self.fleet.path(device, name)
            for leftover in (path + "-wal", path + "-shm"):
                if os.path.exists(leftover):
                    os.remove(leftover)
            damaged = b"not a database at all " * 500
            with open(path, "wb") as file:
                file.write(damaged)
            self.refused(self.fleet.run_agent(device), AGENT_STATE, path)
            self.assertEqual(self.fleet.read(path), damaged)


class Disks(claims.Claims):
    """On a file system of a few MiB."""

    @classmethod
    def setUpClass(cls):
        cls.fleet = fleet.Fleet(claims.BIN)
        cls.addClassCleanup(cls.fleet.close)
        cls.disk = cls.fleet.path("small")
        os.mkdir(cls.disk)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", cls.disk], capture_output=True, check=False)
        if mounted.returncode != 0:
            raise unittest.SkipTest("Disks: needs root that may mount a tmpfs")
        cls.addClassCleanup(lambda: subprocess.run(["umount", "-l", cls.disk], check=False))
        cls.fleet.start_coordinator()
        cls.fleet.must(cls.fleet.operator(*publish()))

    def fill(self, leave_bytes):
        """Leaves about so much room; returns the file that takes the rest."""
        path = os.path.join(self.disk, "ballast")
        space = os.statvfs(self.disk)
        with open(path, "wb", buffering=0) as file:
            try:
                for _ in range(max(0, space.f_bavail * space.f_frsize - leave_bytes) // 4096):
                    file.write(bytes(4096))
            except OSError:
                pass  # somebody else wrote, too
        return path

    def test_full_disk_loses_nothing_and_heals_when_there_is_room(self):
        name = "small/device"
        self.fleet.start("device", "linnet-agent", *self.fleet.agent_arguments(name, "--token", self.fleet.token("device")))
        device = ("-d", self.fleet.state(name))
        ballast = self.fill(600 << 10)  # less than the model takes
        start = ("rollout", "start", "--model", TARGET, "--canary", "1", "--soak-seconds", "1", "--confirm-seconds", "1", "--confirm-inferences", "1")
        self.taken(self.fleet.operator(*start))

        says_no_room = lambda: "space" in self.fleet.linnet("status", *device).out
        self.fleet.wait_for("the reason in linnet status", says_no_room, 30)
        self.assertTrue(self.fleet.alive("device"))
        self.taken(self.fleet.linnet("entities", claims.ENTITIES, *device))
        self.taken(self.fleet.linnet("ask", "Is the light on in the kitchen?", *device))
        os.remove(ballast)
        self.taken(self.fleet.operator(*start))  # the first plan halted: its canary had no room
        listed = lambda: "active" in self.fleet.linnet("model", "list", *device).out
        self.fleet.wait_for("the model once there is room", listed, 60)

        # Readings: as many as are acknowledged are there.
        before = self.readings(device)
        ballast = self.fill(40 << 10)
        rows = "".join(f"{1_700_000_000 + i},vibration,mm/s,{(i * 7919) % 1000 / 10}\n" for i in range(60_000))
        result = self.fleet.linnet("ingest", self.fleet.write("many.csv", "h\n" + rows), *device)
        if result.code != 0:  # a ring that fits may also make room by itself
            self.refused(result, NO_ROOM, "space", seconds=30)
        self.assertTrue(self.fleet.alive("device"))
        self.taken(self.fleet.linnet("status", *device))
        os.remove(ballast)
        after = "h\n" + "".join(f"{1_800_000_000 + i},vibration,mm/s,{i % 10}\n" for i in range(100))
        said = self.taken(self.fleet.linnet("ingest", self.fleet.write("after.csv", after), *device)).out
        self.assertIn("100 readings taken", said)
        count = self.readings(device)
        self.assertGreaterEqual(count, before + 100)
        self.fleet.restart("device", signal.SIGKILL)
        self.assertEqual(self.readings(device), count)

    def readings(self, device):
        return int(json.loads(self.taken(self.fleet.linnet("--json", "status", *device)).out).get("readings", 0))

    def test_start_on_a_full_disk_says_so(self):
        ballast = self.fill(0)
        result = self.fleet.run_agent("small/other")
        os.remove(ballast)
        self.refused(result, AGENT_STATE, "space")
        self.assertIn("device", self.fleet.start("other", "linnet-agent", *self.fleet.agent_arguments("small/other")))


class Kills(claims.Claims):
    def test_killed_again_and_again_an_install_still_ends(self):
        with fleet.Fleet(claims.BIN) as site:
            site.start_coordinator()
            site.start_agent("device", site.token("device"))
            site.must(site.operator(*publish()))
            start = ("rollout", "start", "--model", TARGET, "--canary", "1", "--soak-seconds", "1", "--confirm-seconds", "1", "--confirm-inferences", "1")
            site.must(site.operator(*start))
            # A trial has three starts; on a slow machine each of these kills may fall into it.
            for pause in (0.0, 0.2, 0.45):
                time.sleep(pause)
                site.restart("device", signal.SIGKILL)
            watched = site.operator("rollout", "watch", timeout=60)
            self.assertEqual(watched.code, 0, watched)
            self.assertIn("active", site.linnet("model", "list", "-d", site.state("device")).out)
            site.restart("coordinator", signal.SIGKILL)
            self.assertIn("device", self.taken(site.operator("device", "list")).out)


if __name__ == "__main__":
    claims.main()
