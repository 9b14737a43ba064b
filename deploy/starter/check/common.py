"""What holds in both languages: spacing, capitals, ends of sentences, doubled words, no empty or open slots, one language only."""

import re

# Words that belong to one language only, where the other has no word spelt alike. Names given by users are masked before.
ONLY = {
    "en": set("""the and of with is are has have been by for from this that it its usual above below clearly slightly far since until then add stir serve cook fry bake everything hot into pan oven dish
salt pepper water keep check stop inspect now soon please note warning critical sensor's reports sprinkle season wash chop cut pour mix""".split()),
    "de": set("""der das den dem und von mit ist sind liegt steht schwankt bei beim seit üblichen üblich über unter deutlich leicht weit zugeben hinzufügen rühren servieren dazu reichen garen braten backen
alles heiß pfanne ofen salz pfeffer wasser prüfen bald sofort bitte hinweis warnung kritisch nicht eine einen einem einer für auf aus zum zur im minuten oder""".split()),
}
# "die", "in", "an", "so", "also", "war", "was", "warm", "am", "note" exist in both.
END = re.compile(r"(?<=[.!?]) +")


def sentences(text):
    """Sentences of a text; a point inside a number does not end one."""
    return [s for s in END.split(text) if s]


def check(text, lang, given=frozenset()):
    """Complaints about one text, which must be whole sentences. `given`: words of names that users gave, in lower case."""
    found = []
    if not text.strip():
        return ["empty"]
    if re.search(r"[{}]", text):
        found.append("an open slot")
    if text != text.strip() or "  " in text:
        found.append("spacing: double or outer space")
    if re.search(r" [,.;:!?)]|\( |\(\)|[,;:](?=[^\W\d_])|[.!?](?=[A-ZÄÖÜ])|[,;:.]{2,}|,\s*[.;:]", text):
        found.append("spacing or punctuation")
    if text.count("(") != text.count(")"):
        found.append("a parenthesis without its partner")
    if text[-1] not in ".!?":
        found.append("does not end like a sentence")
    for sentence in sentences(text):
        if sentence[:1].islower():
            found.append(f"sentence begins small: {sentence[:20]}")
    words = re.findall(r"[^\W\d_]+", text)
    for a, b in zip(words, words[1:]):
        if a.lower() == b.lower() and re.search(rf"\b{a}\s+{b}\b", text):
            found.append(f"doubled word: {a}")
    other = ONLY["de" if lang == "en" else "en"]
    found += [f"wrong language: {w}" for w in words if w.lower() in other and w.lower() not in given]
    return found
