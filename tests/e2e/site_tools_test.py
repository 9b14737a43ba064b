"""The operator's offline tools as they are used: roles renewed, keys replaced, thresholds gathered on two machines, models taken
back, and devices served from a stick."""

import json
import os
import shutil

import claims
import fleet
from claims import AGENT_REFUSED, BAD_DATA, DUE, FAILED, MODEL, NOT_FOUND, REFUSED, TARGET, USAGE

SECOND = "models/starter/linnet-second-1.linnet"


def publish(path=MODEL, name="linnet-starter"):
    return ("model", "publish", path, "--family", "starter", "--name", name, "--license", "Apache-2.0")


def value(result):
    return json.loads(result.out)


class Tools(claims.Claims):
    def roles(self, f, site=None):
        status = value(self.taken(f.linnet("--json", "site", "status", site or f.site)))
        return {role["role"]: role for role in status["roles"]}

    def second_model(self, f):
        """Other bytes that are the same model: readers of GGUF ignore what follows the last tensor."""
        return f.write("second.gguf", f.read(MODEL) + bytes(32))

    def active(self, f, device):
        models = value(self.taken(f.linnet("--json", "model", "list", "-d", f.state(device)))).get("models", [])
        return [m["name"] for m in models if m.get("active")]


class WithACoordinator(Tools):
    def setUp(self):
        self.fleet = fleet.Fleet(claims.BIN)
        self.addCleanup(self.fleet.close)
        self.fleet.start_coordinator()
        self.taken(self.fleet.operator(*publish()))

    def test_roles_are_renewed_and_cron_is_told_what_is_due(self):
        f = self.fleet
        before = self.roles(f)
        self.assertEqual(before["root"]["signed_by"], ["root-1", "root-2"])
        self.assertEqual(before["plans"]["signed_by"], ["plans"])
        quiet = self.taken(f.linnet("site", "expire-check"))
        self.assertEqual(quiet.out, "")
        due = f.linnet("site", "expire-check", "--within", "200")
        self.assertEqual(due.code, DUE, due)
        self.assertIn("linnet site renew plans", due.out)
        told = f.linnet("--json", "site", "expire-check", "--within", "200")
        self.assertEqual((told.code, [d["what"] for d in value(told)["due"]]), (DUE, ["models/starter", "plans", "targets"]))
        renewed = self.taken(f.operator("--json", "site", "renew", "root", "targets", "plans", "models/starter", "--days", "300"))
        self.assertTrue(value(renewed)["published"])
        after = self.roles(f)
        for role in after:
            self.assertEqual(after[role]["version"], before[role]["version"] + 1, role)
        self.taken(f.linnet("site", "expire-check", "--within", "200"))
        self.refused(f.operator("site", "renew", "nonsense"), NOT_FOUND, "nonsense", "plans")
        self.refused(f.operator("site", "renew", "plans", "--days", "0"), USAGE, "--days")

    def test_a_device_follows_every_key_that_is_replaced(self):
        f = self.fleet
        f.start_agent("pump", f.token("pump"))
        self.refused(f.operator("site", "rotate-key", "root"), BAD_DATA, "root-1", "--key")
        self.refused(f.operator("site", "rotate-key", "timestamp", "--key", "1"), BAD_DATA, "one key")
        self.refused(f.operator("site", "rotate-key", "timestamp", "plans"), BAD_DATA, "plans")
        for role, key in (("root", "1"), ("root", "root-2"), ("root", "3"), ("targets", "2"), ("plans", None), ("models/starter", None)):
            before = self.roles(f)[role]["keyids"]
            more = () if key is None else ("--key", key)
            self.taken(f.operator("site", "rotate-key", role, *more))
            after = self.roles(f)[role]["keyids"]
            self.assertEqual(sum(a != b for a, b in zip(before, after)), 1, role)
        start = ("rollout", "start", "--model", TARGET, "--canary", "0", "--confirm-seconds", "1", "--confirm-inferences", "1")
        self.taken(f.operator(*start))
        f.wait_for("the model", lambda: self.active(f, "pump") == [TARGET], seconds=60 * claims.SLOWER)
        self.assertIn("nothing to publish", self.taken(f.operator("site", "publish")).out)

    def test_two_machines_gather_a_threshold_with_a_file(self):
        f = self.fleet
        other = f.path("other-site")
        shutil.copytree(f.site, other)
        for name in ("root-1", "root-3", "targets-1", "targets-3", "plans", "models-starter"):
            os.remove(f"{other}/offline/{name}.key")
        for name in ("root-2", "root-3", "targets-2", "targets-3"):
            os.remove(f"{f.site}/offline/{name}.key")
        file = f.path("change.json")
        self.refused(f.operator("site", "rotate-key", "root", "--key", "1"), FAILED, "--out", "site sign", "1 of 2")
        begun = self.taken(f.operator("site", "rotate-key", "root", "--key", "1", "--out", file))
        self.assertIn("site sign", begun.out)
        self.assertEqual(self.roles(f)["root"]["version"], 1)
        foreign = f.path("foreign")
        self.taken(f.linnet("site", "init", foreign, "--no-passphrase"))
        self.refused(f.linnet("site", "sign", file, "--site", foreign, "--offline"), REFUSED, file, "of the site")
        garbage = f.write("garbage", "not a change")
        self.refused(f.operator("site", "sign", garbage, "--site", other), BAD_DATA, "garbage", "no change to sign")
        done = self.taken(f.operator("site", "sign", file, "--site", other))
        self.assertIn("root: signed 2 of 2", done.out)
        self.assertIn("published", done.out)
        # The first machine learns of it from the coordinator, and both go on.
        out = self.taken(f.operator("site", "renew", "targets", "--out", file))
        self.assertIn("signed 1 of 2", out.out)
        self.assertEqual(value(self.taken(f.operator("--json", "site", "sign", file, "--site", other)))["published"], True)
        self.refused(f.operator("site", "sign", self.first_version(file), "--site", other), (FAILED, BAD_DATA), "change")
        f.start_agent("pump", f.token("pump"))
        self.taken(f.operator("rollout", "start", "--model", TARGET, "--canary", "0", "--confirm-seconds", "1", "--confirm-inferences", "1"))
        f.wait_for("the model", lambda: self.active(f, "pump") == [TARGET], seconds=60 * claims.SLOWER)

    def replace(self, target, source):
        shutil.rmtree(self.fleet.path(target), ignore_errors=True)
        shutil.copytree(self.fleet.path(source), self.fleet.path(target))

    def test_a_coordinator_that_is_restored_from_a_copy_gets_new_online_keys(self):
        f = self.fleet
        f.start_agent("pump", f.token("pump"))
        self.taken(f.operator("rollout", "start", "--model", TARGET, "--canary", "0", "--confirm-seconds", "1", "--confirm-inferences", "1"))
        f.wait_for("the model", lambda: self.active(f, "pump") == [TARGET], seconds=60 * claims.SLOWER)
        f.stop("coordinator")
        self.replace("host", "site/coordinator")
        self.replace("stolen-host", "host")
        self.replace("backup", "coordinator")
        f.host = f.path("host")
        f.start_coordinator()
        self.taken(f.operator(*publish(self.second_model(f), "linnet-second")))
        self.taken(f.operator("rollout", "start", "--model", SECOND, "--canary", "0", "--confirm-seconds", "1", "--confirm-inferences", "1"))
        f.wait_for("the second model", lambda: self.active(f, "pump") == [SECOND], seconds=60 * claims.SLOWER)
        f.stop("coordinator")
        self.replace("coordinator", "backup")
        f.start_coordinator()
        f.wait_for("a contradiction", lambda: "seen before" in self.shown(f, "pump"), seconds=60 * claims.SLOWER)
        # As coordinator/README.md says.
        rotate = ("site", "rotate-key", "snapshot", "timestamp")
        self.refused(f.operator(*rotate), FAILED, "copy coordinator/snapshot.", f.host, "linnet site publish")
        self.refused(f.operator(*rotate), FAILED, "linnet site publish")
        keys = value(self.taken(f.linnet("--json", "site", "status", f.site)))["online_keys"]
        self.assertEqual([key["role"] for key in keys], ["snapshot", "timestamp"])
        self.assertIn(keys[1]["file"], self.taken(f.linnet("site", "status", f.site)).out)
        for key in keys:
            self.assertRegex(key["file"], r"^coordinator/" + key["role"] + r"\." + key["keyid"][:8] + r"\.key$")
            shutil.copy(f.path("site", key["file"]), f.host)
        self.refused(f.operator("site", "publish"), FAILED, "neither sent nor", "--lost-files")
        self.assertIn("published", self.taken(f.operator("site", "publish", "--lost-files")).out)
        f.wait_for("the end of it", lambda: "seen before" not in self.shown(f, "pump"), seconds=60 * claims.SLOWER)
        self.taken(f.operator(*publish(self.second_model(f), "linnet-second")))  # its bytes
        third = f.write("third.gguf", f.read(MODEL) + bytes(64))
        self.taken(f.operator(*publish(third, "linnet-third")))
        os.remove(f.path("host", "timestamp.key"))
        f.restart("coordinator")
        target = SECOND.replace("second", "third")
        self.taken(f.operator("rollout", "start", "--model", target, "--canary", "0", "--confirm-seconds", "1", "--confirm-inferences", "1"))
        f.wait_for("the third model", lambda: self.active(f, "pump") == [target], seconds=60 * claims.SLOWER)
        self.assertIn("whole and signed", self.taken(f.operator("audit", "transparency")).out)
        # Whoever has the old host, at the same address, is not believed.
        f.stop("coordinator")
        self.replace("coordinator", "backup")
        f.host = f.path("stolen-host")
        f.start_coordinator()
        f.wait_for("a refusal", lambda: "timestamp: signed by 0 of the 1" in self.shown(f, "pump"), seconds=60 * claims.SLOWER)
        self.assertEqual(self.active(f, "pump"), [target])

    def shown(self, f, device):
        return self.taken(f.linnet("--json", "status", "-d", f.state(device))).out

    def first_version(self, file):
        """The same change, of a version that is long in force."""
        change = json.loads(self.fleet.read(file))
        for document in change["metadata"].values():
            document["signed"]["version"] = 1
        return self.fleet.write("old-change.json", json.dumps(change))

    def test_a_withdrawn_model_is_rolled_out_no_more(self):
        f = self.fleet
        f.start_agent("pump", f.token("pump"))
        self.taken(f.operator("rollout", "start", "--model", TARGET, "--canary", "0", "--confirm-seconds", "1", "--confirm-inferences", "1"))
        f.wait_for("the model", lambda: self.active(f, "pump") == [TARGET], seconds=60 * claims.SLOWER)
        self.refused(f.operator("model", "withdraw", "nothing"), NOT_FOUND, "nothing")
        self.assertIn("- " + TARGET, self.taken(f.operator("model", "withdraw", "linnet-starter-1")).out)
        self.refused(f.operator("rollout", "start", "--model", TARGET), NOT_FOUND, "signed")
        self.assertEqual(self.active(f, "pump"), [TARGET])
        f.restart("pump")
        f.wait_for("the same model again", lambda: self.active(f, "pump") == [TARGET])


