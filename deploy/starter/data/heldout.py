"""Writes the published held-out utterances: python3 -m data.heldout FOLDER. Fixed seeds; nothing of it is ever trained.

Three sets a language: `seen` (trained wording in combinations never trained), `unseen` (wording kept out of training) and `questions`
(questions about state, half of each), every line with real names and numbers in place of slots, and the calls that are right."""

import json
import os
import random
import re
import sys

from data import homes, intent

COUNT = 1000
_ONES_EN = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
_TENS_EN = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()
_ONES_DE = "null ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn".split()
_TENS_DE = "_ _ zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig".split()
# German words before a room, by the room's gender: (masculine or neuter, feminine).
_ARTICLES = [("im", "in der"), ("in dem", "in der"), ("vom", "von der"), ("am", "an der"), ("zum", "zur"), ("beim", "bei der"), ("aus dem", "aus der"), ("in meinem", "in meiner"),
             ("in unserem", "in unserer"), ("in deinem", "in deiner"), ("in diesem", "in dieser"), ("im ganzen", "in der ganzen")]
_THE = {"den": "m", "das": "n", "die": "f"}


def number_word(lang, n):
    if n < 20:
        return (_ONES_EN if lang == "en" else _ONES_DE)[n]
    tens, ones = divmod(n, 10)
    if lang == "en":
        return _TENS_EN[tens] + (" " + _ONES_EN[ones] if ones else "")
    return (_ONES_DE[ones] + "und" if ones else "") + _TENS_DE[tens]


def _number(rng, lang, role, taken):
    """(value, as it is said) of a number that an argument takes; none is 1, which reads as an article."""
    low, high = {"temp": (16, 29), "seconds": (5, 90), "hours": (2, 12), "minutes": (2, 59)}.get(role, (3, 99))
    while True:
        n = rng.randint(low, high)
        if n not in taken:
            break
    taken.add(n)
    roll = rng.random()
    if role == "temp" and roll < 0.15:
        return n + 0.5, f"{n}.5" if lang == "en" else f"{n},5"
    return n, number_word(lang, n) if roll > 0.7 else str(n)


def _agree(text, slot, gender):
    """Puts the words before a German name into its gender."""
    for masculine, feminine in _ARTICLES:
        for said in (masculine, feminine):
            text = re.sub(rf"\b{said} {re.escape(slot)}", f"{feminine if gender == 'f' else masculine} {slot}", text)
    for said in _THE:
        accusative = {"m": "den", "n": "das", "f": "die"}[gender]
        text = re.sub(rf"(?<!in )(?<!für )\b{said} {re.escape(slot)}", f"{accusative} {slot}", text)
    return text


def spoken(rng, lang, say, calls, home):
    """(utterance, calls) with names and numbers for slots."""
    values, taken = {}, set()
    roles = {v: k for call in calls for k, v in call.items() if isinstance(v, str) and v.startswith("{n")}
    for kind, entries in ("r", list(home["rooms"])), ("d", list(home["devices"])):
        rng.shuffle(entries)
        for slot, (name, aliases, gender) in zip(sorted(set(re.findall(r"\{%s\d\}" % kind, say))), entries):
            if gender:
                say = _agree(say, slot, gender)
            said = rng.choice(aliases) if aliases and rng.random() < 0.3 else name
            say = say.replace(slot, said if rng.random() < 0.6 else said.lower())
            values[slot] = name
    for slot in sorted(set(re.findall(r"\{n\d\}", say))):
        values[slot], said = _number(rng, lang, roles.get(slot, ""), taken)
        say = say.replace(slot, said)
    if rng.random() < 0.3:
        say = re.sub(r"(?<=\d) (percent|prozent)\b", "%", say)
    if rng.random() < 0.3:
        say = re.sub(r"(?<=\d) (degrees|grad)\b", "°C", say)
    if rng.random() < 0.4:
        say = say[0].upper() + say[1:]
    if rng.random() < 0.25 and not say.endswith("?"):
        say += "."
    out = []
    for call in calls:
        out.append({k: values.get(v, home["here"] if k == "room" and v == "here" else v) if isinstance(v, str) else v for k, v in call.items()})
    return say, out


def lines(lang, name):
    rng = random.Random(f"linnet held-out 2 {lang} {name}")
    known, out = homes.homes(lang), []
    while len(out) < COUNT:
        split = name if name != "questions" else "seen" if len(out) % 2 == 0 else "unseen"
        prompt, answer, kind = intent.example(rng, lang, split, "question" if name == "questions" else None)
        say, calls = prompt.split("say: ", 1)[1], json.loads(answer)
        words = re.sub(r"\{\w+\}|\?", " ", say).split()
        things = [(c["name"], c.get("room", c.get("device")), c.get("what")) for c in calls if c["name"] != "timer.start"]
        if len(set(things)) < len(things):
            continue  # nobody wishes twice for the same thing in one breath
        fits = [h for h in known if not homes.collides(h, words)]
        if not fits:
            continue
        home = rng.choice(fits)
        text, calls = spoken(rng, lang, say, calls, home)
        out.append({"home": home["home"], "kind": kind, "say": text, "calls": calls})
    return out


def main(folder):
    os.makedirs(folder, exist_ok=True)
    for lang in ("en", "de"):
        with open(os.path.join(folder, f"homes_{lang}.jsonl"), "w") as out:
            for home in homes.homes(lang):
                lists = {k: [[n, *a] for n, a, _ in home[k]] for k in ("rooms", "devices")}
                out.write(json.dumps({"home": home["home"], "here": home["here"], **lists}, ensure_ascii=False) + "\n")
        for name in ("seen", "unseen", "questions"):
            with open(os.path.join(folder, f"intent_{lang}_{name}.jsonl"), "w") as out:
                for line in lines(lang, name):
                    out.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
