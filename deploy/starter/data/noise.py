"""What people and speech add: typos, ASCII umlauts, fillers. Slots are never touched."""

_ASCII = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
FILLERS = {
    "en": ["hey", "hey linnet", "linnet", "okay", "ok", "so", "well", "um", "uh", "right", "alright", "listen", "oh", "and", "hello", "hi", "now", "first", "yes"],
    "de": ["hey", "hey linnet", "linnet", "okay", "ok", "also", "so", "äh", "ähm", "gut", "hör mal", "du", "hallo", "ach", "und", "na gut", "ja", "jetzt", "hi"],
}
TAILS = {
    "en": ["now", "right now", "thanks", "thank you", "again", "quickly", "for me", "will you", "ok", "for a moment", "right away", "immediately", "if you can", "when you can", "as usual", "linnet"],
    "de": ["jetzt", "sofort", "danke", "danke dir", "wieder", "schnell", "für mich", "ja", "okay", "kurz", "gleich", "wenn es geht", "wie immer", "linnet", "bitte danke", "bitte schnell"],
}


MIDDLE = {
    "en": ["really", "actually", "just", "maybe", "quickly", "please", "also", "again", "again please", "kind of", "uh", "then"],
    "de": ["mal", "eben", "gerade", "halt", "kurz", "schnell", "bitte", "doch", "wieder", "einfach", "mal eben", "äh", "vielleicht", "noch"],
}
_SYLLABLES = "ba ko lu mi ster ran vel dro fi gast nor tel um plo sche win kar zo hub en flim brat schu no sen ga pri tor".split()


def invented(rng):
    """A word nobody has heard."""
    return "".join(rng.choice(_SYLLABLES) for _ in range(rng.randint(1, 2))) + rng.choice("tmkpfn")


def typo(rng, text):
    """One slip in one longer word: a swap, a missing, a doubled or a wrong letter."""
    words = text.split(" ")
    where = [i for i, w in enumerate(words) if len(w) >= 4 and w.isalpha()]
    if not where:
        return text
    i = rng.choice(where)
    w, k = words[i], rng.randrange(1, len(words[i]) - 1)
    words[i] = rng.choice([w[:k] + w[k + 1] + w[k] + w[k + 2:], w[:k] + w[k + 1:], w[:k] + w[k] + w[k:],
                           w[:k] + rng.choice("abcdefghijklmnopqrstuvwxyz") + w[k + 1:]])
    return " ".join(words)


def fillers(rng, lang, text):
    if rng.random() < 0.12:
        text = rng.choice(FILLERS[lang]) + " " + text
    if rng.random() < 0.12:
        tail = rng.choice(TAILS[lang])
        text = text[:-1] + " " + tail + "?" if text.endswith("?") else text + " " + tail
    if rng.random() < 0.05:
        words = text.split(" ")
        words.insert(rng.randrange(1, len(words) + 1) if not text.endswith("?") else rng.randrange(len(words)), rng.choice(MIDDLE[lang]))
        text = " ".join(words)
    return text


def slips(rng, lang, text):
    if rng.random() < 0.12:
        text = typo(rng, text)
    if lang == "de" and rng.random() < 0.06:
        text = text.translate(_ASCII)
    return text
