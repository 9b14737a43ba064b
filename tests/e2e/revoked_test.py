"""A stolen device: barred at the coordinator at once, and put on a signed list that the other devices believe without asking
anybody. Real programs, three devices."""

import json
import os
import shutil
import sqlite3

import claims
import fleet
from bad_site_test import publish
from claims import AGENT_REFUSED, BAD_DATA, FAILED, MODEL, NOT_FOUND, TARGET, UNREACHABLE

QUICK = ("--soak-seconds", "1", "--confirm-seconds", "1", "--confirm-inferences", "1")
LIST = "list of revoked devices"


def value(result):
    return json.loads(result.out)


class Revoked(claims.Claims):
    @classmethod
    def setUpClass(cls):
        cls.fleet = f = fleet.Fleet(claims.BIN)
        cls.addClassCleanup(f.close)
        f.start_coordinator()
        f.must(f.operator(*publish()))
        for name in ("fridge", "press", "pump"):
            f.start_agent(name, f.token(name))

    def status(self, device):
        return value(self.taken(self.fleet.linnet("--json", "status", "-d", self.fleet.state(device))))

    def last_error(self, device):
        return self.status(device).get("last_update_error", "")

    def held(self, device):
        """Version and ids of the list in a device's own database."""
        with sqlite3.connect(f"file:{self.fleet.state(device)}/state.db?mode=ro", uri=True) as db:
            row = db.execute("SELECT version, json FROM revoked").fetchone()
        return (0, []) if row is None else (row[0], [d["device"] for d in json.loads(row[1])["devices"]])

    def device(self, name):
        devices = value(self.taken(self.fleet.operator("--json", "device", "list")))["devices"]
        return next(d for d in devices if d["name"] == name)

    def active(self, device):
        models = value(self.taken(self.fleet.linnet("--json", "model", "list", "-d", self.fleet.state(device)))).get("models", [])
        return [m["name"] for m in models if m.get("active")]

    def test_1_no_list_is_signed_before_somebody_is_revoked(self):
        f = self.fleet
        self.assertIn("no list", self.taken(f.operator("site", "revoked")).out)
        shown = value(self.taken(f.operator("--json", "site", "revoked")))
        self.assertEqual((shown["version"], shown["devices"], shown["limit"]), (0, [], 4096))
        self.refused(f.operator("device", "revoke", "nobody", "--sign"), NOT_FOUND, "nobody")
        self.refused(f.linnet("device", "revoke", "press", "--offline"), BAD_DATA, "--sign")
        self.refused(f.linnet("device", "revoke", "press", "--sign", "--offline"), BAD_DATA, "32 hex digits")
        self.assertEqual(self.held("fridge"), (0, []))

    def test_2_without_the_signature_only_the_coordinator_knows(self):
        f = self.fleet
        told = self.taken(f.operator("device", "revoke", "press"))
        self.assertIn("revoked press", told.out)
        self.assertIn("linnet device revoke press --sign", told.out)
        f.wait_for("its refusal", lambda: "revoked by an operator" in self.last_error("press"))
        shown = self.taken(f.operator("site", "revoked")).out
        self.assertIn("NOT SIGNED", shown)
        self.assertIn("press", shown)
        self.assertEqual(self.held("fridge"), (0, []))

    def test_3_the_signed_list_reaches_the_others(self):
        f = self.fleet
        press = self.device("press")
        told = value(self.taken(f.operator("--json", "device", "revoke", "press", "--sign")))
        self.assertEqual((told["id"], told["list_version"], told["devices"]), (press["id"], 1, 1))
        self.assertEqual(told["key_sha256"], press["key_sha256"])
        for name in ("fridge", "pump"):
            f.wait_for(f"{name} to hold it", lambda name=name: self.held(name) == (1, [press["id"]]), seconds=30 * claims.SLOWER)
            self.assertEqual(self.last_error(name), "")
        self.assertIn("revoked_list", f.log("fridge").decode())
        shown = value(self.taken(f.operator("--json", "site", "revoked")))
        self.assertEqual([(d["id"], d["name"]) for d in shown["devices"]], [(press["id"], "press")])
        self.assertEqual(shown["barred_but_not_signed"], [])
        self.assertIn(press["id"], self.taken(f.operator("site", "revoked")).out)
        self.assertIn(press["id"], self.taken(f.linnet("site", "revoked", "--offline")).out)
        self.assertIn("revoked by an operator", self.last_error("press"))
        # Once more is fine, and signs nothing.
        again = self.taken(f.operator("device", "revoke", "press", "--sign"))
        self.assertIn("already", again.out)
        self.assertIn("version 1", again.out)

    def test_4_rollouts_go_on_without_it(self):
        f = self.fleet
        self.taken(f.operator("rollout", "start", "--model", TARGET, "--canary", "1", *QUICK))
        self.taken(f.operator("rollout", "watch", timeout=90 * claims.SLOWER))
        for name in ("fridge", "pump"):
            f.wait_for("the model", lambda name=name: self.active(name) == [TARGET], seconds=60 * claims.SLOWER)
        self.assertEqual(self.active("press"), [])

    def test_5_the_list_holds_with_the_coordinator_gone(self):
        f = self.fleet
        held = self.held("fridge")
        f.stop("coordinator")
        f.restart("fridge")
        self.assertEqual(self.held("fridge"), held)
        f.start_coordinator()

    def test_6_a_stick_tells_the_stolen_device_and_everybody_else(self):
        f = self.fleet
        # The site's own repository caught up with the coordinator's, so that its timestamps are the newer ones.
        site, stick = f.path("stick-site"), f.path("stick")
        shutil.copytree(f.site, site)
        shutil.rmtree(site + "/coordinator/repository")
        shutil.copytree(f.path("coordinator", "repository"), site + "/coordinator/repository")
        self.taken(f.linnet("site", "bundle", stick, "--file", MODEL, "--confirm-seconds", "1", "--confirm-inferences", "1", "--site", site))
        lists = [name for _, _, names in os.walk(stick) for name in names if name.endswith(".revoked.json")]
        self.assertEqual(len(lists), 1, lists)
        update = ("update", "--from", stick, "--state-dir")
        self.refused(f.run("linnet-agent", *update, f.state("press"), timeout=60), AGENT_REFUSED, LIST, seconds=20)
        self.assertEqual(self.held("press")[0], 1)
        self.assertIn(LIST, self.last_error("press"))
        self.assertIn("this_device_is_revoked", f.log("press").decode())
        self.assertEqual(self.active("press"), [])
        f.restart("press")
        self.assertIn(LIST, self.last_error("press"))

    def test_7_another_machine_of_the_operator_signs_on_top_of_it(self):
        f = self.fleet
        other = f.path("other-site")
        shutil.copytree(f.site, other)
        shutil.rmtree(other + "/revoked")
        told = value(self.taken(f.operator("--json", "device", "revoke", "pump", "--sign", "--site", other)))
        self.assertEqual((told["list_version"], told["devices"]), (2, 2))
        f.wait_for("fridge to hold it", lambda: self.held("fridge")[0] == 2, seconds=30 * claims.SLOWER)
        self.assertEqual(len(value(self.taken(f.operator("--json", "site", "revoked")))["devices"]), 2)

    def test_8_without_the_plans_key_it_is_barred_and_the_rest_is_said(self):
        f = self.fleet
        f.start_agent("lamp", f.token("lamp"))
        f.wait_for("lamp", lambda: any(d["name"] == "lamp" for d in value(f.operator("--json", "device", "list"))["devices"]))
        keyless = f.path("keyless")
        shutil.copytree(f.site, keyless)
        os.remove(keyless + "/offline/plans.key")
        said = f.operator("device", "revoke", "lamp", "--sign", "--site", keyless)
        self.refused(said, (FAILED, NOT_FOUND), "plans")
        self.assertIn("revoked lamp", said.out)
        self.assertTrue(self.device("lamp")["revoked"])
        self.assertEqual(value(self.taken(f.operator("--json", "site", "revoked")))["barred_but_not_signed"], ["lamp"])

    def test_9_a_list_that_was_signed_with_the_coordinator_gone_is_published_later(self):
        f = self.fleet
        f.start_agent("bell", f.token("bell"))
        f.wait_for("bell", lambda: any(d["name"] == "bell" for d in value(f.operator("--json", "device", "list"))["devices"]))
        bell = self.device("bell")["id"]
        site = ("--site", f.path("other-site"))  # that signed last
        f.stop("coordinator")
        self.refused(f.operator("device", "revoke", "bell", "--sign", *site), UNREACHABLE, "coordinator", seconds=20)
        self.taken(f.linnet("device", "revoke", bell, "--sign", "--offline", *site))
        f.start_coordinator()
        self.assertIn("published", self.taken(f.operator("site", "publish", *site)).out)
        f.wait_for("fridge to hold it", lambda: bell in self.held("fridge")[1], seconds=30 * claims.SLOWER)
        # The coordinator does not read the list: the device learns it there, too, and says so.
        f.wait_for("bell's own line", lambda: LIST in self.last_error("bell"), seconds=30 * claims.SLOWER)
        self.assertIn("NOT BARRED: bell", self.taken(f.operator("site", "revoked", *site)).out)
        self.taken(f.operator("device", "revoke", "bell"))
        self.assertEqual(value(self.taken(f.operator("--json", "site", "revoked", *site)))["signed_but_not_barred"], [])
        self.assertIn(LIST, self.last_error("bell"))


if __name__ == "__main__":
    claims.main()
