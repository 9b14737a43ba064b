"""The intent task: composes utterances (one to three clauses, polite frames, questions, nothing) with their tool calls."""

import random
import re
import zlib

from data import commands_de, commands_en, frames_de, frames_en, noise, nothing_de, nothing_en, questions_de, questions_en
from data.context import NONE, Context, answer_text, get_device, get_room, number_slots
from data.contrast import contrast
from data.template import draw

JOIN = {"en": [" and ", " and ", " and ", " and ", " and then ", " then ", " ", " and also ", " plus ", " after that ", " and please ", " as well as ", " also ", " and after that ", " next ", " and "],
        "de": [" und ", " und ", " und ", " und ", " und dann ", " dann ", " ", " und auch ", " sowie ", " danach ", " und bitte ", " außerdem ", " und danach ", " und noch ", " und "]}
_GERUNDS = {"put": "putting", "get": "getting", "set": "setting", "cut": "cutting", "shut": "shutting", "dim": "dimming", "let": "letting", "run": "running", "drop": "dropping", "stop": "stopping", "flip": "flipping", "hit": "hitting"}


def gerund(phrase):
    first, _, rest = phrase.partition(" ")
    return _GERUNDS.get(first, (first[:-1] if first.endswith("e") else first) + "ing") + " " + rest


def _clauses(c, lang, form):
    """One to three clauses of the same form joined; returns (text, calls)."""
    module, rng = (commands_en, commands_de)[lang == "de"], c.rng
    count = rng.choices([1, 2, 3], [58, 30, 12] if c.scoring else [48, 34, 18])[0]  # what is hard is trained more often
    if count == 1:
        return module.clause(c, form)
    style = rng.random()
    join = rng.choice(JOIN[lang])
    if style < 0.2:
        return _same_verb(c, lang, form, count, join)
    if style < 0.4:
        return _one_place(c, lang, form, count, join)
    if style < 0.6 and count == 3:  # "turn the light on in A and B and close the blinds in C", or the other way round
        parts = [_same_verb(c, lang, form, 2, join), module.clause(c, form, module.place(c, 0.0))]
        rng.shuffle(parts)
        return join.join(text for text, _ in parts), [call for _, calls in parts for call in calls]
    if style < 0.5:  # "set A to 20 degrees and turn on the light there"
        where = module.place(c, 0.0)
        first, calls = module.clause(c, form, where, rng.choice(["light", "blind", "heat", "bright"]))
        there = rng.choice(_THERE[lang])
        if where[0] in first:
            second, more = module.clause(c, form, (where[0], there, where[0]), rng.choice(["light", "blind", "bright"]))
            return first + join + second, calls + more
    kinds = [module.kind(c) for _ in range(count)]
    wheres = [module.place(c, 0.06 if rng.random() < 0.85 else 1.0) for _ in range(count)]
    roomy = [w for w, k in zip(wheres, kinds) if k not in ("plug", "timer")]
    parts, calls = [], []
    for where, which in zip(wheres, kinds):
        if where[0] == "here" and not where[1] and any(w[0] != "here" for w in roomy):
            where = (where[0], "here" if lang == "en" else "hier", where[2])  # beside a named room, "here" must be said
        text, new = module.clause(c, form, where, which)
        parts.append(text)
        calls += new
    if count == 3 and join in (" and ", " und "):
        return parts[0] + " " + parts[1] + join + parts[2], calls
    return join.join(parts), calls


_THERE = {"en": ["there", "there", "in there", "in that room", "over there"], "de": ["dort", "da", "dort auch", "dort drin", "da drin"]}


