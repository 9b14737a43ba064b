"""A site, its coordinator and agents as real processes in a temporary folder; for tests.

    with Fleet(bin_dir) as fleet:
        fleet.start_coordinator()
        fleet.start_agent("fridge", fleet.token("fridge"))
        fleet.linnet("status", "-d", fleet.state("fridge"))

Whatever happens, no process outlives the test: the kernel ends them when this process does.
"""

import ctypes
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

PR_SET_PDEATHSIG = 1
START_SECONDS = 15  # of a daemon, on a loaded machine; ready comes within 0.1 s as a rule
_libc = ctypes.CDLL(None)


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Result:
    """What a command did: exit code, bytes of both outputs, seconds."""

    def __init__(self, command, code, out, err, seconds):
        self.command, self.code, self.seconds = command, code, seconds
        self.out_bytes, self.err_bytes = out, err
        self.out = out.decode("utf-8", "replace")
        self.err = err.decode("utf-8", "replace")

    def __repr__(self):
        words = [w if isinstance(w, str) else repr(w) for w in self.command]
        line = " ".join(w if len(w) < 200 else w[:80] + "..." for w in words)
        return f"$ {line}\nexit {self.code} after {self.seconds:.2f} s\nstdout: {self.out[:1000]}\nstderr: {self.err[:1000]}"


class NotReady(Exception):
    """A daemon ended, or hung, before it was ready."""

    def __init__(self, result):
        super().__init__(repr(result))
        self.result = result


class Fleet:
    def __init__(self, bin_dir):
        self.bin = os.path.abspath(bin_dir)
        self.dir = tempfile.mkdtemp(prefix="linnet-e2e-")
        self.site = os.path.join(self.dir, "site")
        self.host = None  # where the coordinator's --site-dir is, when not in the site's folder
        self.admin = self.fleet = None
        self.running = {}  # name -> Popen
        self.starts = {}  # name -> command
        os.mkdir(os.path.join(self.dir, "logs"))
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.path.join(self.dir, "home"),
            "LINNET_HOME": os.path.join(self.dir, "home"),
            "LINNET_SITE": self.site,
            "LANG": "C.UTF-8",
        }
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS"):
            if name in os.environ:
                self.environment[name] = os.environ[name]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for process in self.running.values():
            process.kill()
        for process in self.running.values():
            process.wait()
        self.running.clear()
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def state(self, name):
        return self.path(name)

    def write(self, name, content):
        path = self.path(name)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return path

    def read(self, *parts):
        with open(self.path(*parts), "rb") as file:
            return file.read()

    def log(self, name):
        return self.read("logs", name + ".log")

    def run(self, program, *arguments, environment=None, stdin=b"", timeout=30):
        """Runs a program of bin_dir (or an absolute path) to its end, without a terminal."""
        command = [os.path.join(self.bin, program), *arguments]
        begin = time.monotonic()
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**self.environment, **(environment or {})},
            preexec_fn=_die_with_parent,
            start_new_session=True,
        )
        try:
            out, err = process.communicate(stdin, timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            err += b"\n(killed by the test: too slow)"
        return Result(command, process.returncode, out, err, time.monotonic() - begin)

    def linnet(self, *arguments, **options):
        return self.run("linnet", *arguments, **options)

    def operator(self, *arguments, **options):
        """A command to the coordinator."""
        return self.linnet(*arguments, "--admin", self.admin, **options)

    def must(self, result):
        if result.code != 0:
            raise AssertionError(repr(result))
        return result

    def init_site(self):
        self.must(self.linnet("site", "init", self.site, "--name", "test", "--no-passphrase"))

    def start(self, name, program, *arguments):
        """Starts a daemon and waits for its ready file, whose lines KEY=VALUE are returned. NotReady when it ends."""
        ready = self.path(name + ".ready")
        if os.path.exists(ready):
            os.remove(ready)
        command = [os.path.join(self.bin, program), *arguments, "--ready-file", ready]
        self.starts[name] = (program, arguments)
        begin = time.monotonic()
        with open(self.path("logs", name + ".log"), "ab") as log:
            offset = log.tell()
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                preexec_fn=_die_with_parent,
                start_new_session=True,
            )
        self.running[name] = process
        while time.monotonic() - begin < START_SECONDS:
            if os.path.exists(ready) and os.path.getsize(ready) > 0:
                with open(ready, encoding="utf-8") as file:
                    return dict(line.split("=", 1) for line in file.read().split("\n") if "=" in line)
            if process.poll() is not None:
                break
            time.sleep(0.01)
        self.stop(name, signal.SIGKILL)
        raise NotReady(Result(command, process.returncode, b"", self.log(name)[offset:], time.monotonic() - begin))

    def stop(self, name, how=signal.SIGTERM):
        """Ends a daemon; returns its exit code."""
        process = self.running.pop(name)
        process.send_signal(how)
        try:
            return process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"{name} did not end within 20 s of signal {how}") from None

    def restart(self, name, how=signal.SIGTERM):
        if name in self.running:
            self.stop(name, how)
        if name == "coordinator":  # at the same addresses: devices and operators know them
            return self.start_coordinator()
        program, arguments = self.starts[name]
        return self.start(name, program, *arguments)

    def alive(self, name):
        return name in self.running and self.running[name].poll() is None

    def start_coordinator(self, *more):
        if not os.path.exists(self.site):
            self.init_site()
        ready = self.start(
            "coordinator",
            "linnet-coordinator",
            *("--site-dir", self.host or self.site + "/coordinator", "--state-dir", self.path("coordinator")),
            *("--listen", self.fleet or "127.0.0.1:0", "--admin", self.admin or "127.0.0.1:0"),
            *("--check-in-seconds", "1", *more),
        )
        self.admin, self.fleet = ready["admin"], ready["fleet"]

    def token(self, device, ttl=None):
        more = [] if ttl is None else ["--ttl", str(ttl)]
        return self.must(self.operator("device", "token", device, *more)).out.strip()

    def agent_arguments(self, name, *more):
        return (
            *("--state-dir", self.state(name), "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"),
            *("--check-in-seconds", "1", *more),
        )

    def start_agent(self, name, token=None, *more):
        extra = [] if token is None else ["--token", token]
        return self.start(name, "linnet-agent", *self.agent_arguments(name, *extra, *more))

    def run_agent(self, name, *more, **options):
        """An agent that is expected to end by itself."""
        return self.run("linnet-agent", *self.agent_arguments(name, *more), **options)

    def pair(self, name, scopes="ask,ingest,read-data,manage,metrics", grant="test"):
        path = self.path(f"{name}.{grant}.grant.json")
        self.must(
            self.linnet("device", "pair", "-d", self.state(name), "--name", grant, "--scopes", scopes, "--out", path)
        )
        return path

    def wait_for(self, what, condition, seconds=20):
        begin = time.monotonic()
        while time.monotonic() - begin < seconds:
            value = condition()
            if value:
                return value
            time.sleep(0.05)
        raise AssertionError(f"{what}: not within {seconds} s")


def one_line(text):
    """The lines of a program's standard error that are no JSON log lines."""
    return [line for line in re.split(r"\r?\n", text) if line.strip() and not line.startswith('{"t":')]
