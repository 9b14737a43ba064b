"""German action clauses. A verb is (imperative, du-form, infinitive, particle); from it come all word orders:
"mach OBJ PLACE an", "OBJ PLACE anmachen", "machst du OBJ PLACE an", "OBJ PLACE anmachst", "OBJ PLACE anzumachen". Wording: wording_de.py."""

from data.context import blind, heat, light, plug, timer
from data.noise import invented
from data.template import draw
from data.wording_de import (BLIND_CLOSE, BLIND_OBJ, BLIND_OPEN, BLIND_SET, BLIND_SHORT, DIM, HEAT, HEAT_OBJ, HEAT_ROOM, HEAT_SHORT, HERE_PLACES, HERE_PLACES_HELD, LIGHT_OBJ,
                             LIGHT_OFF, LIGHT_ON, LIGHT_SHORT, PLUG_OFF, PLUG_ON, PLUG_SHORT, ROOM_PLACES, ROOM_PLACES_HELD, SET, SMALL, TIMER_ME, TIMER_OBJ, TIMER_SET,
                             TIMER_SHORT, UNITS)


def place(c, share=0.3):
    """(room value for the call, place phrase, the room as an accusative noun)."""
    if c.rng.random() < share:
        return "here", c.pick(HERE_PLACES, HERE_PLACES_HELD, 0.1), c.rng.choice(["den raum", "das zimmer", "diesen raum", "es hier"])
    room = c.slot("R")
    return room, c.pick(ROOM_PLACES, ROOM_PLACES_HELD, 0.15).replace("ROOM", room), c.rng.choice(["", "das ", "die ", "den "]) + room


def order(c, verb, form, obj, place_text, tail, small=""):
    """Puts a verb phrase into one of the five word orders."""
    imperative, du, infinitive, particle = verb
    if not c.scoring and c.rng.random() < 0.12 and (particle or "{N" in tail):  # an invented verb: the particle or the number carries the meaning
        stem = invented(c.rng)
        imperative, du, infinitive = stem, stem + "st", stem + "en"
    gap = " " if particle.startswith("nach ") or particle.endswith("en") else ""
    middle = [obj, place_text] if c.rng.random() < 0.7 else [place_text, obj]
    if tail:
        middle.append(tail)
    if form == "imp":
        words = [imperative, small, *middle, particle]
    elif form == "du":
        words = [du, "du", small, *middle, particle]
    elif form == "inf":
        words = [*middle, particle + gap + infinitive]
    elif form == "dass":
        words = [*middle, particle + gap + du]
    else:  # "zu"
        words = [*middle, particle + "zu" + infinitive if particle and not gap else particle + " zu " + infinitive]
    return " ".join(" ".join(words).split())


def short(c, phrase, objects, where):
    obj = c.rng.choice(objects) if objects else ""
    if c.rng.random() < 0.6:
        obj = obj.replace("das ", "").replace("die ", "").replace("den ", "")
    _, place_text, noun = where
    if where[0] != "here" and c.rng.random() < 0.12:
        place_text = where[0]
    return " ".join(draw(c.rng, phrase).replace("OBJ", obj).replace("PLACE", place_text).replace("ROOM", noun).split())


def kind(c):
    return c.rng.choices(["light", "bright", "blind", "heat", "plug", "timer"], [30, 16, 20, 15, 17, 10])[0]


def clause(c, form, where=None, which=None):
    """One clause. form: imp, du, inf, dass, zu or short. Returns (text, calls)."""
    rng = c.rng
    which = which or kind(c)
    small = rng.choice(SMALL) if form in ("imp", "du") else ""
    if which in ("light", "bright", "blind", "heat"):
        where = where or place(c)
        room, place_text, noun = where
    if which == "light":
        on = rng.random() < 0.55
        if form == "short":
            return short(c, c.pick(*LIGHT_SHORT[on]), LIGHT_OBJ, where), [light(room, on=on)]
        verb = c.pick(*(LIGHT_ON if on else LIGHT_OFF))
        return order(c, verb, form, rng.choice(LIGHT_OBJ), place_text, "", small), [light(room, on=on)]
    if which == "bright":
        return _bright(c, form, where, small)
    if which == "blind":
        return _blind(c, form, where, small)
    if which == "heat":
        n = c.slot("N")
        if form == "short":
            return short(c, c.pick(*HEAT_SHORT), HEAT_OBJ, where).replace("NUM", n), [heat(room, n)]
        tail = draw(rng, "auf NUM (grad|grad|grad|)").replace("NUM", n)
        if rng.random() < 0.3:
            return order(c, c.pick(*HEAT_ROOM), form, noun, "", tail, small), [heat(room, n)]
        if rng.random() < 0.15:
            return order(c, ("mach", "machst", "machen", ""), form, "es", place_text, f"{n} grad warm", small), [heat(room, n)]
        return order(c, c.pick(*HEAT), form, rng.choice(HEAT_OBJ), place_text, tail, small), [heat(room, n)]
    if which == "plug":
        device, on = c.slot("D"), rng.random() < 0.5
        named = rng.choice(["", "den ", "die ", "das ", "", "unseren ", "meine "]) + device
        if form == "short":
            return draw(rng, c.pick(*PLUG_SHORT[on])).replace("DEV", named), [plug(device, on)]
        return order(c, c.pick(*(PLUG_ON if on else PLUG_OFF)), form, named, "", "", small), [plug(device, on)]
    return _timer(c, form, small)


