"""Requests that ask for too much, the wrong thing, or without the right to."""

import http.client
import json
import os
import socket
import sqlite3
import ssl
import time

import claims
import fleet
from bad_site_test import publish
from claims import BAD_DATA, ENTITIES, INVENTORY, MODEL, NOT_FOUND, REFUSED, TARGET, UNREACHABLE, USAGE

LIGHT = "Is the light on in the kitchen?"


class Requests(claims.Claims):
    @classmethod
    def setUpClass(cls):
        cls.fleet = fleet.Fleet(claims.BIN)
        cls.addClassCleanup(cls.fleet.close)
        cls.fleet.start_coordinator()
        cls.ready = cls.fleet.start_agent("home", cls.fleet.token("home"))
        cls.device = ("-d", cls.fleet.state("home"))
        cls.grant = cls.fleet.pair("home")
        cls.fleet.must(cls.fleet.operator(*publish()))
        cls.fleet.must(cls.fleet.operator("rollout", "start", "--model", TARGET, "--soak-seconds", "1", "--confirm-seconds", "1", "--confirm-inferences", "1"))
        cls.fleet.must(cls.fleet.operator("rollout", "watch", timeout=60))
        cls.fleet.must(cls.fleet.linnet("entities", ENTITIES, *cls.device))
        cls.fleet.must(cls.fleet.linnet("inventory", INVENTORY, *cls.device))
        cls.answer = cls.ask(LIGHT).out

    @classmethod
    def ask(cls, text, *more, device=None):
        return cls.fleet.linnet("ask", text, *more, *(device or cls.device))

    def tearDown(self):
        self.assertEqual(self.taken(self.ask(LIGHT)).out, self.answer)  # nothing was lost

    def file(self, command, name, content, *more):
        return self.fleet.linnet(command, self.fleet.write(name, content), *more, *self.device)


class Models(Requests):
    def test_a_device_takes_no_gguf_from_anybody(self):
        push = ("model", "push", MODEL, *self.device)
        self.refused(self.fleet.linnet(*push), REFUSED, MODEL, "is a GGUF", "linnet model publish")
        self.refused(self.fleet.linnet(*push, "--as", TARGET), REFUSED, MODEL, "is a GGUF", "linnet model publish")
        pack = self.fleet.path("pack.linnet")
        self.taken(self.fleet.linnet("model", "pack", MODEL, pack))
        self.assertIn(TARGET, self.taken(self.fleet.linnet("model", "push", pack, *self.device)).out)


