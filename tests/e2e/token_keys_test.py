"""Offline keys that lie on a PKCS#11 token, with a real one in software (SoftHSM2) and OpenSSL's engine: a site whose shares move
there, a device that follows, and tokens that are gone, locked against us, or hold another key than they did."""

import json
import os
import shutil
import subprocess
import unittest

import claims
import fleet
from bad_site_test import publish
from claims import BAD_DATA, FAILED, MODEL, REFUSED, UNREACHABLE, UNSUPPORTED

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "135792468"
MISSING = [tool for tool in ("softhsm2-util", "openssl") if shutil.which(tool) is None]


def uri(key):
    return f"pkcs11:token=linnet;object={key}"


@unittest.skipIf(MISSING, f"NOT SHOWN: no {', '.join(MISSING)} here (deploy/install-packages.sh fast)")
class Tokens(claims.Claims):
    def setUp(self):
        self.fleet = fleet.Fleet(claims.BIN)
        self.addCleanup(self.fleet.close)
        self.use_tokens("tokens")
        self.fleet.environment["PKCS11_MODULE_PATH"] = MODULE
        self.pin = ("--token-pin-file", self.fleet.write("pin", PIN + "\n"))

    def use_tokens(self, folder):
        """Another folder of tokens: what is plugged in."""
        os.makedirs(self.fleet.path(folder), exist_ok=True)
        self.fleet.environment["SOFTHSM2_CONF"] = self.fleet.write(
            folder + ".conf", f"directories.tokendir = {self.fleet.path(folder)}\nobjectstore.backend = file\nlog.level = ERROR\n"
        )

    def softhsm(self, *arguments):
        subprocess.run(("softhsm2-util", *arguments), env=self.fleet.environment, check=True, capture_output=True, timeout=30)

    def make_token(self):
        self.softhsm("--init-token", "--free", "--label", "linnet", "--so-pin", "87654321", "--pin", PIN)

    def make_key(self, name, number, algorithm=("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")):
        path = self.fleet.path("to-import.pem")
        subprocess.run(("openssl", "genpkey", *algorithm, "-out", path), check=True, capture_output=True, timeout=30)
        self.softhsm("--import", path, "--token", "linnet", "--label", name, "--id", number, "--pin", PIN)

    def rotate(self, role, key, name, **options):
        more = () if key is None else ("--key", key)
        return self.fleet.operator("site", "rotate-key", role, *more, "--token-key", uri(name), *self.pin, **options)

    def tokens_of_site(self):
        status = json.loads(self.taken(self.fleet.linnet("--json", "site", "status")).out)
        return {file["path"].split("/")[1].split(".")[0]: file["token"] for file in status["key_files"] if "token" in file}

    def take_shares_away(self):
        """So that the shares on the token are needed."""
        for name in ("root-3", "targets-3"):
            os.remove(f"{self.fleet.site}/offline/{name}.key")

    def test_shares_move_to_a_token_and_a_device_follows(self):
        f = self.fleet
        self.make_token()
        for number, name in enumerate(("root-1", "targets-2", "plans", "models")):
            self.make_key(name, f"0{number}")
        f.start_coordinator()
        f.start_agent("pump", f.token("pump"))
        self.taken(f.operator(*publish()))  # before the move
        self.taken(self.rotate("root", "root-1", "root-1"))
        self.take_shares_away()
        self.taken(self.rotate("targets", "2", "targets-2"))
        self.taken(self.rotate("plans", None, "plans"))
        self.taken(self.rotate("models/starter", None, "models"))
        self.assertEqual(
            self.tokens_of_site(),
            {"root-1": uri("root-1"), "targets-2": uri("targets-2"), "plans": uri("plans"), "models-starter": uri("models")},
        )
        said = self.taken(f.linnet("site", "status")).out
        self.assertIn("lies on a token: " + uri("root-1"), said)
        # Nothing of the token's keys is in the folder, and no PIN anywhere.
        for folder, _, names in os.walk(f.site):
            for name in names:
                self.assertNotIn(PIN.encode(), f.read(folder, name), name)
        second = f.write("second.gguf", f.read(MODEL) + bytes(32))
        published = self.taken(f.operator(*publish(second, name="linnet-second"), *self.pin))
        self.assertNotIn(PIN, published.out + published.err)
        target = "models/starter/linnet-second-1.linnet"
        self.taken(f.operator("rollout", "start", "--model", target, "--canary", "0", "--confirm-seconds", "1", "--confirm-inferences", "1", *self.pin))

        def active():
            models = json.loads(self.taken(f.linnet("--json", "model", "list", "-d", f.state("pump"))).out).get("models", [])
            return [m["name"] for m in models if m.get("active")]

        f.wait_for("the model that the token signed", lambda: active() == [target], seconds=60 * claims.SLOWER)
        # The same key counts once, whatever its place.
        self.refused(self.rotate("root", "root-2", "root-1"), FAILED, "already")
        # And back: a key in a file takes the token's place.
        self.taken(f.operator("site", "rotate-key", "plans", *self.pin))
        self.taken(f.operator("site", "renew", "plans"))

    def test_a_site_begins_on_a_token(self):
        f = self.fleet
        self.make_token()
        self.make_key("root-1", "01")
        self.make_key("plans", "02")
        keys = ("--token-key", "root-1=" + uri("root-1"), "--token-key", "plans=" + uri("plans"))
        init = ("site", "init", f.site, "--no-passphrase")
        self.refused(f.linnet(*init, *keys), FAILED, "--token-pin-file", "LINNET_TOKEN_PIN")
        self.refused(f.linnet(*init, "--token-key", "root-1=" + uri("none"), *self.pin), UNREACHABLE, "root-1", "none")
        self.refused(f.linnet(*init, "--token-key", "models=" + uri("plans"), *self.pin), BAD_DATA, "models", "root-1")
        twice = ("--token-key", "root-1=" + uri("plans"), "--token-key", "root-2=" + uri("plans"))
        self.refused(f.linnet(*init, *twice, *self.pin), BAD_DATA, "root-2 and root-1", "same key")
        self.assertFalse(os.path.exists(f.site))
        self.taken(f.linnet(*init, *keys, environment={"LINNET_TOKEN_PIN": PIN}))
        self.assertEqual(self.tokens_of_site(), {"root-1": uri("root-1"), "plans": uri("plans")})
        f.start_coordinator()
        self.taken(f.operator("site", "renew", "plans", "root", *self.pin))

    def test_a_token_that_cannot_sign_is_one_clear_line_and_changes_nothing(self):
        f = self.fleet
        self.make_token()
        self.make_key("plans", "01")
        self.make_key("root-1", "02")
        self.make_key("rsa", "03", ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"))
        self.make_key("other-curve", "04", ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"))
        f.start_coordinator()
        for name, says in (("rsa", "RSA"), ("other-curve", "another curve")):
            self.refused(self.rotate("plans", None, name), BAD_DATA, says, "P-256")
        for bad, says in (("file:/key", "pkcs11:"), ("pkcs11:token=linnet", "object="), ("pkcs11:object=plans", "token="),
                          (uri("plans") + "?pin-value=" + PIN, "query"), (uri("pl ans"), "%XX")):  # fmt: skip
            result = f.operator("site", "rotate-key", "plans", "--token-key", bad, *self.pin)
            self.refused(result, BAD_DATA, says)
            self.assertNotIn(PIN, result.err)
        self.refused(self.rotate("plans", None, "none"), UNREACHABLE, uri("none"), "plug it in")
        self.taken(self.rotate("plans", None, "plans"))
        self.taken(self.rotate("root", "1", "root-1"))
        renew = ("site", "renew", "plans")
        before = self.taken(f.linnet("--json", "site", "status")).out

        self.refused(f.operator(*renew), FAILED, "--token-pin-file", "PIN")
        wrong = f.operator(*renew, "--token-pin-file", f.write("wrong", "999999"))
        self.refused(wrong, REFUSED, "wrong PIN", uri("plans"), ".key")
        self.assertNotIn("999999", wrong.err)
        self.refused(f.operator(*renew, "--token-pin-file", f.write("short", "13")), REFUSED, "wrong PIN")
        self.refused(f.operator(*renew, "--token-pin-file", f.write("none", "\n")), BAD_DATA, "PIN")
        no_engine = {"OPENSSL_ENGINES": f.path("nothing")}
        self.refused(f.operator(*renew, *self.pin, environment=no_engine), UNSUPPORTED, "libengine-pkcs11-openssl")

        self.use_tokens("empty")  # unplugged
        self.refused(f.operator(*renew, *self.pin), UNREACHABLE, uri("plans"), "plug it in", "plans: signed 0 of 1")
        # Two other shares of root are here: the one on the token is not needed, not even to replace it.
        self.taken(f.operator("site", "renew", "root"))
        os.remove(f"{f.site}/offline/root-3.key")
        self.refused(f.operator("site", "renew", "root"), UNREACHABLE, uri("root-1"), "signed 1 of 2")
        out = self.taken(f.operator("site", "renew", "root", "--out", f.path("change.json"))).out
        self.assertIn("plug it in", out)
        self.use_tokens("tokens")
        self.taken(f.operator("site", "sign", f.path("change.json"), *self.pin))

        self.use_tokens("swapped")  # a token of the same name, with other keys under the same names
        self.make_token()
        self.make_key("plans", "01")
        self.refused(f.operator(*renew, *self.pin), REFUSED, uri("plans"), "another key", "nothing was signed")
        after = json.loads(self.taken(f.linnet("--json", "site", "status")).out)
        version = {role["role"]: role["version"] for role in after["roles"]}
        self.assertEqual(version["plans"], {r["role"]: r["version"] for r in json.loads(before)["roles"]}["plans"])

        self.use_tokens("tokens")
        self.taken(f.operator(*renew, *self.pin))
        (file,) = [n for n in os.listdir(f.site + "/offline") if n.startswith("plans.") and n != "plans.key"]
        whole = f.read("site/offline", file)
        for damaged in (whole[:-20], whole.replace(b"plans", b"plant"), b'{"linnet-token-key":1}'):
            f.write(f"site/offline/{file}", damaged)
            self.refused(f.operator(*renew, *self.pin), BAD_DATA, file, "damaged")
        f.write(f"site/offline/{file}", whole)
        self.taken(f.operator(*renew, *self.pin))


if __name__ == "__main__":
    claims.main()
