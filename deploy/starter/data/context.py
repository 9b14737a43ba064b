"""What one utterance is made of: symbolic slots while composing, numbered by order of appearance at the end."""

import json
import re

_REF = re.compile(r"\{([RDN])\d+\}")


class Context:
    """Hands out fresh slots; `held` says whether held-out wording must be used (scoring) or must not (training)."""

    def __init__(self, rng, held=False, scoring=False):
        self.rng = rng
        self.scoring = scoring
        self.held = held
        self.used_held = False
        self._next = 0

    def slot(self, kind):
        self._next += 1
        return "{%s%d}" % (kind, self._next)

    def pick(self, train, held=(), probability=0.6):
        """A phrase of the training list, or of the held-out list when scoring."""
        if self.held and held and self.rng.random() < probability:
            self.used_held = True
            return self.rng.choice(held)
        return self.rng.choice(train)


def number_slots(text, calls):
    """Renames {R7} to {r1} and so on, in order of appearance in `text`; the same in the calls."""
    names, counts = {}, {"R": 0, "D": 0, "N": 0}
    for match in _REF.finditer(text):
        if match.group(0) not in names:
            kind = match.group(1)
            counts[kind] += 1
            names[match.group(0)] = "{%s%d}" % (kind.lower(), counts[kind])

    def rename(value):
        return names[value] if isinstance(value, str) and _REF.fullmatch(value) else value

    text = _REF.sub(lambda m: names[m.group(0)], text)
    return text, [{k: rename(v) for k, v in call.items()} for call in calls]


def answer_text(calls):
    return json.dumps(calls, separators=(",", ":"), ensure_ascii=False)


def light(room, **what):
    return {"name": "light.set", "room": room, **what}


def blind(room, position):
    return {"name": "blind.set", "room": room, "position": position}


def heat(room, temp):
    return {"name": "heat.set", "room": room, "temp": temp}


def plug(device, on):
    return {"name": "plug.set", "device": device, "on": on}


def timer(unit, number):
    return {"name": "timer.start", unit: number}


def get_room(room, what):
    return {"name": "get", "room": room, "what": what}


def get_device(device):
    return {"name": "get", "device": device}


NONE = {"name": "none"}