class Words(Requests):
    def test_unknown_device_is_named(self):
        self.refused(self.ask(LIGHT, device=("-d", "ghost")), NOT_FOUND, "ghost", "paired")
        self.refused(self.ask(LIGHT, device=("-d", self.fleet.path("none.json"))), NOT_FOUND, "none.json")
        self.refused(self.ask(LIGHT, device=("-d", self.fleet.dir)), UNREACHABLE, "running")
        self.refused(self.fleet.linnet("ask", LIGHT), USAGE, "--device")
        for content in ("{", "[]", "{}", b"\xff", '{"address": 1}'):
            path = self.fleet.write("grant.json", content)
            self.refused(self.ask(LIGHT, device=("-d", path)), BAD_DATA, path)

    def test_text_that_is_none_or_too_long_is_refused(self):
        self.refused(self.ask(b"\xff\xfe"), USAGE, "argument 2", "utf-8")
        for empty in ("", "   ", "\n"):
            self.refused(self.ask(empty), BAD_DATA, "no words")
        self.refused(self.ask("x" * 100_000), BAD_DATA, "100000 bytes", "at most 500")
        self.refused(self.fleet.linnet("generate", "word " * 20_000, *self.device), (BAD_DATA, 8), "tokens")
        self.refused(self.ask("a", "--kind", "poem"), USAGE, "poem")
        self.refused(self.ask("a", "--anomaly", "77"), NOT_FOUND, "77")

    def test_sampling_is_the_callers_and_its_mistakes_are_named(self):
        def generate(*settings):
            words = [word for setting in settings for word in ("--sampling", setting)]
            return self.fleet.linnet("generate", "Once", "--max-tokens", "12", "--temperature", "2", "--seed", "3", *words, *self.device)

        story = self.taken(generate("top_k=0", "samplers=top_k;temperature", "logit_bias=65:2.5;66:never")).out
        self.assertEqual(self.taken(generate("top_k=0", "samplers=top_k;temperature", "logit_bias=65:2.5;66:never")).out, story)
        for setting, says in (
            ("top_k", "name=value"),
            ("top_z=1", "typical_p"),
            ("top_k=many", "uint32"),
            ("xtc_probability=2", "xtc_probability"),
            ("samplers=top_z", "top_z"),
            ("logit_bias=65", "logit_bias"),
            ("mirostat=1", "mirostat"),
        ):
            self.refused(generate(setting), (USAGE, BAD_DATA), says)

    def test_temperature_out_of_range_becomes_no_action(self):
        for text in ("set the bedroom to 400 degrees", "set the bedroom to -400 degrees", "Stelle das Schlafzimmer auf 99 Grad"):
            answer = json.loads(self.taken(self.ask(text, "--kind", "intent")).out.split("\n")[1])
            self.assertNotIn("set", json.dumps(answer), text)

    def test_recording_with_wrong_lines_is_refused_by_line(self):
        first = "time,channel,unit,value\n1000,{0},C,1\n"
        for name, line, says in (
            ("text", "soon,a,C,1", "not a time"),
            ("negative", "-5,a,C,1", "not a time"),
            ("far", "1e30,a,C,1", "not a time"),
            ("value", "1001,a,C,hot", "not a number"),
            ("overflow", "1001,a,C,1e999", "not a number"),
            ("columns", "1001,a,C,1,2", "expected time"),
            ("binary", b"1001,\xff\xfe,C,1", "utf-8"),
            ("long", "1" * 2_000_000, "expected time"),
        ):
            body = first.format("bad-" + name).encode() + (line if isinstance(line, bytes) else line.encode()) + b"\n"
            with self.subTest(line=name):
                self.refused(self.file("ingest", name + ".csv", body), BAD_DATA, name + ".csv:3", says)
        for name, content in (("empty", ""), ("header", "time,channel,unit,value\n"), ("noise", os.urandom(5000))):
            self.refused(self.file("ingest", name + ".csv", content), BAD_DATA, name + ".csv")
        self.refused(self.fleet.linnet("ingest", self.fleet.dir, *self.device), BAD_DATA, "folder")
        self.refused(self.fleet.linnet("ingest", self.fleet.path("none.csv"), *self.device), NOT_FOUND, "none.csv")

    def test_readings_that_are_none_or_late_are_counted_and_the_first_is_told(self):
        rows = "h\n100,late,C,1\n50,late,C,2\n101,late,C,nan\n102,late,C,inf\n103,late,C,3\n"
        said = self.taken(self.file("ingest", "late.csv", rows)).out
        self.assertIn("2 readings taken, 3 rejected", said)
        self.assertIn("is not after", said)
        said = self.taken(self.file("ingest", "name.csv", "h\n1," + "n" * 1000 + ",C,1\n")).out
        self.assertIn("0 readings taken, 1 rejected", said)

    def test_stock_that_is_malformed_is_refused_by_item(self):
        for content, says in (
            ("{", "not json"), ("null", "list"), ("{}", "list"), ("[1]", "item 0"), ("[{}]", "name"),
            ('[{"name":1}]', "name"), ('[{"name":"a","quantity":"x"}]', "quantity"), ('[{"name":"a","quantity":-1}]', "quantity"),
            ('[{"name":"a","quantity":1e999}]', "json"), ('[{"name":"a","days_left":1e30}]', "days_left"),
            ('[{"name":"a","days_left":1.5}]', "days_left"), ('[{"name":"a","days_left":99999999999}]', "days_left"),
            ("[" * 100_000, "json"), (b"\xff", "json"), (b'[{"name":"\xff"}]', "json"),
            ('[{"name":"' + "a" * 5000 + '"}]', "name"), ('[{"name":"a\\u0000b"}]', "name"),
            (json.dumps([{"name": f"i{i}"} for i in range(5000)]), "5000"),
        ):  # fmt: skip
            with self.subTest(content=content[:60]):
                self.refused(self.file("inventory", "stock.json", content), BAD_DATA, says)

    def test_rooms_that_are_malformed_are_refused(self):
        for content, says in (
            ("[]", "expected"), ('{"rooms":1}', "rooms"), ('{"rooms":[1]}', "rooms[0]"), ('{"rooms":[{"name":1}]}', "name"),
            ('{"rooms":[{}]}', "name"), ('{"rooms":[{"name":"a","aliases":1}]}', "aliases"),
            ('{"rooms":[{"name":"a","aliases":[1]}]}', "alias"), ('{"rooms":[{"name":"a","state":1}]}', "state"),
            ('{"own_room":"zzz","rooms":[{"name":"a"}]}', "own_room"), (b"\xff", "json"),
        ):  # fmt: skip
            with self.subTest(content=content[:60]):
                self.refused(self.file("entities", "rooms.json", content), BAD_DATA, says)