def _bright(c, form, where, small):
    rng, (room, place_text, _) = c.rng, where
    roll = rng.random()
    if roll < 0.6:
        n = c.slot("N")
        tail = draw(rng, "auf NUM (prozent|prozent|prozent helligkeit)").replace("NUM", n)
        if form == "short":
            return short(c, "OBJ PLACE " + tail, LIGHT_OBJ, where), [light(room, brightness=n)]
        verb = c.pick(*(DIM if rng.random() < 0.5 else SET))
        obj = rng.choice(LIGHT_OBJ + ["die helligkeit", "die helligkeit"])
        return order(c, verb, form, obj, place_text, tail, small), [light(room, brightness=n)]
    if roll < 0.8:
        tail = draw(rng, "auf (halbe helligkeit|die hälfte|halb|halbe kraft|halb hell|halbe leistung|die halbe stärke|halbe stufe)|dunkler|schwächer|etwas dunkler|ein bisschen dunkler|weniger hell")
        if form == "short":
            return short(c, "OBJ PLACE (halb hell|dimmen|halb|gedimmt|auf halbe helligkeit|etwas dunkler|dunkler|schwächer|auf die hälfte|bitte dimmen)", LIGHT_OBJ, where), [light(room, brightness=50)]
        if rng.random() < 0.5:
            return order(c, c.pick(*DIM), form, rng.choice(LIGHT_OBJ), place_text, "", small), [light(room, brightness=50)]
        return order(c, c.pick(*SET), form, rng.choice(LIGHT_OBJ), place_text, tail, small), [light(room, brightness=50)]
    tail = draw(rng, "auf (volle helligkeit|maximum|voll|volle kraft|höchste stufe|volle leistung|maximale helligkeit|die höchste stufe|volle pulle|vollgas)|ganz hell|richtig hell|so hell wie möglich|heller|maximal hell|so hell es geht|viel heller")
    if form == "short":
        return short(c, "OBJ PLACE (ganz hell|voll auf|auf volle helligkeit|maximal hell|heller|auf maximum|so hell wie möglich|volle helligkeit|auf voll)", LIGHT_OBJ, where), [light(room, brightness=100)]
    return order(c, c.pick(*SET), form, rng.choice(LIGHT_OBJ), place_text, tail, small), [light(room, brightness=100)]


def _blind(c, form, where, small):
    rng, (room, place_text, _) = c.rng, where
    roll = rng.random()
    if roll < 0.2 and form != "short":
        n = c.slot("N")
        tail = draw(rng, "auf NUM [prozent]").replace("NUM", n)
        return order(c, c.pick(*BLIND_SET), form, rng.choice(BLIND_OBJ), place_text, tail, small), [blind(room, n)]
    value = 0 if roll < 0.52 else 100 if roll < 0.85 else 50
    if form == "short":
        return short(c, c.pick(*BLIND_SHORT[value]), BLIND_OBJ, where), [blind(room, value)]
    tail = draw(rng, "halb|zur hälfte|bis zur hälfte|halb|auf die hälfte|nur halb|nur zur hälfte|auf halbe höhe") if value == 50 else draw(rng, "|||ganz|komplett|vollständig|bis zum anschlag")
    verbs = BLIND_OPEN if value == 0 else BLIND_CLOSE if value == 100 else rng.choice([BLIND_OPEN, BLIND_CLOSE, BLIND_SET])
    return order(c, c.pick(*verbs), form, rng.choice(BLIND_OBJ), place_text, tail, small), [blind(room, value)]


def _timer(c, form, small):
    rng = c.rng
    unit, n = rng.choice(["seconds", "minutes", "minutes", "hours"]), c.slot("N")
    amount = f"{n} {rng.choice(UNITS[unit])}"
    if form == "short":
        return draw(rng, c.pick(*TIMER_SHORT)).replace("NUM UNIT", amount), [timer(unit, n)]
    if rng.random() < 0.3:
        return order(c, c.pick(*TIMER_ME), form, rng.choice(["mich", "mich", "uns"]), "", rng.choice(["in ", "in ", "nach "]) + amount, small), [timer(unit, n)]
    if rng.random() < 0.15:
        verb = rng.choice([("sag", "sagst", "sagen", ""), ("gib", "gibst", "geben", "")])
        tail = f"{rng.choice(['in', 'in', 'nach'])} {amount} {rng.choice(['bescheid', 'bescheid', 'ein zeichen', 'ein signal'])}"
        return order(c, verb, form, rng.choice(["mir", "mir", "uns"]), "", tail, ""), [timer(unit, n)]
    tail = rng.choice(["auf ", "für ", "von ", "über "]) + amount
    return order(c, c.pick(*TIMER_SET), form, rng.choice(TIMER_OBJ), "", tail, small), [timer(unit, n)]
