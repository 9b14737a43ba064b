"""The report task: sensor, state, listed facts and a form in; one or two sentences with slots and an advice out."""

import random
import zlib

from data.report_words import ADVICE, ENGLISH, GERMAN, HOW, LEAD, MORE

# Labels; in German with the gender, since the prompt holds the article. They follow the agent's catalog, plus further ones.
SENSORS_EN = """vibration|temperature|pressure|current|humidity|speed|level|flow|power|voltage|torque|noise level|weight|force|frequency|brightness|acceleration|tension|oil temperature|
bearing temperature|motor current|water level|air quality|soil moisture|air pressure|flow rate|rotational speed|energy use|fill level|room temperature|particle count|sound level|conductivity|water pressure""".replace("\n", "").split("|")
SENSORS_DE = """Vibration/f|Temperatur/f|Druck/m|Strom/m|Luftfeuchte/f|Drehzahl/f|Füllstand/m|Durchfluss/m|Leistung/f|Spannung/f|Drehmoment/n|Geräuschpegel/m|Gewicht/n|Kraft/f|Frequenz/f|Helligkeit/f|
Beschleunigung/f|Zugspannung/f|Öltemperatur/f|Lagertemperatur/f|Motorstrom/m|Wasserstand/m|Luftqualität/f|Bodenfeuchte/f|Luftdruck/m|Durchflussmenge/f|Geschwindigkeit/f|Energieverbrauch/m|Pegel/m|
Raumtemperatur/f|Feuchtigkeit/f|Schallpegel/m|Leitfähigkeit/f|Wasserdruck/m|Schwingung/f|Stromstärke/f|Feuchte/f|CO2-Gehalt/m|CO2-Wert/m""".replace("\n", "").split("|")
HELD_EN = ["thrust", "light intensity", "coolant temperature", "tank level"]
HELD_DE = ["Kühlmitteltemperatur/f", "Tankfüllstand/m", "Öldruck/m", "Lichtstärke/f"]
STATES = ["high", "low", "unsteady", "stuck"]
SEVERITIES = ["info", "warning", "critical"]
FACTS = ["axis", "duration", "since"]
FORMS = "abcdef"
ARTICLE = {"m": "der", "f": "die", "n": "das"}


def _expand(text, words):
    for mark, word in words.items():
        text = text.replace(mark, word)
    return text


def _english(state, severity, facts, form):
    time = {(): "", ("duration",): " for {duration}", ("since",): " since {since}", ("duration", "since"): " for {duration}, since {since}"}[tuple(f for f in facts if f != "axis")]
    verb = lambda now, long: long if time else now
    how = HOW["en"][severity]
    return _expand(ENGLISH["value" if state in ("high", "low") else state][form], {
        "AXIS": " on the {axis} axis" if "axis" in facts else "", "TIME": time, "BE": verb("is", "has been"), "REPORT": verb("reports", "has been reporting"), "SHOW": verb("shows", "has been showing"),
        "VARY": verb("varies", "has been varying"), "SIDE": f"{how} {'above' if state == 'high' else 'below'}", "LEVEL": f"{how} too {state}", "MORE": MORE["en"][severity]})


def _german(state, severity, facts, form, gender):
    time = {(): "", ("duration",): " seit {duration}", ("since",): " seit {since} Uhr", ("duration", "since"): " seit {since} Uhr, also seit {duration},"}[tuple(f for f in facts if f != "axis")]
    pronoun = {"m": "er", "f": "sie", "n": "es"}[gender]
    text = _expand(GERMAN["value" if state in ("high", "low") else state][form], {
        "AXIS": " auf der {axis}-Achse" if "axis" in facts else "", "TIME": time, "NOM": ARTICLE[gender], "AKK": {"m": "den", "f": "die", "n": "das"}[gender], "BEI": "bei der" if gender == "f" else "beim",
        "PRO": pronoun, "CAP": pronoun.capitalize(), "SIDE": f"{HOW['de'][severity]} {'über' if state == 'high' else 'unter'}", "MORE": MORE["de"][severity]})
    return text[0].upper() + text[1:]  # a full sentence after a colon begins with a capital


def prompt(lang, sensor, state, severity, facts, form, gender=""):
    label = f"{ARTICLE[gender]} {sensor}" if lang == "de" else sensor
    return f"report {lang}\nsensor: {label}\nstate: {state}, {severity}\nform: {form}\nfacts: {' '.join('{%s}' % f for f in facts) or 'none'}"


def answer(lang, state, severity, facts, form, gender="f"):
    at = FORMS.index(form)
    sentence = _english(state, severity, facts, at) if lang == "en" else _german(state, severity, facts, at, gender)
    advice = ADVICE[lang]["value" if state in ("high", "low") else state, severity]
    return LEAD[lang][severity] + sentence + " " + advice[at % len(advice)]


def example(rng, lang, split="train"):
    """(prompt, answer, kind). seen: trained labels in untrained combinations; unseen: labels never trained."""
    while True:
        labels = (HELD_EN if lang == "en" else HELD_DE) if split == "unseen" else (SENSORS_EN if lang == "en" else SENSORS_DE)
        sensor, _, gender = rng.choice(labels).partition("/")
        state, severity, form = rng.choice(STATES), rng.choice(SEVERITIES), rng.choice(FORMS)
        facts = [f for f in FACTS if rng.random() < 0.5]
        text = prompt(lang, sensor, state, severity, facts, form, gender)
        if split == "unseen" or (zlib.crc32(text.encode()) % 10 == 0) == (split == "seen"):
            return text, answer(lang, state, severity, facts, form, gender or "f"), "report"


if __name__ == "__main__":
    generator = random.Random(1)
    for language in ("en", "de"):
        for _ in range(25):
            p, a, _ = example(generator, language)
            print(p.replace("\n", " | "), "->", a)