class WithoutACoordinator(Tools):
    def setUp(self):
        self.fleet = fleet.Fleet(claims.BIN)
        self.addCleanup(self.fleet.close)
        self.fleet.init_site()
        self.taken(self.fleet.linnet(*publish(), "--offline"))

    def bundle(self, name, model=MODEL):
        dir = self.fleet.path(name)
        made = self.taken(
            self.fleet.linnet("--json", "site", "bundle", dir, "--file", model, "--confirm-seconds", "1", "--confirm-inferences", "1")
        )
        return dir, value(made)["root_sha256"]

    def update(self, device, *arguments):
        return self.fleet.run("linnet-agent", "update", *arguments, "--state-dir", self.fleet.state(device), timeout=60)

    def test_a_stick_installs_on_a_device_that_never_saw_a_network(self):
        f = self.fleet
        stick, root = self.bundle("stick")
        self.refused(self.update("pump", "--from", stick), AGENT_REFUSED, "--root", "nothing was changed")
        self.refused(self.update("pump", "--from", stick, "--root", "0" * 64), AGENT_REFUSED, "--root")
        self.refused(self.update("pump", "--from", stick, "--root", "zz"), claims.AGENT_USAGE, "64 hex digits")
        told = self.taken(self.update("pump", "--from", stick, "--root", root, "--json"))
        self.assertEqual(value(told)["target"], TARGET)
        f.start_agent("pump")
        f.wait_for("the model", lambda: self.active(f, "pump") == [TARGET])
        # The next one comes while the agent runs; keys were replaced meanwhile.
        for role, key in (("root", "1"), ("root", "2"), ("targets", "3"), ("plans", "plans")):
            self.taken(f.linnet("site", "rotate-key", role, "--key", key, "--offline"))
        self.assertIn("made ", self.taken(f.linnet("site", "rotate-key", "timestamp", "snapshot", "--offline")).out)
        second = self.second_model(f)
        # It has a suite, which travels with it.
        suite = os.path.join(os.path.dirname(MODEL), "suite.json")
        self.taken(f.linnet(*publish(second, "linnet-second"), "--suite", suite, "--suite-percent", "95", "--offline"))
        pack = f.path("second.linnet")
        self.taken(f.linnet("model", "pack", second, pack))
        newer, _ = self.bundle("newer", pack)
        f.wait_for("the trial's end", lambda: self.update("pump", "--from", newer).code == 0)
        f.wait_for("the second model", lambda: self.active(f, "pump") == [SECOND])
        self.assertEqual(f.read(f.state("pump") + "/trust.suite.json"), f.read(suite))  # what the device asked it
        f.wait_for("the trial's end", lambda: "under way" not in self.update("pump", "--from", stick).err)
        self.refused(self.update("pump", "--from", stick), AGENT_REFUSED, "older than what this device trusts", stick)
        self.assertEqual(self.active(f, "pump"), [SECOND])

    def test_a_new_version_says_what_it_costs_the_devices(self):
        f = self.fleet
        changed = ("--family", "starter", "--name", "linnet-starter", "--license", "MIT", "--offline")
        said = self.refused(f.linnet("model", "publish", self.second_model(f), *changed), FAILED, "another version")
        self.assertNotIn("update from", said.out)
        # The same model of another GGUF: other bytes in the head, which says of which file it is made.
        again = ("model", "publish", self.second_model(f), *changed, "--version", "2")
        told = value(self.taken(f.linnet("--json", *again)))
        self.assertEqual(told["update"]["from"], TARGET)
        self.assertLess(told["update"]["bytes"], told["bytes"] // 20)
        self.assertIn(f"update from {TARGET}: ", self.taken(f.linnet(*again)).out)
        self.assertNotIn("update", value(self.taken(f.linnet("--json", *publish(), "--offline"))))

    def test_what_is_wrong_with_a_stick_is_said_and_changes_nothing(self):
        f = self.fleet
        stick, root = self.bundle("stick")
        model = next(
            os.path.join(folder, name)
            for folder, _, names in os.walk(stick)
            for name in names
            if name.endswith(".linnet")
        )
        with open(model, "r+b") as file:
            file.seek(os.path.getsize(model) // 2)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 1]))
        self.refused(self.update("pump", "--from", stick, "--root", root), AGENT_REFUSED, stick, "nothing was changed", seconds=20)
        os.remove(model)
        self.refused(self.update("pump", "--from", stick, "--root", root), AGENT_REFUSED, stick, "nothing was changed")
        self.refused(self.update("pump", "--from", f.path("none")), AGENT_REFUSED, "none", "linnet site bundle")
        os.mkdir(f.path("empty"))
        self.refused(self.update("pump", "--from", f.path("empty")), AGENT_REFUSED, "is no bundle")
        self.assertEqual(os.listdir(f.state("pump") + "/trust"), [])

    def test_a_bundle_is_only_made_of_what_is_signed(self):
        f = self.fleet
        second = self.second_model(f)
        self.refused(f.linnet("site", "bundle", f.path("b"), "--file", second), NOT_FOUND, second, "model publish")
        self.refused(f.linnet("site", "bundle", f.path("b"), "--file", f.path("none")), NOT_FOUND, "none")
        self.bundle("twice")
        self.refused(f.linnet("site", "bundle", f.path("twice"), "--file", MODEL), FAILED, "not overwritten")
        self.taken(f.linnet("model", "withdraw", TARGET, "--offline"))
        self.refused(f.linnet("site", "bundle", f.path("b"), "--file", MODEL), NOT_FOUND, "model publish")
        self.assertFalse(os.path.exists(f.path("b")))


if __name__ == "__main__":
    claims.main()
