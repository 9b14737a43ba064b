"""Sites, operators and enrolment tokens, given what they must refuse."""

import hashlib
import json
import os
import shutil
import subprocess
import time

import claims
import fleet
from claims import AGENT_TOKEN, AGENT_USAGE, BAD_DATA, FAILED, MODEL, NOT_FOUND, REFUSED, TARGET, UNREACHABLE, USAGE

PASSPHRASE = "correct horse battery staple"


def publish(path=MODEL, family="starter", name="linnet-starter"):
    return ("model", "publish", path, "--family", family, "--name", name, "--license", "Apache-2.0")


class Sites(claims.Claims):
    @classmethod
    def setUpClass(cls):
        cls.fleet = fleet.Fleet(claims.BIN)
        cls.addClassCleanup(cls.fleet.close)
        cls.fleet.start_coordinator()

    def tearDown(self):
        self.taken(self.fleet.operator("device", "list"))  # whatever was refused, the coordinator goes on

    def test_site_is_never_overwritten(self):
        before = self.fleet.read("site/offline/root-1.key")
        result = self.fleet.linnet("site", "init", self.fleet.site, "--no-passphrase")
        self.refused(result, FAILED, self.fleet.site, "not overwritten")
        self.assertEqual(before, self.fleet.read("site/offline/root-1.key"))

    def test_named_folder_holds_over_the_environment(self):
        self.taken(self.fleet.linnet("site", "init", self.fleet.path("other"), "--no-passphrase"))
        self.assertTrue(os.path.exists(self.fleet.path("other", "site.json")))

    def test_site_in_an_unwritable_place_is_refused(self):
        self.refused(self.fleet.linnet("site", "init", "/proc/site", "--no-passphrase"), (FAILED, NOT_FOUND), "/proc/site")

    def test_passphrase_that_is_missing_short_or_absent_is_refused(self):
        new = self.fleet.path("never")
        self.refused(self.fleet.linnet("site", "init", new), FAILED, "--passphrase-file", "LINNET_PASSPHRASE")
        for content in ("", "\n", "short\n"):
            path = self.fleet.write("short", content)
            self.refused(self.fleet.linnet("site", "init", new, "--passphrase-file", path), BAD_DATA, "passphrase")
        none = self.fleet.path("none")
        self.refused(self.fleet.linnet("site", "init", new, "--passphrase-file", none), NOT_FOUND, none)
        self.assertFalse(os.path.exists(new))

    def test_sealed_keys_open_only_with_their_passphrase(self):
        with fleet.Fleet(claims.BIN) as sealed:
            right = sealed.write("right", PASSPHRASE + "\n")
            sealed.must(sealed.linnet("site", "init", sealed.site, "--passphrase-file", right, timeout=60))
            sealed.start_coordinator()
            wrong = sealed.write("wrong", "wrong " + PASSPHRASE)
            result = sealed.operator(*publish(), "--passphrase-file", wrong)
            self.refused(result, REFUSED, "wrong passphrase", ".key", seconds=10)
            self.assertNotIn(PASSPHRASE, result.err)
            self.refused(sealed.operator(*publish()), FAILED, "--passphrase-file", "LINNET_PASSPHRASE")
            self.taken(sealed.operator(*publish(), "--passphrase-file", right))
            for folder, _, names in os.walk(sealed.site + "/offline"):
                for name in names:
                    with open(os.path.join(folder, name), "rb") as file:
                        self.assertNotIn(b"BEGIN PRIVATE KEY", file.read(), name)

    def test_signed_release_never_changes(self):
        self.taken(self.fleet.operator(*publish()))
        other = self.fleet.write("other.gguf", self.fleet.read(MODEL) + bytes(32))
        self.refused(self.fleet.operator(*publish(other)), FAILED, TARGET, "another version")
        self.taken(self.fleet.operator(*publish()))

    def test_a_release_that_fails_its_own_suite_is_not_signed(self):
        suite = self.fleet.write("suite.json", json.dumps({"linnet_suite": 1, "cases": [
            {"name": "lamp", "prompt": "a", "expect": {"absent": "zebra"}},
            {"name": "never", "prompt": "a", "expect": {"equals": "zebra"}}]}).encode())
        with_suite = (*publish(name="asked"), "--suite", suite)
        self.refused(self.fleet.operator(*with_suite), FAILED, "1 of 2", "100 % must be", "failed: never")
        taken = json.loads(self.taken(self.fleet.operator("--json", *with_suite, "--suite-percent", "50")).out)
        self.assertEqual(taken["suite"], {"cases": 2, "passed": 1, "least_ppm": 500000})
        # What is signed never changes, its suite neither.
        self.refused(self.fleet.operator(*publish(name="asked")), FAILED, "another suite")
        wrong = self.fleet.write("wrong.json", b'{"linnet_suite": 1, "cases": [{"prompt": "a"}]}')
        self.refused(self.fleet.operator(*publish(name="wrong"), "--suite", wrong), BAD_DATA, wrong, "case 1", "expect")
        missing = self.fleet.path("missing.json")
        self.refused(self.fleet.operator(*publish(name="wrong"), "--suite", missing), NOT_FOUND, missing)

    def test_a_gguf_is_packed_and_the_pack_is_what_is_signed(self):
        before = sorted(os.listdir(self.fleet.site))
        published = json.loads(self.taken(self.fleet.operator("--json", *publish())).out)
        pack = self.fleet.path("pack.linnet")
        self.taken(self.fleet.linnet("model", "pack", MODEL, pack, "--force"))
        digest = hashlib.sha256(self.fleet.read(pack)).hexdigest()
        self.assertEqual((published["target"], published["packed"]), (TARGET, True))
        self.assertEqual((published["sha256"], published["bytes"]), (digest, os.path.getsize(pack)))
        said = self.taken(self.fleet.operator(*publish())).out
        self.assertIn(f"packed {MODEL}: 1.", said)
        self.assertIn("sha256 " + digest, said)
        # The pack itself is taken as it is.
        again = json.loads(self.taken(self.fleet.operator("--json", *publish(pack))).out)
        self.assertEqual((again["sha256"], again["packed"]), (digest, False))
        self.assertEqual(sorted({*os.listdir(self.fleet.site), "indexes"}), sorted({*before, "indexes"}))  # no pack stays

    def test_packing_shows_its_progress_on_a_terminal_and_an_error_once(self):
        broken = self.fleet.write("broken.gguf", self.fleet.read(MODEL)[:100000])
        for path, says, lines in ((MODEL, "packing", 0), (broken, broken, 1)):
            ours, terminal = os.openpty()
            command = [os.path.join(self.fleet.bin, "linnet"), *publish(path), "--admin", self.fleet.admin]
            subprocess.run(command, stderr=terminal, stdout=subprocess.DEVNULL, env=self.fleet.environment, timeout=60)
            os.close(terminal)
            drawn = os.read(ours, 1 << 16).decode()
            os.close(ours)
            self.assertIn(says, drawn)
            self.assertEqual(drawn.count("linnet: "), lines, drawn)

    def test_what_no_device_would_take_is_not_signed(self):
        before = sorted(os.listdir(self.fleet.site))
        pack = self.fleet.path("sound.linnet")
        self.taken(self.fleet.linnet("model", "pack", MODEL, pack, "--force"))
        sound = self.fleet.read(pack)
        damaged = bytearray(sound)
        damaged[-(64 << 10)] ^= 1  # in a piece of it that a start does not look at
        cases = (
            ("damaged.linnet", bytes(damaged), "checksum"),
            ("cut.linnet", sound[:-100], "cut short"),
            ("cut.gguf", self.fleet.read(MODEL)[:-100000], "cut"),
            ("junk", b"no model at all", "GGUF"),
            ("empty", b"", "GGUF"),
        )
        for name, content, says in cases:
            path = self.fleet.write(name, content)
            self.refused(self.fleet.operator(*publish(path, name="unsound")), BAD_DATA, path, says)
        self.assertEqual(sorted(os.listdir(self.fleet.site)), before)
        start = ("rollout", "start", "--model", "models/starter/unsound-1.linnet")
        self.refused(self.fleet.operator(*start), NOT_FOUND, "signed")

    def test_models_with_wrong_names_or_no_file_are_refused(self):
        self.refused(self.fleet.operator(*publish(family="../x")), BAD_DATA, "../x")
        self.refused(self.fleet.operator(*publish(name="")), BAD_DATA, "name")
        self.refused(self.fleet.operator(*publish(self.fleet.dir)), BAD_DATA, "folder")
        self.refused(self.fleet.operator(*publish(self.fleet.path("none"))), NOT_FOUND, "none")

    def test_foreign_operators_are_refused(self):
        foreign = self.fleet.path("foreign")
        self.taken(self.fleet.linnet("site", "init", foreign, "--no-passphrase"))
        result = self.fleet.operator("device", "list", "--site", foreign)
        self.refused(result, REFUSED, "key is not the one")
        # One who knows our coordinator's pin, but whose certificate another site signed.
        shutil.copy(self.fleet.site + "/operator/coordinator.pin", foreign + "/operator/coordinator.pin")
        result = self.fleet.operator("device", "token", "burglar", "--site", foreign)
        self.refused(result, (REFUSED, UNREACHABLE))
        self.assertNotIn("burglar", self.taken(self.fleet.operator("device", "list")).out)

    def test_unknown_rollouts_models_and_devices_are_named(self):
        start = ("rollout", "start", "--model")
        self.refused(self.fleet.operator(*start, "models/none/none-1.linnet"), NOT_FOUND, "signed")
        self.refused(self.fleet.operator("rollout", "watch", "0" * 32), NOT_FOUND, "rollout")
        self.refused(self.fleet.operator("rollout", "stop", "0" * 32), NOT_FOUND, "0" * 32)
        self.refused(self.fleet.operator("rollout", "watch"), NOT_FOUND, "rollout")
        self.refused(self.fleet.operator("device", "revoke", "nobody"), NOT_FOUND, "nobody")
        self.taken(self.fleet.operator(*publish()))
        self.refused(self.fleet.operator(*start, TARGET, "--canary", "500"), FAILED, "500")
        self.refused(self.fleet.operator(*start, TARGET, "--canary-device", "ghost"), NOT_FOUND, "ghost")

    def test_coordinator_that_does_not_run_is_said_so(self):
        result = self.fleet.linnet("device", "list", "--admin", "127.0.0.1:1")
        self.refused(result, UNREACHABLE, "not reachable", "127.0.0.1:1")
        self.refused(self.fleet.linnet("device", "list", "--site", self.fleet.path("none")), NOT_FOUND, "--site")


