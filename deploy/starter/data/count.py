"""How varied the intent data is: distinct utterances among 20,000 draws per language, before typos and fillers; single clauses; and how much
wording is trained and kept out."""

import random
import re

from data import frames_de, frames_en, intent, noise, nothing_de, nothing_en, questions_de, questions_en, wording_de, wording_en
from data.commands_de import clause as clause_de
from data.commands_en import clause as clause_en
from data.context import Context
from data.template import count


def lists(module):
    """Every (train, held-out) pair of a module, once."""
    found = []
    for name, value in vars(module).items():
        if not name.startswith("_"):
            for pair in value.values() if isinstance(value, dict) else [value]:
                if isinstance(pair, tuple) and len(pair) == 2 and all(isinstance(side, list) for side in pair):
                    found.append(pair)
    return found


def wordings(side):
    """A phrase is as many wordings as it has expansions; a German verb is one with its particle."""
    phrases = set(side)
    return sum(count(p) if isinstance(p, str) else 1 for p in phrases if isinstance(p, str)) + len({(p[2], p[3]) for p in phrases if not isinstance(p, str)})


def verbs(lang, side):
    if lang == "de":
        return {p[2] for pair in lists(wording_de) for p in pair[side] if isinstance(p, tuple)}
    found = (re.match(r"\(?([a-z|]+)", p) for name, pair in vars(wording_en).items() if re.match("LIGHT_O|BRIGHT|BLIND_[OCHN]|HEAT_N|PLUG_O|TIMER$", name) and isinstance(pair, tuple) for p in pair[side])
    return {v for match in found if match for v in match.group(1).split("|")}


if __name__ == "__main__":
    noise.fillers = lambda rng, lang, text: text
    noise.slips = lambda rng, lang, text: text
    for lang, clause, form, modules in (("en", clause_en, "base", (wording_en, questions_en, frames_en, nothing_en)), ("de", clause_de, "imp", (wording_de, questions_de, frames_de, nothing_de))):
        rng = random.Random(1)
        whole = {intent.example(rng, lang)[0] for _ in range(20000)}
        kinds = {k: len({intent.example(rng, lang, "train", k)[0] for _ in range(5000)}) for k in intent.KINDS}
        bare = set()
        for _ in range(20000):
            text, _ = clause(Context(rng), form)
            bare.add(" ".join("{}" if w.startswith("{") else w for w in text.split()))
        print(f"{lang}: {len(whole)} distinct of 20000; of 5000 per kind {kinds}; single command clauses of one form, without frame: {len(bare)}")
        print(f"    verbs trained {len(verbs(lang, 0))}, kept out of every phrase {len(verbs(lang, 1) - verbs(lang, 0))}")
        for module in modules:
            pairs = lists(module)
            train, held = sum(wordings(t) for t, _ in pairs), sum(wordings(h) for _, h in pairs)
            entries = sum(len(set(t)) for t, _ in pairs), sum(len(set(h)) for _, h in pairs)
            print(f"    {module.__name__}: entries trained {entries[0]}, kept out {entries[1]} ({100 * entries[1] / sum(entries):.0f} %); wordings trained {train}, kept out {held}")
