"""The held-out questions for reports and recipes: python3 -m check.held FOLDER writes 500 a task and language, lines for tests/answer/lines.

A fixed seed: the same bytes everywhere. Reports: prompts that training never draws (data/report.py keeps a tenth
out by checksum). Recipes: the food that must be used first is one that training never names."""

import json
import os
import random
import sys
import zlib

from data import report
from data.stock import STOCK

COUNT = 500
# kind: (English, German, article, units, largest value)
KINDS = {
    "vibration": ("vibration", "Vibration", "f", ["m/s²", "mm/s", "g"], 40), "temperature": ("temperature", "Temperatur", "f", ["°C", "°F", "K"], 300), "pressure": ("pressure", "Druck", "m", ["bar", "hPa", "kPa"], 1100),
    "current": ("current", "Strom", "m", ["A", "mA"], 60), "humidity": ("humidity", "Luftfeuchte", "f", ["%"], 100), "speed": ("speed", "Drehzahl", "f", ["rpm", "1/min", "Hz"], 6000),
    "level": ("level", "Füllstand", "m", ["m", "%", "l"], 90), "flow": ("flow", "Durchfluss", "m", ["l/min", "m³/h"], 250), "power": ("power", "Leistung", "f", ["W", "kW"], 2500), "voltage": ("voltage", "Spannung", "f", ["V", "mV"], 400)}
DEVICES = ["press-line-3", "cold-store-2", "Bandsäge West", "mixer 12", "Kessel Süd", "linnet-07", "Pumpe 3/b", "hall-4-fan", "Verdichter", "lathe A", "Silo 21", "Presse Ost"]
SEVERITY = ["info", "warning", "critical"]


def report_facts(line):
    """Which of the optional slots this question has (agent/answer/report.cc)."""
    return [f for f, has in (("axis", line.get("axis")), ("duration", line["seconds"] >= 60), ("since", line["seconds"] < 72000)) if has]


def report_prompt(line):
    english, german, gender, _, _ = KINDS[line["kind"]]
    return report.prompt(line["lang"], german if line["lang"] == "de" else english, line["direction"], line["severity"], report_facts(line), report.FORMS[line["sequence"] % 6], gender)


def report_line(rng, lang):
    while True:
        kind = rng.choice(list(KINDS))
        units, top = KINDS[kind][3:]
        number = lambda: round(rng.uniform(-top / 10 if kind == "temperature" else 0, top), rng.choice([0, 1, 2, 4]))
        line = {"task": "report", "lang": lang, "device": rng.choice(DEVICES), "kind": kind, "direction": rng.choice(report.STATES), "severity": rng.choice(SEVERITY), "value": number(), "baseline": number(),
                "unit": rng.choice(units), "axis": rng.choice(["", "", "x", "y", "z"]), "z": 9.5, "sequence": rng.randrange(1, 600), "seconds": rng.choice([5, 45, 60, 125, 720, 3660, 7265, 20000, 71000, 90000, 400000]),
                "start": f"2026-03-{rng.randrange(1, 29):02d}T{rng.randrange(24):02d}:{rng.randrange(60):02d}:00Z"}
        if zlib.crc32(report_prompt(line).encode()) % 10 == 0:
            return line


def recipe_line(rng, lang):
    stock, names = [], set()
    savoury = rng.random() < 0.75
    kinds = [k for k in STOCK[lang] if (k not in ("fruit", "sweet", "flour") if savoury else k in ("fruit", "sweet", "flour", "dairy", "nut", "egg"))]
    for i in range(rng.randrange(1, 8)):
        kind = rng.choice(kinds) if i or savoury else rng.choice(["fruit", "sweet"])
        train, held = STOCK[lang][kind]
        name = rng.choice(held if i == 0 or rng.random() < 0.3 else train)
        if name not in names:
            names.add(name)
            item = {"name": name, "quantity": rng.choice([1, 2, 0.5, 250, 400]), "unit": rng.choice(["", "g", "ml", "kg"])}
            if i == 0 or rng.random() < 0.7:
                item["days"] = 0 if i == 0 else rng.randrange(1, 30)
            stock.append(item)
    rng.shuffle(stock)
    return {"task": "recipe", "lang": lang, "stock": stock}


def lines(task, lang, count=COUNT):
    rng = random.Random(f"held {task} {lang}")
    return [json.dumps((report_line if task == "report" else recipe_line)(rng, lang), ensure_ascii=False) for _ in range(count)]


if __name__ == "__main__":
    for task_name in ("report", "recipe"):
        for language in ("en", "de"):
            with open(os.path.join(sys.argv[1], f"{task_name}_{language}.jsonl"), "w", encoding="utf-8") as out:
                out.write("".join(line + "\n" for line in lines(task_name, language)))