class Tokens(claims.Claims):
    @classmethod
    def setUpClass(cls):
        cls.fleet = fleet.Fleet(claims.BIN)
        cls.addClassCleanup(cls.fleet.close)
        cls.fleet.start_coordinator()

    def devices(self):
        return self.taken(self.fleet.operator("device", "list")).out

    def test_names_that_are_none_are_refused(self):
        for name in ("Bad Name", "", "a" * 64, "küche", "a\nb", "../a"):
            self.refused(self.fleet.operator("device", "token", name), BAD_DATA, "device name", "a-z")
        self.refused(self.fleet.operator("device", "token", "a", "--ttl", "-1"), USAGE, "--ttl")
        self.refused(self.fleet.operator("device", "token", "a", "--ttl", "99999999"), BAD_DATA, "604800")

    def test_expired_token_enrols_nobody(self):
        token = self.fleet.token("late", ttl=1)
        time.sleep(1.2)
        result = self.fleet.run_agent("late", "--token", token)
        self.refused(result, AGENT_TOKEN, "expired", "linnet device token")
        self.assertNotIn(token, result.err)
        self.assertNotIn("late", self.devices())

    def test_used_token_enrols_no_second_device(self):
        token = self.fleet.token("first")
        self.fleet.start_agent("first", token)
        result = self.fleet.run_agent("second", "--token", token)
        self.refused(result, AGENT_TOKEN, "used by another device", "linnet device token")
        self.assertEqual(self.devices().count("first"), 1)
        self.taken(self.fleet.linnet("status", "-d", self.fleet.state("first")))
        self.fleet.restart("first")  # the same device may come again with it

    def test_foreign_token_sends_nothing(self):
        with fleet.Fleet(claims.BIN) as foreign:
            foreign.start_coordinator()
            token = foreign.token("stray")
            foreign.stop("coordinator")
            # Our coordinator now answers at the address that the foreign token names.
            ours, before = self.fleet, self.fleet.fleet
            ours.stop("coordinator")
            ours.fleet = foreign.fleet
            ours.start_coordinator()
            result = ours.run_agent("stray", "--token", token)
            self.refused(result, AGENT_TOKEN, "not the coordinator that the token names")
            self.assertNotIn("stray", self.devices())
            ours.stop("coordinator")
            ours.fleet = before
            ours.start_coordinator()

    def test_mistyped_cut_and_garbage_tokens_are_told_apart_from_refused_ones(self):
        token = self.fleet.token("typo")
        middle = len(token) // 2
        mistyped = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]
        for wrong in (mistyped, token[:-3], token + "A", "linnet1-", "garbage", b"\xff\xfe", "A" * 100_000, "linnet2-x"):
            result = self.fleet.run_agent("typo", "--token", wrong)
            self.refused(result, AGENT_USAGE, "enrolment token")
        self.assertNotIn("typo", self.devices())
        self.fleet.start_agent("typo", token)  # it was not used up


if __name__ == "__main__":
    claims.main()