def _one_place(c, lang, form, count, join):
    """One place for all clauses: "turn off the light and close the blinds in A"."""
    module, rng = (commands_en, commands_de)[lang == "de"], c.rng
    where = module.place(c, 0.3)
    kinds = rng.sample(["light", "blind", "heat"], count)
    parts, calls = [], []
    front = rng.random() < 0.3 and where[1]
    alone = ("this room", "den raum")[lang == "de"] if where[0] == "here" else ("it", "es")[lang == "de"]
    for i, which in enumerate(kinds):
        named = i == (0 if rng.random() < 0.4 else len(kinds) - 1)
        silent = (where[0], where[1] if named and not front else "", where[2] if named else alone)
        text, new = module.clause(c, form, silent, which)
        parts.append(text)
        calls += new
    text = parts[0] + " " + parts[1] + join + parts[2] if count == 3 and rng.random() < 0.5 else join.join(parts)
    if where[0] not in text and where[0] != "here":
        text = f"{where[1]} {text}"
    return text, calls


def _same_verb(c, lang, form, count, join):
    """One verb, several rooms or devices: "turn on the light in R1 and R2"."""
    module, rng = (commands_en, commands_de)[lang == "de"], c.rng
    which = rng.choice(["light", "light", "blind", "plug", "bright", "heat"])
    slots = [c.slot("D" if which == "plug" else "R") for _ in range(count)]
    join = rng.choice([" and ", " and in ", " and "] if lang == "en" else [" und ", " und in ", " und "])
    if which == "plug" or "in " in join and which == "plug":
        join = join.replace("in ", "")
    listed = slots[0] + (" " + slots[1] if count == 3 else "") + join + slots[-1]
    where = (slots[0], rng.choice(["in ", "in the ", "in "] if lang == "en" else ["in ", "im ", "in der "]) + slots[0], slots[0])
    text, calls = module.clause(c, form, where, which)
    if which == "plug":
        own = calls[0]["device"]
        return text.replace(own, listed), [{**calls[0], "device": s} for s in slots]
    if slots[0] not in text:
        return text, calls
    return text.replace(slots[0], listed), [{**calls[0], "room": s} for s in slots]


def action(c, lang):
    rng = c.rng
    text, calls = _wish(c, lang)
    frames = frames_en if lang == "en" else frames_de
    if rng.random() < 0.11:
        text = _remark(c, frames) + " " + text
    elif rng.random() < 0.03 and not text.endswith("?"):
        remark = _remark(c, frames)
        if not re.search(r"wait|mind|warte|moment", remark):
            text += " " + remark
    return text, calls


def _remark(c, frames):
    return c.pick(*frames.REMARKS, 0.3)


def _framed(rng, frame, text):
    return draw(rng, frame.replace("{}", "@")).replace("@", text)


def _wish(c, lang):
    rng, frames = c.rng, frames_en if lang == "en" else frames_de
    if rng.random() < 0.07:
        text, calls = contrast(c, lang)
        return _framed(rng, c.pick(*frames.SHORT, 0.3), text), calls
    if lang == "en":
        roll = rng.random()
        form = "short" if roll < 0.22 else "base"
        text, calls = _clauses(c, lang, form)
        if form == "short":
            return _framed(rng, c.pick(*frames.SHORT, 0.3), text), calls
        if roll < 0.27 and len(calls) == 1:
            return draw(rng, c.pick(*frames.GERUND)).replace("GER", gerund(text)), calls
        return _framed(rng, c.pick(*frames.BASE, 0.3), text), calls
    form = rng.choices(["imp", "du", "inf", "dass", "zu", "short"], [36, 8, 28, 4, 3, 21])[0]
    text, calls = _clauses(c, lang, form)
    return _framed(rng, c.pick(*(frames.SHORT if form == "short" else frames.FRAMES[form]), 0.3), text), calls


