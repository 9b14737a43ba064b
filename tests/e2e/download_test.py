"""What a download costs on the line, byte for byte, when the device is killed in the middle of it, again and again."""

import json
import random
import signal
import socket
import threading
import time

import claims
import fleet

TARGET = "models/synth/synth-1.linnet"
SHAPE = ("--type", "Q8_0", "--layers", "4", "--vocabulary", "8192")  # 19 MiB, some 100 chunks
KILLS = 20


class Line:
    """A line between devices and the coordinator that counts what comes down and is cut after so many bytes."""

    def __init__(self):
        self.to = None
        self.down = 0  # bytes to devices, since ever
        self.cut_at = None  # calls on_cut once so many came down
        self.on_cut = None
        self._lock = threading.Lock()
        self._door = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self._door.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            device, _ = self._door.accept()
            host, port = self.to.rsplit(":", 1)
            try:
                coordinator = socket.create_connection((host, int(port)))
            except OSError:
                device.close()
                continue
            threading.Thread(target=self._carry, args=(device, coordinator), daemon=True).start()

    def _carry(self, device, coordinator):
        with device, coordinator:
            up = threading.Thread(target=self._pump, args=(device, coordinator, False), daemon=True)
            up.start()
            self._pump(coordinator, device, True)
            up.join()

    def _pump(self, source, sink, down):
        try:
            while data := source.recv(8192):
                sink.sendall(data)
                if down:
                    self._count(len(data))
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _count(self, size):
        with self._lock:
            self.down += size
            due = self.cut_at is not None and self.down >= self.cut_at
            if due:
                self.cut_at = None
        if due:
            self.on_cut()

    def cut_after(self, size, on_cut):
        with self._lock:
            self.on_cut = on_cut
            self.cut_at = self.down + size


class Download(claims.Claims):
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
        made = json.loads(self.taken(f.operator("--json", *publish, timeout=120)).out)
        self.assertNotIn("update", made)
        return made["bytes"]

    def active(self):
        models = json.loads(self.taken(self.fleet.linnet("--json", "model", "list", "-d", self.fleet.state("pump"))).out)
        return [m["name"] for m in models.get("models", []) if m.get("active")]

    def reachable(self):
        status = json.loads(self.taken(self.fleet.linnet("--json", "status", "-d", self.fleet.state("pump"))).out)
        return status.get("coordinator_reachable")

    def test_twenty_kills_cost_at_most_a_chunk_each(self):
        f, line = self.fleet, self.line
        seed = 7
        print("seed", seed)
        draw = random.Random(seed)
        f.start_agent("pump", f.token("pump"))
        size = self.publish()
        # What a start costs without a download: handshake, metadata, check-in.
        before = line.down
        f.restart("pump", signal.SIGKILL)
        f.wait_for("a check-in", self.reachable)
        start_bytes = line.down - before
        start = ("rollout", "start", "--model", TARGET, "--canary", "0", "--confirm-seconds", "1", "--confirm-inferences", "1")
        begin = line.down
        killed = 0
        f.stop("pump", signal.SIGKILL)
        self.taken(f.operator(*start))
        for kill in range(KILLS):
            line.cut_after(draw.randrange(size // (2 * KILLS), size // KILLS), lambda: f.running["pump"].kill())
            try:
                f.restart("pump")
                f.wait_for(f"kill {kill + 1}", lambda: not f.alive("pump"), seconds=30 * claims.SLOWER)
                f.stop("pump", signal.SIGKILL)
            except fleet.NotReady:
                pass  # killed before its doors were open
            killed += 1
        self.assertEqual(killed, KILLS)
        f.restart("pump")
        f.wait_for("the model", lambda: self.active() == [TARGET], seconds=120 * claims.SLOWER)
        again = line.down - begin - size - (KILLS + 1) * start_bytes
        print(f"{size} bytes, {KILLS} kills: {again / KILLS / 1024:.0f} KiB a kill, beside {start_bytes / 1024:.0f} KiB a start")
        # The largest chunk, 64 KiB that gRPC reads ahead of it, and framing.
        self.assertLess(again, KILLS * ((256 << 10) + (64 << 10) + (32 << 10)))

    def test_a_limit_of_the_rate_is_kept_and_a_pause_ends_with_the_agent(self):
        f, line = self.fleet, self.line
        f.start_agent("pump", f.token("pump"), "--download-kib-a-second", "256")
        self.publish()
        first, start = line.down, time.monotonic()
        self.taken(f.operator("rollout", "start", "--model", TARGET, "--canary", "0", "--confirm-seconds", "1", "--confirm-inferences", "1"))
        f.wait_for("some of it", lambda: line.down - first > (1536 << 10), seconds=60 * claims.SLOWER)
        # One chunk ahead of the rate, and metadata. A slow machine makes it longer, never shorter.
        self.assertGreater(time.monotonic() - start, (1536 - 256 - 256) / 256)
        self.assertEqual(f.stop("pump"), 0)
        self.assertLess(line.down - first, 10 << 20, "it had not come to its end")


if __name__ == "__main__":
    claims.main()
