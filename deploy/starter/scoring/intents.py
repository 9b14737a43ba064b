"""Intents: heldout/intent_*.jsonl (data/heldout.py) and data/handmade.txt, answered by the agent's code.

An answer is right when all calls are, with names and numbers, in the order of the words; to nothing, when there is no call but `none`."""

import json
import os
import random
import re

from data import handmade, heldout, homes
from scoring.tool import cost, share

SETS = ("seen", "unseen", "questions", "handmade", "fresh")
READ_ONLY = ("get", "none")


def load(folder, lang, name):
    """Lines with home, kind, say and calls; handmade utterances get names as the others did."""
    if name in ("handmade", "fresh"):
        rng, known = random.Random(f"{lang} {name}"), homes.homes(lang)
        lines = []
        for prompt, answer, kind in handmade.examples(lang + (" fresh" if name == "fresh" else "")):
            say = prompt.split("say: ", 1)[1]
            words = re.sub(r"\{\w+\}|\?", " ", say).split()
            home = rng.choice([h for h in known if not homes.collides(h, words)])
            text, calls = heldout.spoken(rng, lang, say, json.loads(answer), home)
            lines.append({"home": home["home"], "kind": kind, "say": text, "calls": calls})
        return lines
    with open(os.path.join(folder, f"intent_{lang}_{name}.jsonl")) as source:
        return [json.loads(line) for line in source]


def acts(calls):
    return any(call["name"] not in READ_ONLY for call in calls)


def refused(calls):
    return not calls or calls == [{"name": "none"}]


def free_calls(answer):
    """What the model wrote with no grammar, with names and numbers for slots; None where it is no list of calls."""
    try:
        calls = json.loads(answer["free"])
        return [{k: answer["slots"].get(v, v) if isinstance(v, str) else v for k, v in call.items()} for call in calls]
    except (ValueError, AttributeError, TypeError):
        return None


def exists(calls, slots):
    """Whether every name and number of the calls was said, or is a constant or the own room."""
    said = [v for v in slots.values()] + [0, 50, 100]
    return all(call[k] in said for call in calls for k in ("room", "device", "brightness", "position", "temp", "seconds", "minutes", "hours") if k in call)


def entry(lines, answers):
    own = [a for a in answers if not a["template"]]
    wished = [(l, a) for l, a in zip(lines, answers) if l["kind"] != "nothing"]
    right = [a["calls"] == l["calls"] or refused(a["calls"]) and refused(l["calls"]) for l, a in zip(lines, answers)]
    out = {"n": len(lines), "exact": share([r and not a["template"] for r, a in zip(right, answers)])}
    for kind in ("action", "question", "nothing"):
        out[kind] = share([r and not a["template"] for r, a, l in zip(right, answers, lines) if l["kind"] == kind])
    for count in (1, 2, 3):
        out[f"actions with {count} calls"] = share([r for r, l in zip(right, lines) if l["kind"] == "action" and len(l["calls"]) == count])
    out["abstained"] = share([refused(a["calls"]) for _, a in wished])
    out["abstained by a rule of code"] = share([bool(a["refusal"]) for _, a in wished])
    out["another action or place than wished"] = share([not refused(a["calls"]) and a["calls"] != l["calls"] for l, a in wished])
    out["questions that became actions"] = sum(acts(a["calls"]) for l, a in zip(lines, answers) if l["kind"] == "question")
    out["nothing that became an action"] = share([acts(a["calls"]) for l, a in zip(lines, answers) if l["kind"] == "nothing"])
    out["names or numbers that were not said"] = sum(not exists(a["calls"], a["slots"]) for a in answers)
    out["template fall-backs"] = len(answers) - len(own)
    free = [free_calls(a) for a in answers]
    out["free: exact"] = share([f == l["calls"] for f, l in zip(free, lines)])
    out["free: no list of calls"] = sum(f is None for f in free)
    out["free: questions that became actions"] = sum(f is not None and acts(f) for f, l in zip(free, lines) if l["kind"] == "question")
    out.update(cost(answers))
    return out


def figures(tool, folder, samples):
    """{set: figures}; appends every answer to `samples`."""
    result = {}
    for lang in ("en", "de"):
        with open(os.path.join(folder, f"homes_{lang}.jsonl")) as source:
            described = [json.loads(line) for line in source]
        for name in SETS:
            lines = load(folder, lang, name)
            answers = tool.ask(described + [{"task": "intent", "lang": lang, "home": l["home"], "say": l["say"]} for l in lines])
            result[f"intent {lang} {name}"] = entry(lines, answers)
            samples += [{"set": f"intent {lang} {name}", "kind": l["kind"], "say": l["say"], "want": l["calls"], "got": a["calls"], "refusal": a["refusal"],
                         "prompt": a["prompt"], "free": a["free"]} for l, a in zip(lines, answers)]
    return result