def question(c, lang):
    """A question about state; answered by `get`, for one or two places."""
    rng = c.rng
    module, words = ((commands_en, questions_en), (commands_de, questions_de))[lang == "de"]
    what = rng.choice(["light", "blind", "temperature", "temperature", "device"])
    ask = c.pick(questions_en.ASK[0], questions_en.ASK[1], 0.2) if lang == "en" else c.pick(questions_de.ASK[0], questions_de.ASK[1], 0.2)
    phrase = draw(rng, c.pick(*(words.CLAUSE if ask else words.DIRECT)[what]))
    if what == "device":
        device = c.slot("D")
        article = rng.choice(["", "the ", "my ", ""] if lang == "en" else ["", "der ", "die ", "das ", ""])
        if lang == "de" and ("von DEV" in phrase or "geht es DEV" in phrase or "mit DEV" in phrase):
            article = rng.choice(["", "dem ", "der "])
        elif lang == "de" and any(w in phrase for w in ("habe ich", "hab ich", "hat jemand", "wer hat", "ob ich")):
            article = rng.choice(["", "den ", "die ", "das "])
        text, calls = phrase.replace("DEV", article + device), [get_device(device)]
        other = c.slot("D")
        if rng.random() < 0.06 and lang == "en" and phrase.startswith(("is DEV", "whats DEV", "what is DEV", "status of")) and not ask:
            text, calls = text.replace(device, device + " and " + article + other), calls + [get_device(other)]
    else:
        room, place_text, noun = module.place(c, 0.25)
        calls = [get_room(room, what)]
        if room != "here" and rng.random() < 0.12:
            other = c.slot("R")
            place_text += rng.choice([" and ", " and in ", " or in ", " or ", " and in the "] if lang == "en" else [" und ", " und in ", " oder in ", " oder ", " und im "]) + other
            calls.append(get_room(other, what))
        if place_text and rng.random() < 0.05 and not ask and room != "here" and "ROOM" not in phrase:
            text = place_text + " " + phrase.replace("PLACE", "") + "??"  # without the mark it would be a statement
        else:
            text = phrase.replace("PLACE", place_text).replace("ROOM", noun)
    text = _numbers(c, text)
    marked = "??" in text or rng.random() < 0.72
    text = text.replace("??", "")
    if rng.random() < 0.1:
        text = text + (" please" if lang == "en" else " bitte")
    text = ask + text + ("?" if marked else "")
    return (_remark(c, frames_en if lang == "en" else frames_de) + " " + text if rng.random() < 0.04 else text), calls


def _pseudo(rng):
    syllables = ["ba", "ko", "lu", "mi", "ster", "ran", "vel", "dro", "fi", "gast", "nor", "tel", "um", "plo", "sche", "win", "kar", "zo", "hub", "en"]
    return "".join(rng.choice(syllables) for _ in range(rng.randint(2, 3)))


def _unknown(c, lang):
    """A command or question about a room or device that does not exist: its slot is replaced by a plain word."""
    rng = c.rng
    for _ in range(50):
        probe = Context(rng, False)
        text, calls = question(probe, lang) if rng.random() < 0.3 else action(probe, lang)
        if len(calls) == 1 and ("{R1}" in text or "{D1}" in text):
            break
    slot = "{R1}" if "{R1}" in text else "{D1}"
    words = {"en": nothing_en, "de": nothing_de}[lang]
    train, held = (words.ROOMS, words.ROOMS_HELD) if slot == "{R1}" else (words.THINGS, words.THINGS_HELD)
    noun = c.pick(train, held, 0.8)
    if rng.random() < 0.25:
        noun = _pseudo(rng) + ("/" + rng.choice("mfn") if lang == "de" else "")
    if lang == "de":
        noun, _, gender = noun.partition("/")
        for article in ("in der ", "in dem ", "im ", "in meinem ", "in unserer ", "drüben im ", "in "):
            if article + slot in text:
                text = text.replace(article + slot, rng.choice(nothing_de.IN_DATIVE[gender]) + " " + slot)
                break
        else:
            for article in ("den ", "das ", "die "):
                if article + slot in text:
                    text = text.replace(article + slot, nothing_de.ACCUSATIVE[gender] + " " + slot)
                    break
    elif slot == "{D1}" and rng.random() < 0.6 and not any(a + slot in text for a in ("the ", "my ", "our ")):
        text = text.replace(slot, "the " + slot)
    return text.replace(slot, noun), [NONE]


