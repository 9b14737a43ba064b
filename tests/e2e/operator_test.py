"""What operators do to rollouts, and what their log shows afterwards: real programs, one device."""

import json
import re
import sqlite3

import claims
import fleet
from bad_site_test import publish
from claims import BAD_DATA, FAILED, NOT_FOUND, REFUSED, TARGET, USAGE

QUICK = ("--soak-seconds", "1", "--confirm-seconds", "1", "--confirm-inferences", "1")


class Rollouts(claims.Claims):
    @classmethod
    def setUpClass(cls):
        cls.fleet = fleet.Fleet(claims.BIN)
        cls.addClassCleanup(cls.fleet.close)
        cls.fleet.start_coordinator()
        cls.fleet.must(cls.fleet.operator(*publish()))
        for name in ("fridge", "press"):
            cls.fleet.token(name)  # known by name when it enrols; here only tokens, no agents

    def rollout(self, *arguments, **options):
        return self.fleet.operator("rollout", *arguments, **options)

    def json(self, *arguments):
        return json.loads(self.taken(self.fleet.operator("--json", "rollout", *arguments)).out)

    def test_1_a_plan_is_explained_before_it_is_signed(self):
        out = self.taken(self.rollout("plan", "--model", TARGET, "--canary", "0", "--explain")).out
        self.assertIn("not signed", out)
        self.refused(self.rollout("plan", "--model", "models/none/x.linnet", "--canary", "0"), NOT_FOUND, "models/none")
        self.refused(self.rollout("plan", "--model", TARGET, "--canary", "3"), FAILED, "3 canaries")
        self.refused(self.rollout("plan"), NOT_FOUND, "no rollout")

    def test_2_pause_and_resume(self):
        self.taken(self.rollout("start", "--model", TARGET, "--canary", "0", *QUICK))
        self.assertIn("since", self.taken(self.rollout("plan")).out)
        self.refused(self.rollout("resume"), FAILED, "running", "paused")
        self.taken(self.rollout("pause"))
        self.assertEqual(self.json("status")["state"], "PAUSED")
        self.fleet.restart("coordinator")
        self.assertIn("paused by operator", self.taken(self.rollout("status")).out)
        self.taken(self.rollout("resume"))
        self.assertEqual(self.json("status")["state"], "RUNNING")
        self.taken(self.rollout("pause"))
        self.taken(self.rollout("resume"))
        self.taken(self.rollout("stop"))
        self.refused(self.rollout("resume"), FAILED, "stopped")
        history = [line["what"] for line in self.json("history")["history"]]
        self.assertEqual(history[0], "rollout running")
        self.assertEqual(len([w for w in history if w.startswith("signed lift used")]), 2, history)
        self.assertEqual(history[-1], "rollout stopped")

    def test_3_a_resume_needs_the_offline_keys(self):
        self.taken(self.rollout("start", "--model", TARGET, "--canary", "0", *QUICK))
        self.taken(self.rollout("pause"))
        with fleet.Fleet(claims.BIN) as thief:  # has the operator's folder and the coordinator's, no offline keys
            thief.must(thief.linnet("site", "init", thief.site, "--no-passphrase"))
            thief.must(thief.run("/bin/cp", "-a", self.fleet.site + "/operator", thief.site))
            for command in (("resume",), ("start", "--model", TARGET, "--canary", "0"), ("rollback", "--to", TARGET)):
                result = thief.linnet("rollout", *command, "--admin", self.fleet.admin)
                self.refused(result, (FAILED, REFUSED, NOT_FOUND))
            self.taken(thief.linnet("rollout", "stop", "--admin", self.fleet.admin))  # less is allowed
        self.assertEqual(self.json("status")["state"], "STOPPED")

    def test_4_a_rollback_needs_a_model_to_go_back_to(self):
        self.refused(self.rollout("rollback"), NOT_FOUND, "--to")
        self.refused(self.rollout("rollback", "--to", "models/starter/none.linnet"), NOT_FOUND, "none.linnet")
        self.refused(self.rollout("rollback", "--to", "models/other/x.linnet"), BAD_DATA, "family")
        self.refused(self.rollout("rollback", "--to", TARGET), BAD_DATA, "the one before")

    def test_5_the_audit_is_whole_and_a_change_shows(self):
        head_file = self.fleet.path("head")
        first = self.taken(self.fleet.operator("audit", "verify", "--head-file", head_file)).out
        kept = re.search(r"head (\d+:[0-9a-f]{64})", first).group(1)
        self.assertEqual(self.fleet.read("head").decode().strip(), kept)
        self.fleet.token("later")
        self.taken(self.fleet.operator("audit", "verify", "--head-file", head_file))
        self.taken(self.fleet.operator("audit", "verify", "--head", kept))
        self.assertIn("create token", self.taken(self.fleet.operator("audit", "list", "--limit", "1")).out)
        for wrong in ("", "7", "x:y", kept + "0"):
            self.refused(self.fleet.operator("audit", "verify", "--head", wrong or " "), BAD_DATA, "--head")
        self.refused(self.fleet.operator("audit", "verify", "--head", kept, "--head-file", head_file), USAGE, "--head")
        database = sqlite3.connect(self.fleet.path("coordinator", "fleet.db"), timeout=10)
        last, = database.execute("SELECT max(id) FROM audit").fetchone()
        row = database.execute("SELECT * FROM audit WHERE id = ?", (last,)).fetchone()

        def changed(sql, *parameters):
            database.execute(sql, parameters)
            database.commit()

        # Its tail is lost: only the head shows it.
        changed("DELETE FROM audit WHERE id = ?", last)
        self.taken(self.fleet.operator("audit", "verify"))
        self.refused(self.fleet.operator("audit", "verify", "--head-file", head_file), BAD_DATA, "tail is lost")
        changed("INSERT INTO audit VALUES(?, ?, ?, ?, ?, ?)", *row)
        self.taken(self.fleet.operator("audit", "verify", "--head-file", head_file))
        # An entry is changed.
        changed("UPDATE audit SET actor = 'eve' WHERE id = 3")
        self.refused(self.fleet.operator("audit", "verify"), BAD_DATA, "audit entry 3")
        self.refused(self.fleet.operator("--json", "audit", "verify"), BAD_DATA, "audit entry 3")
        # And the coordinator does not go on with it.
        self.fleet.stop("coordinator")
        with self.assertRaises(fleet.NotReady) as refused:
            self.fleet.start_coordinator()
        self.assertIn("audit entry 3", refused.exception.result.err)
        changed("UPDATE audit SET actor = 'operator' WHERE id = 3")
        database.close()


