"""Reads handmade.txt: a small test set in other people's words."""

import os

from data.context import NONE, answer_text, blind, get_device, get_room, heat, light, plug, timer


def _value(word):
    return {"on": True, "off": False}.get(word, int(word) if word.isdigit() else "{%s}" % word if word[0] == "n" else word)


def _slot(word):
    return word if word == "here" else "{%s}" % word


def _call(words):
    tool, *rest = words.split()
    if tool == "-":
        return NONE
    if tool == "L":
        value = _value(rest[1])
        return light(_slot(rest[0]), **({"on": value} if isinstance(value, bool) else {"brightness": value}))
    if tool == "B":
        return blind(_slot(rest[0]), _value(rest[1]))
    if tool == "H":
        return heat(_slot(rest[0]), _value(rest[1]))
    if tool == "P":
        return plug(_slot(rest[0]), _value(rest[1]))
    if tool == "T":
        return timer(rest[0], _value(rest[1]))
    return get_device(_slot(rest[0])) if len(rest) == 1 else get_room(_slot(rest[0]), rest[1])


def examples(lang):
    """[(prompt, answer, kind)] of a section ("en", "de fresh", ...) in file order."""
    rows, current = [], None
    with open(os.path.join(os.path.dirname(__file__), "handmade.txt")) as source:
        for line in source:
            line = line.strip()
            if line.startswith("["):
                current = line[1:-1]
            elif line and not line.startswith("#") and current == lang:
                said, calls = line.split(" => ")
                calls = [_call(c) for c in calls.split("; ")]
                kind = "nothing" if calls == [NONE] else "question" if calls[0]["name"] == "get" else "action"
                rows.append((f"intent {lang[:2]}\nsay: {said}", answer_text(calls), kind))
    return rows