def _impossible(c, lang):
    """A well-formed action that is negated, put off or made conditional."""
    rng, negated = c.rng, c.rng.random() < 0.55
    module, frames = (commands_en, frames_en) if lang == "en" else (commands_de, frames_de)
    lists, form = frames.NOT if negated else frames.LATER, "base"
    if lang == "de":
        form = rng.choice(list(lists))
        lists = lists[form]
    frame = draw(rng, c.pick(*lists).replace("{}", "@"))
    which = rng.choice(["light", "bright", "blind", "heat", "plug"])
    if form == "imp-not":  # the negation stands before the particle: "mach das licht nicht an"
        return _negated_imperative(c, which, frame.replace("@ ", "")), [NONE]
    text = _numbers(c, frame.replace("@", module.clause(c, form, None, which)[0]))
    if rng.random() < 0.1:
        text = _remark(c, frames) + " " + text
    return text, [NONE]


def _negated_imperative(c, which, negation):
    while True:
        text = commands_de.clause(c, "imp", None, which)[0]
        words = text.split()
        if words[-1] in ("an", "aus", "ein", "ab", "auf", "zu", "hoch", "runter", "herunter", "rauf"):
            return " ".join(words[:-1] + [negation, words[-1]])
        if which in ("bright", "heat"):
            return text + " " + negation


def _numbers(c, text):
    while "NUM" in text:
        text = text.replace("NUM", c.slot("N"), 1)
    return text


def nothing(c, lang):
    rng = c.rng
    words = {"en": nothing_en, "de": nothing_de}[lang]
    roll = rng.random()
    if roll < 0.32:
        return _unknown(c, lang)
    if roll < 0.5:
        return _impossible(c, lang)
    if roll < 0.56:
        frames = frames_en if lang == "en" else frames_de
        return (_remark(c, frames) + (" " + _remark(c, frames) if rng.random() < 0.3 else "")), [NONE]
    lists = words.CHAT if roll < 0.8 else words.UNSUPPORTED if roll < 0.94 else words.NEGATED
    text = _numbers(c, draw(rng, c.pick(*lists)))
    if "PLACE" in text or "ROOM" in text:
        module = commands_en if lang == "en" else commands_de
        _, place_text, noun = module.place(c, 0.15)
        text = text.replace("PLACE", place_text).replace("ROOM", noun)
    if "DEV" in text:
        text = text.replace("DEV", rng.choice(["", "the ", "my "] if lang == "en" else ["", "das ", "die "]) + c.slot("D"))
    if lists is not words.CHAT and rng.random() < 0.3:
        text = rng.choice(["can you ", "please ", "could you ", "would you "]) + text if lang == "en" else "bitte " + text
    return text, [NONE]


KINDS = {"action": action, "question": question, "nothing": nothing}


def is_scoring_form(text):
    """One utterance form in ten is kept for scoring and never trained (by its wording, slots included)."""
    return zlib.crc32(text.encode()) % 10 == 0


def example(rng, lang, split="train", kind=None):
    """(prompt, answer, kind). split: train, seen (training wording in unseen combinations) or unseen (held-out wording)."""
    while True:
        c = Context(rng, held=split == "unseen", scoring=split != "train")
        chosen = kind or rng.choices(["action", "question", "nothing"], [60, 19, 21])[0]
        text, calls = KINDS[chosen](c, lang)
        text = " ".join(text.split()).replace(" ?", "?")
        if split == "unseen" and not c.used_held or len(calls) > 3:
            continue
        if any(v[0] == "{" and v not in text for call in calls for v in call.values() if isinstance(v, str)):
            continue  # a clause lost its place
        text, calls = number_slots(text, calls)
        if split != "unseen" and is_scoring_form(text) != (split == "seen"):
            continue
        if split == "train" or rng.random() < 0.25:
            text = noise.fillers(rng, lang, text)
        text = noise.slips(rng, lang, text) if split == "train" or rng.random() < 0.5 else text
        return f"intent {lang}\nsay: {text}", answer_text(calls), chosen


if __name__ == "__main__":
    generator = random.Random(1)
    for language in ("en", "de"):
        for split_name in ("train", "unseen"):
            for _ in range(40):
                p, a, k = example(generator, language, split_name)
                print(split_name, k, "|", p.split("say: ")[1], "->", a)