class WithDevices(claims.Claims):
    def test_the_model_before_comes_back_as_the_newest_release(self):
        with fleet.Fleet(claims.BIN) as site:
            site.start_coordinator()
            site.start_agent("fridge", site.token("fridge"))
            site.must(site.operator(*publish()))
            site.must(site.operator("rollout", "start", "--model", TARGET, *QUICK))
            site.must(site.operator("rollout", "watch", timeout=60))
            with open(claims.MODEL, "rb") as file:
                other = site.write("other.gguf", file.read() + bytes(32))
            site.must(site.operator(*publish(other, name="linnet-other")))
            second = TARGET.replace("linnet-starter", "linnet-other")
            # The canary's key as the device itself shows it; another is refused, whoever says it.
            device = json.loads(site.must(site.linnet("--json", "status", "-d", site.state("fridge"))).out)
            key = device["fleet_key_sha256"]
            self.assertIn(key, site.must(site.linnet("status", "-d", site.state("fridge"))).out)
            start = ("rollout", "start", "--model", second, *QUICK, "--canary-device")
            self.refused(site.operator(*start, "fridge=" + "0" * 64), FAILED, key, "linnet status")
            self.refused(site.operator(*start, "fridge=" + key[1:]), BAD_DATA, "NAME=KEY")
            self.assertIn(f"key {key}  fridge", site.must(site.operator(*start, "fridge=" + key)).out)
            self.assertIn(key, site.must(site.operator("rollout", "plan", "--explain")).out)
            site.must(site.operator("rollout", "watch", timeout=60))
            explained = json.loads(site.must(site.operator("--json", "rollout", "plan", "--explain")).out)
            self.assertEqual([d["name"] for d in explained["devices"]], ["fridge"])
            self.assertTrue(explained["devices"][0]["when"].startswith("passed on "), explained)
            site.must(site.operator("rollout", "rollback", *QUICK))
            site.must(site.operator("rollout", "watch", timeout=60))
            rollouts = json.loads(site.must(site.operator("--json", "rollout", "list")).out)["rollouts"]
            self.assertEqual([r["state"] for r in rollouts], ["SUPERSEDED", "ROLLED_BACK", "COMPLETED"])
            self.assertEqual(rollouts[2]["model_sha256"], rollouts[0]["model_sha256"])
            self.assertNotEqual(rollouts[2]["model_target"], rollouts[0]["model_target"])
            status = json.loads(site.must(site.linnet("--json", "status", "-d", site.state("fridge"))).out)
            self.assertIn(rollouts[0]["model_sha256"], json.dumps(status))
            history = site.must(site.operator("rollout", "history", rollouts[1]["id"])).out
            self.assertIn("rollout rolled back", history)
            site.must(site.operator("audit", "verify"))
            # One log of what was published for all: the device's head of it is the coordinator's.
            shown = site.must(site.linnet("status", "-d", site.state("fridge"))).out
            head = re.search(r"log +([0-9]+:[0-9a-f]{64})\n", shown).group(1)
            kept = site.path("log.head")
            transparency = ("audit", "transparency")
            self.assertIn("whole and signed", site.must(site.operator(*transparency, "--head-file", kept)).out)
            said = site.must(site.operator(*transparency, "--head", head, "--head-file", kept)).out
            self.assertIn("continues all 2 given heads", said)
            other = head[:-1] + ("1" if head[-1] == "0" else "0")
            self.refused(site.operator(*transparency, "--head", other), BAD_DATA, "does not continue", other)
            self.refused(site.operator(*transparency, "--head", "7"), BAD_DATA, "--head", "SIZE:HASH")
            self.assertIn("forgotten", site.must(site.linnet("device", "forget-log", "-d", site.state("fridge"))).out)


if __name__ == "__main__":
    claims.main()