class Rights(Requests):
    def test_grant_opens_its_scopes_and_no_more(self):
        low = ("-d", self.fleet.pair("home", "ask", "low"))
        self.taken(self.ask(LIGHT, device=low))
        pair = ("device", "pair", "--name", "more", "--out", self.fleet.path("never.json"))
        self.refused(self.fleet.linnet(*pair, *low), REFUSED, "manage")
        self.refused(self.fleet.linnet("device", "grants", *low), REFUSED, "manage")
        self.refused(self.fleet.linnet("status", *low), REFUSED, "metrics")
        self.refused(self.fleet.linnet("anomalies", *low), REFUSED, "read-data")
        self.refused(self.fleet.linnet("inventory", INVENTORY, *low), REFUSED, "ingest")
        self.refused(self.fleet.linnet("privacy", "report", *low), REFUSED, "read-data")
        readings = self.fleet.write("one.csv", "h\n1000,a,C,1\n")
        self.refused(self.fleet.linnet("ingest", readings, *low), REFUSED, "ingest")
        self.assertFalse(os.path.exists(self.fleet.path("never.json")))

    def test_revoked_and_expired_grants_open_nothing(self):
        path = self.fleet.pair("home", "ask", "lost")
        with open(path, encoding="utf-8") as file:
            grant = json.load(file)["grant"]
        self.taken(self.fleet.linnet("device", "revoke-grant", grant, *self.device))
        self.refused(self.ask(LIGHT, device=("-d", path)), REFUSED, "revoked")
        self.refused(self.fleet.linnet("device", "revoke-grant", "nope", *self.device), NOT_FOUND, "grant")
        short = self.fleet.path("short.json")
        pair = ("device", "pair", "--name", "short", "--valid-seconds", "1", "--out", short)
        self.taken(self.fleet.linnet(*pair, *self.device))
        time.sleep(2)
        self.refused(self.ask(LIGHT, device=("-d", short)), REFUSED, "expired")

    def test_grants_with_wrong_names_or_scopes_are_not_made(self):
        out = self.fleet.path("never.json")
        for more in (("--name", ""), ("--name", "a\nb"), ("--name", "x" * 200), ("--name", "x", "--scopes", "root")):
            result = self.fleet.linnet("device", "pair", *more, "--out", out, *self.device)
            self.refused(result, BAD_DATA, "scope" if "root" in more else "name")
        self.assertFalse(os.path.exists(out))

    def test_fleet_certificate_opens_nothing_at_the_owners_door(self):
        with open(self.grant, encoding="utf-8") as file:
            forged = json.load(file)
        keys = os.listdir(self.fleet.path("home", "identity"))
        key = self.fleet.read("home", "identity", keys[0]).decode()
        chain = self.fleet_certificate(key)
        forged.update(private_key_pem=key, certificate_pem=chain, bearer_token="")
        path = self.fleet.write("forged.json", json.dumps(forged))
        for command in (("status",), ("ask", LIGHT), ("device", "grants"), ("anomalies",), ("generate", "a")):
            self.refused(self.fleet.linnet(*command, "-d", path), (REFUSED, UNREACHABLE))
        # Nor does an operator's.
        forged.update(private_key_pem=self.fleet.read("site/operator/operator.key").decode(),
                      certificate_pem=self.fleet.read("site/operator/operator.pem").decode())  # fmt: skip
        path = self.fleet.write("forged.json", json.dumps(forged))
        self.refused(self.ask(LIGHT, device=("-d", path)), (REFUSED, UNREACHABLE))
        # And none at all opens no more.
        del forged["certificate_pem"]
        self.refused(self.ask(LIGHT, device=("-d", self.fleet.write("forged.json", json.dumps(forged)))), BAD_DATA)

    def fleet_certificate(self, key):
        """The certificate of the fleet that the device has for this key."""
        key = self.fleet.write("fleet.key", key)
        with sqlite3.connect(f"file:{self.fleet.path('home', 'state.db')}?mode=ro", uri=True) as database:
            tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            values = [v for (t,) in tables for row in database.execute(f'SELECT * FROM "{t}"') for v in row]
        for value in values:
            text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
            if text.startswith("-----BEGIN CERTIFICATE-----"):
                try:
                    path = self.fleet.write("fleet.pem", text)
                    ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(path, key)
                    return text
                except ssl.SSLError:
                    pass  # another key's: the root
        self.fail("no certificate of this key in state.db")

    def test_grant_of_another_device_opens_nothing(self):
        self.fleet.start_agent("neighbour")
        with open(self.fleet.pair("neighbour"), encoding="utf-8") as file:
            other = json.load(file)
        with open(self.grant, encoding="utf-8") as file:
            mine = json.load(file)
        other["address"] = mine["address"]
        path = self.fleet.write("other.json", json.dumps(other))
        self.refused(self.ask(LIGHT, device=("-d", path)), REFUSED, "another program")  # the key pinned is another
        other["server_spki_sha256"] = mine["server_spki_sha256"]
        path = self.fleet.write("other.json", json.dumps(other))
        self.refused(self.ask(LIGHT, device=("-d", path)), (REFUSED, UNREACHABLE))


