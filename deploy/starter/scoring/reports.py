"""Reports: heldout/report_*.jsonl (check/held.py), answered by the agent's code. Figures are counts of wrong answers among `from the model`."""

import json
import math
import os
import re
from decimal import Decimal

from check import held
from check.rules import report_complete, report_fits
from data import report
from scoring import texts

NUMBER = re.compile(r"-?\d+(?:[.,:]\d+)*")
NOT_SPOKEN = re.compile(r"[0-9%/()\[\]{}°²³+*=_#<>]")


def plain(value):
    """The shortest decimal of a double, without an exponent."""
    text = format(Decimal(repr(float(value))), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def statistic(value):
    """Three significant digits, halves away from zero; digits before the point stay."""
    if value == 0:
        return value
    scale = 10 ** min(9, max(0, 2 - math.floor(math.log10(abs(value)))))
    return math.copysign(math.floor(abs(value) * scale + 0.5) / scale, value)


def report_numbers(q):
    """The numbers that this report may say, in order of no importance."""
    comma = lambda v: plain(v).replace(".", "," if q["lang"] == "de" else ".")
    unsteady = q["direction"] == "unsteady"
    want = [comma(statistic(q["value"]) if unsteady else q["value"]), comma(statistic(q["baseline"]))]
    facts, s = held.report_facts(q), q["seconds"]
    if "since" in facts:
        want.append(q["start"][11:16])
    if "duration" in facts:
        days, hours, minutes = s // 86400, s // 3600 % 24, s // 60 % 60
        pair = (days, hours) if days else (hours, minutes) if hours else (minutes, s % 60 if minutes < 5 else 0)
        want += [str(n) for n in pair if n]
    return sorted(want + NUMBER.findall(q["device"].replace("-", " ")) + 2 * NUMBER.findall(q["unit"]))


def taught_reports(q):
    """Every text that the generator could give for this question, filled."""
    english, german, gender, _, _ = held.KINDS[q["kind"]]
    facts, s, de = held.report_facts(q), q["seconds"], q["lang"] == "de"
    comma = lambda v: (plain(v).replace(".", ",") if de else plain(v)) + " " + q["unit"]
    pair = [(s // 86400, 0), (s // 3600 % 24, 1), (s // 60 % 60, 2), (s % 60, 3)]
    first = next(i for i, (n, _) in enumerate(pair) if n)
    words = [("Tag", "Tagen", "day", "days"), ("Stunde", "Stunden", "hour", "hours"), ("Minute", "Minuten", "minute", "minutes"), ("Sekunde", "Sekunden", "second", "seconds")]
    kept = [pair[first]] + [p for p in pair[first + 1:first + 2] if p[0] and not (first == 2 and pair[2][0] >= 5)]
    duration = " ".join(f"{n} {words[i][(0 if de else 2) + (n != 1)]}" for n, i in kept)
    value = statistic(q["value"]) if q["direction"] == "unsteady" else q["value"]
    fill = {"device": q["device"], "sensor": german if de else english, "value": comma(value), "baseline": comma(statistic(q["baseline"])), "axis": q["axis"].upper(), "duration": duration, "since": q["start"][11:16]}
    for form in report.FORMS:
        yield re.sub(r"\{(\w+)\}", lambda m: fill[m.group(1)], report.answer(q["lang"], q["direction"], q["severity"], facts, form, gender))


def judge(q, a, checker):
    english, german = held.KINDS[q["kind"]][:2]
    text, label = a["text"], german if q["lang"] == "de" else english
    said = NUMBER.findall(text.replace(q["device"], q["device"].replace("-", " ")))
    return {"numbers wrong": sorted(said) != report_numbers(q), "names wrong": text.count(q["device"]) != 1 or text.count(label) < 1, "advice does not fit": not report_fits(a["prompt"], text),
            "ungrammatical": bool(checker.complaints(text, [q["device"], q["unit"]])), "speech has figures": bool(NOT_SPOKEN.search(a["speech"])),
            "not as taught": text not in set(taught_reports(q)), "prompt differs": a["prompt"] != held.report_prompt(q)}


def figures(tool, folder, samples):
    result = {}
    for lang in ("en", "de"):
        with open(os.path.join(folder, f"report_{lang}.jsonl"), encoding="utf-8") as source:
            lines = [json.loads(line) for line in source]
        result[f"report {lang}"] = texts.count("report", lang, lines, tool.ask(lines), judge, report_complete, samples)
    return result
