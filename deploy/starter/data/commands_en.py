"""English action clauses. A clause is a base-form verb phrase ("turn on OBJ PLACE") or a short form ("OBJ on PLACE"); wording: wording_en.py."""

import re

from data.context import blind, heat, light, plug, timer
from data.noise import invented
from data.template import draw
from data.wording_en import (BLIND_CLOSE, BLIND_HALF, BLIND_NUM, BLIND_OBJ, BLIND_OPEN, BLIND_SHORT, BRIGHTNESS_FULL, BRIGHTNESS_HALF, BRIGHTNESS_NUM, HEAT_NUM, HEAT_OBJ,
                             HEAT_SHORT, HERE_PLACES, HERE_PLACES_HELD, LIGHT_OBJ, LIGHT_OFF, LIGHT_ON, LIGHT_SHORT, PLUG_OFF, PLUG_ON, PLUG_SHORT, ROOM_PLACES,
                             ROOM_PLACES_HELD, TIMER, TIMER_SHORT, UNITS)


def place(c, share=0.3):
    """(room value for the call, place phrase, the room as a noun)."""
    if c.rng.random() < share:
        return "here", c.pick(HERE_PLACES, HERE_PLACES_HELD, 0.1), c.rng.choice(["this room", "the room", "it here", "this place"])
    room = c.slot("R")
    return room, c.pick(ROOM_PLACES, ROOM_PLACES_HELD, 0.15).replace("ROOM", room), c.rng.choice(["", "the ", "my "]) + room


_CARRIES = re.compile(r"\b(on|off|out|up|down|open|closed|degrees|percent|timer|halfway|half|bright|brightness)\b")


def odd_verb(c, phrase):
    """Now and then an invented verb, where the other words carry the meaning: teaches to read those ("flerm the light off")."""
    first, _, rest = phrase.partition(" ")
    if c.held or c.scoring or c.rng.random() > 0.14 or not _CARRIES.search(rest) or first in ("half", "shut", "close"):
        return phrase
    return invented(c.rng) + " " + rest


def prefixed(c, phrase, on, thing):
    """Now and then an invented verb that only its prefix tells ("disflerm the light")."""
    if c.held or c.scoring or c.rng.random() > 0.03:
        return phrase
    return c.rng.choice(["en", "re", "em"] if on else ["dis", "de", "un", "dis"]) + invented(c.rng) + " " + thing


def fill(c, phrase, objects, where):
    """Fills OBJ PLACE ROOM; now and then the room stands before the object or at the very front."""
    room, place_text, noun = where
    if "ROOM" in phrase:
        return phrase.replace("ROOM", noun)
    obj = c.rng.choice(objects) if objects else ""
    if place_text and room != "here" and "OBJ" in phrase and c.rng.random() < 0.25:
        obj = c.rng.choice(["the ", "", "the ", "my "]) + room + " " + obj.replace("the ", "").replace("all ", "").replace("my ", "")
        place_text = ""
    phrase = phrase.replace("OBJ", obj)
    if place_text and c.rng.random() < 0.08:
        return place_text + " " + phrase.replace("PLACE", "")
    return phrase.replace("PLACE", place_text)


def kind(c):
    return c.rng.choices(["light", "bright", "blind", "heat", "plug", "timer"], [30, 16, 20, 15, 17, 10])[0]


def clause(c, form, where=None, which=None):
    """One clause. form: "base" (a verb phrase) or "short". Returns (text, calls)."""
    rng, short = c.rng, form == "short"
    which = which or kind(c)
    if which in ("light", "bright", "blind", "heat"):
        where = where or place(c)
        room = where[0]
    if which == "light":
        on = rng.random() < 0.55
        phrase = draw(rng, c.pick(*(LIGHT_SHORT[on] if short else LIGHT_ON if on else LIGHT_OFF)))
        return fill(c, phrase if short else prefixed(c, odd_verb(c, phrase), on, "OBJ PLACE"), LIGHT_OBJ, where), [light(room, on=on)]
    if which == "bright":
        roll = rng.random()
        if roll < 0.6:
            n = c.slot("N")
            phrase = odd_verb(c, draw(rng, c.pick(*BRIGHTNESS_NUM))) if not short else "OBJ PLACE [to] NUM percent"
            return fill(c, draw(rng, phrase).replace("NUM", n), LIGHT_OBJ, where), [light(room, brightness=n)]
        value, phrases = (50, BRIGHTNESS_HALF) if roll < 0.8 else (100, BRIGHTNESS_FULL)
        return fill(c, draw(rng, c.pick(*phrases)), LIGHT_OBJ, where), [light(room, brightness=value)]
    if which == "blind":
        roll = rng.random()
        if roll < 0.2 and not short:
            n = c.slot("N")
            return fill(c, odd_verb(c, draw(rng, c.pick(*BLIND_NUM))).replace("NUM", n), BLIND_OBJ, where), [blind(room, n)]
        value = 0 if roll < 0.52 else 100 if roll < 0.85 else 50
        phrases = BLIND_SHORT[value] if short else {0: BLIND_OPEN, 100: BLIND_CLOSE, 50: BLIND_HALF}[value]
        phrase = draw(rng, c.pick(*phrases))
        return fill(c, phrase if short else odd_verb(c, phrase), BLIND_OBJ, where), [blind(room, value)]
    if which == "heat":
        n = c.slot("N")
        phrase = draw(rng, c.pick(*HEAT_SHORT)) if short else odd_verb(c, draw(rng, c.pick(*HEAT_NUM)))
        phrase = phrase.replace("NUM", n)
        return fill(c, phrase, HEAT_OBJ, where), [heat(room, n)]
    if which == "plug":
        device, on = c.slot("D"), rng.random() < 0.5
        phrase = draw(rng, c.pick(*PLUG_SHORT[on])) if short else prefixed(c, odd_verb(c, draw(rng, c.pick(*(PLUG_ON if on else PLUG_OFF)))), on, "DEV")
        return phrase.replace("DEV", rng.choice(["", "the ", "my ", "", "our "]) + device), [plug(device, on)]
    unit, n = rng.choice(["seconds", "minutes", "minutes", "hours"]), c.slot("N")
    phrase = draw(rng, c.pick(*(TIMER_SHORT if short else TIMER)))
    return phrase.replace("NUM", n).replace("UNIT", rng.choice(UNITS[unit])), [timer(unit, n)]
