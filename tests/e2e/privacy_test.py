"""Nothing of a user's data reaches the coordinator, or any log."""

import json
import os
import re
import sqlite3

import claims
import fleet
from bad_site_test import publish
from claims import TARGET

STOCK = ["quincegrove", "sallowfish", "brindlebeans"]
ROOMS = ["zimmerwald", "ostergang"]
CHANNEL = "flumevibration"
UTTERANCES = ["Turn on the light in the zimmerwald", "Is the light on in the ostergang?", "What can I cook with brindlebeans?",
              "What is wrong with the flumevibration?", "Erzaehle mir von Tante Xylophania"]  # fmt: skip


class Privacy(claims.Claims):
    def test_coordinator_and_logs_hold_none_of_it(self):
        with fleet.Fleet(claims.BIN) as site:
            site.environment["LINNET_LOG"] = "debug"
            site.start_coordinator()
            site.start_agent("home", site.token("home"))
            device = ("-d", site.state("home"))
            stock = [{"name": name, "quantity": 1, "days_left": 2} for name in STOCK]
            site.must(site.linnet("inventory", site.write("stock.json", json.dumps(stock)), *device))
            rooms = {"rooms": [{"name": name, "state": {"light": "off"}} for name in ROOMS]}
            site.must(site.linnet("entities", site.write("rooms.json", json.dumps(rooms)), *device))
            rows = "".join(f"{1_700_000_000 + 10 * i},{CHANNEL},mm/s,{987.125 if i > 800 else i % 7}\n" for i in range(1000))
            site.must(site.linnet("ingest", site.write("rows.csv", "h\n" + rows), *device))
            site.must(site.operator(*publish()))
            site.must(site.operator("rollout", "start", "--model", TARGET, "--soak-seconds", "1", "--confirm-seconds", "1", "--confirm-inferences", "1"))
            site.must(site.operator("rollout", "watch", timeout=60))
            answers = []
            for text in UTTERANCES:
                answers.append(self.taken(site.linnet("ask", text, *device)).out)
                site.linnet("ask", text + " " + "x" * 600, *device)  # what is refused is not logged either
            self.taken(site.linnet("generate", "Dear Xylophania,", "--max-tokens", "8", *device))
            grant = site.pair("home", grant="zweitgeraet")

            report = json.loads(self.taken(site.linnet("--json", "privacy", "report", *device)).out)
            self.journal_is_whole(report, site)

            words = [w.lower() for w in STOCK + ROOMS + [CHANNEL, "987.125", "xylophania", "zweitgeraet"]]
            words += [a.split("\n")[0].lower() for a in answers if len(a.split("\n")[0]) > 12]
            secrets = json.loads(site.read(grant))
            words += [secrets["bearer_token"].lower(), secrets["private_key_pem"].split("\n")[1].lower()]
            places = [site.path("logs")] + [site.path("coordinator")]
            searched = 0
            for place in places:
                for folder, _, names in os.walk(place):
                    for name in names:
                        content = site.read(folder, name).decode("latin-1").lower()
                        searched += len(content)
                        for word in words:
                            self.assertNotIn(word, content, f"{folder}/{name} holds {word!r}")
            self.assertGreater(searched, 100_000)
            for line in (site.log("home") + site.log("coordinator")).decode().split("\n"):
                if line and not re.match(r"linnet-agent ready |fleet=|admin=", line):
                    self.assertEqual(len(json.loads(line)), len(re.findall(r'(?<=[{,])"[a-z_]+":', line)), line)

    def journal_is_whole(self, report, site):
        """The report's totals are the sums of its messages, the device's own counters, and every message is in it."""
        (device,) = report["devices"]
        messages = device["messages"]
        self.assertEqual(report["user_data_bytes"], 0)
        self.assertEqual(report["fields_outside_the_list"], 0)
        with sqlite3.connect(f"file:{site.path('home', 'state.db')}?mode=ro", uri=True) as database:
            tables = [n for (n,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            (journal,) = [t for t in tables if t in ("uplink_messages", "uplink_message", "uplink", "uplink_journal")]
            count, size = database.execute(f"SELECT count(*), sum(bytes) FROM {journal}").fetchone()
        self.assertGreaterEqual(count, len(messages))  # it goes on
        self.assertGreaterEqual(size, report["total_bytes"])
        self.assertEqual(report["total_messages"], len(messages))
        self.assertEqual(report["total_bytes"], sum(int(m["bytes"]) for m in messages))
        for message in messages:
            self.assertLessEqual(sum(int(f.get("bytes", 0)) for f in message["fields"] if "." not in f["name"]), int(message["bytes"]))
        kinds = {m["message"].split(".")[-1] for m in messages}
        self.assertLessEqual({"EnrollRequest", "CheckInRequest"}, kinds)


if __name__ == "__main__":
    claims.main()