class Http(Requests):
    def setUp(self):
        with open(self.grant, encoding="utf-8") as file:
            self.token = json.load(file)["bearer_token"]

    def call(self, method, path, body=None, **headers):
        begin = time.monotonic()
        connection = http.client.HTTPConnection(self.ready["http"], timeout=10)
        fields = {"Authorization": "Bearer " + self.token, **{k.replace("_", "-"): v for k, v in headers.items()}}
        connection.request(method, path, body, {k: v for k, v in fields.items() if v is not None})
        response = connection.getresponse()
        content = response.read().decode()
        connection.close()
        self.assertLess(time.monotonic() - begin, 5 * claims.SLOWER)
        return response.status, content

    def error(self, status, code, *request, **headers):
        got, content = self.call(*request, **headers)
        self.assertEqual(got, status, content)
        self.assertEqual(json.loads(content)["error"]["code"], code, content)
        self.assertNotIn("\n", json.loads(content)["error"]["message"])

    def chat(self, **fields):
        return json.dumps({"messages": [{"role": "user", "content": "a"}], **fields})

    def test_callers_without_a_grant_are_refused(self):
        for wrong in (None, "Bearer wrong", "Basic abc", "Bearer ", "Bearer " + "a" * 5000):
            self.error(401, "invalid_api_key", "GET", "/v1/models", Authorization=wrong)
            self.error(401, "invalid_api_key", "POST", "/v1/chat/completions", self.chat(), Authorization=wrong)

    def test_web_pages_and_rebound_names_are_refused(self):
        for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", ""):
            self.error(403, "forbidden_origin", "GET", "/v1/models", Host=host)
        for origin in ("https://evil.example", "null", "http://localhost:1"):
            self.error(403, "forbidden_origin", "GET", "/v1/models", Origin=origin)

    def test_bodies_that_are_wrong_are_refused(self):
        where = ("POST", "/v1/chat/completions")
        for body in ("{", "[]", b"\xff\xfe", "[" * 100_000, ""):
            self.error(400, "invalid_json", *where, body)
        for body in ("{}", self.chat(messages=[]), self.chat(messages=[{"role": "x", "content": "a"}]),
                     self.chat(messages=[{"role": "user", "content": 1}]), self.chat(max_tokens=-1),
                     self.chat(temperature="x"), self.chat(stream="yes")):  # fmt: skip
            self.error(400, "invalid_value", *where, body)
        self.error(404, "model_not_found", *where, self.chat(model="nope"))
        self.error(400, "context_length_exceeded", *where, self.chat(messages=[{"role": "user", "content": "word " * 5000}]))
        self.error(413, "body_too_large", *where, "x" * (2 << 20))

    def test_requests_that_are_none_are_refused(self):
        self.error(404, "unknown_url", "GET", "/../etc/passwd")
        self.error(405, "method_not_allowed", "DELETE", "/v1/models")
        self.error(431, "headers_too_large", "GET", "/" + "a" * 20_000)
        for data in (b"GARBAGE\r\n\r\n", b"\x16\x03\x01\x00\x05hello\r\n\r\n",
                     b"GET /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
                     b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
                     b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n"):  # fmt: skip
            with self.connect() as door:
                door.sendall(data)
                self.assertIn(b"HTTP/1.1 400 ", door.recv(4096), data)

    def connect(self):
        host, port = self.ready["http"].rsplit(":", 1)
        door = socket.create_connection((host, int(port)))
        door.settimeout(10)
        return door

    def test_slow_callers_keep_nobody_waiting(self):
        slow = [self.connect() for _ in range(20)]
        for door in slow:
            door.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: loc")
        status, _ = self.call("GET", "/health")
        self.assertEqual(status, 200)
        for door in slow:
            door.close()


if __name__ == "__main__":
    claims.main()
