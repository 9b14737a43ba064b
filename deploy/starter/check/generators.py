"""The checker over what the generators emit: python3 -m check.generators [COUNT]. Slots are filled as the agent fills them."""

import collections
import json
import random
import re
import sys

from check.checker import Checker
from check.spelling import or_skip
from data import recipe, report

DEVICES = ["press-line-3", "boiler-room", "Pumpe Nord", "conveyor 21", "Halle 4", "linnet-07", "cold-store", "Ofen 2"]
UNITS = ["m/s²", "mm/s", "°C", "bar", "hPa", "A", "V", "W", "kW", "%", "l/min", "rpm", "Hz", "mm", ""]


def fill_report(rng, lang, prompt, answer):
    """(text, given names) with numbers and times as agent/answer/catalog writes them."""
    number = lambda: (f"{rng.choice([1, 1.5, 0.837, 12, 35, 215.25, -4.5]):g}").replace(".", "," if lang == "de" else ".")
    unit, device = rng.choice(UNITS), rng.choice(DEVICES)
    count = rng.choice([1, 2, 12, 45])
    duration = {"en": [f"{count} minute{'s' * (count > 1)}", "1 hour 5 minutes", "2 days 1 hour"], "de": [f"{count} Minute{'n' * (count > 1)}", "1 Stunde 5 Minuten", "2 Tagen 1 Stunde"]}[lang]
    label = re.search(r"sensor: (.*)", prompt).group(1)
    values = {"device": device, "sensor": label.split(" ", 1)[1] if lang == "de" else label, "value": f"{number()} {unit}".strip(), "baseline": f"{number()} {unit}".strip(), "axis": rng.choice("XYZ"),
              "duration": rng.choice(duration), "since": f"{rng.randrange(24):02d}:{rng.randrange(60):02d}"}
    return re.sub(r"\{(\w+)\}", lambda m: values[m.group(1)], answer), [device, unit]


def texts(rng, lang, task):
    """(texts, given) of one example; a recipe's title is checked with a full stop."""
    if task == "report":
        prompt, answer, _ = report.example(rng, lang, rng.choice(["train", "seen", "unseen"]))
        text, given = fill_report(rng, lang, prompt, answer)
        return [text], given
    prompt, answer, _ = recipe.example(rng, lang, rng.choice(["train", "seen", "unseen"]))
    stock = recipe.stock_of(prompt)
    dish = json.loads(answer)
    return [recipe.fill(dish["title"], stock) + "."] + [recipe.fill(s, stock) for s in dish["steps"]], [name for name, _ in stock if name not in recipe.NAMES[lang]]


def main(count):
    worst = 0.0
    for task in ("report", "recipe"):
        for lang in ("en", "de"):
            rng, checker, bad, total, seen = random.Random(f"check {task} {lang}"), Checker(lang), 0, 0, collections.Counter()
            for _ in range(count):
                items, given = texts(rng, lang, task)
                for text in items:
                    found = checker.complaints(text, given)
                    total, bad = total + 1, bad + bool(found)
                    if found and not seen[found[0]]:
                        print(f"  {found[0]}: {text}")
                    seen.update(found[:1])
            checker.close()
            print(f"{task} {lang}: {count} answers, {total} texts, {bad} with a complaint ({100 * bad / total:.2f} %)")
            worst = max(worst, bad / total)
    return worst


if __name__ == "__main__":
    sys.exit(or_skip(lambda: main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000) >= 0.02))
