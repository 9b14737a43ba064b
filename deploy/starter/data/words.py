"""The words that trained sentences are made of, for agent/answer/command_words.cc: python3 -m data.words en|de.

Folded as the agent folds them. Nothing kept out of training is listed, and no name of a room or thing (STOP: what the lists mention in passing)."""

import re
import sys

from data import frames_de, frames_en, intent, noise, nothing_de, nothing_en, questions_de, questions_en, wording_de, wording_en

_FOLD = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
STOP = {"en": set("""phone door book film movie dog kids children baby friends guests dinner lunch breakfast work headache eyes hands bed brother meeting call plug electricity juice
                  assistant weekend sunset sunrise next whole within across inside throughout over bars house window windows wing clock sensors egg""".split()),
        "de": set("""telefon tuer buch film hund kinder baby freunde gaeste essen arbeit fruehstueck kopfschmerzen augen anruf bett haus hause bruder strom stecker besuch hand
                  wochenende assistent filmabend feierabend sonnenuntergang lage fusboden ganzen ganze zimmer raum gebrauch oben unten draussen fenster klingel nebenan drueben dort""".split())}


def _texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple) and len(value) == 4 and all(isinstance(v, str) for v in value):
        imperative, du, infinitive, particle = value
        joined = particle.replace(" ", "")
        yield from value
        if particle and " " not in particle:
            yield from (joined + infinitive, joined + du, joined + "zu" + infinitive)
    elif isinstance(value, (list, set)):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], list):
        yield from _texts(value[0])  # (train, held)


def words(lang):
    modules = (wording_en, frames_en, questions_en) if lang == "en" else (wording_de, frames_de, questions_de)
    skipped = ("CORE", "HELD", "REMARKS", "ROOM_PLACES_HELD", "HERE_PLACES_HELD")
    found = set()
    for module in modules:
        for name, value in vars(module).items():
            if not name.startswith("_") and name not in skipped:
                for text in _texts(value):
                    found |= set(re.findall(r"[a-zäöüß]+", text))
    for table in (noise.FILLERS, noise.TAILS, noise.MIDDLE, intent.JOIN):
        for text in table[lang]:
            found |= set(re.findall(r"[a-zäöüß]+", text))
    if lang == "en":
        found |= {intent.gerund(w) for w in list(found) if len(w) > 2 and any(re.match(rf"\(?([a-z|]*\b)?{w}\b", t) for v in vars(wording_en).values() for t in _texts(v) if isinstance(v, tuple))}
    return {w.translate(_FOLD) for w in found} - STOP[lang]


def names(lang):
    """Words of rooms and things, which are never a slip of the pen nor a verb."""
    lists = nothing_en if lang == "en" else nothing_de
    return {w.translate(_FOLD) for name in lists.THINGS + lists.ROOMS for w in name.split("/")[0].split()}


if __name__ == "__main__":
    language = sys.argv[1]
    print(" ".join(sorted(words(language))))
    print()
    print(" ".join(sorted(names(language))))
