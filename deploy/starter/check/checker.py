"""Is a text grammatical, well spelt, and in its language? Checker(lang).complaints(text, given) is empty where nothing is found.

Not a parser: spelling by hunspell, the other rules by lists of the nouns and verbs that the generators and the agent's templates use.
known.txt holds sentences known to be good and known to be bad, so that it is known what the checker sees."""

import re

from check import common, english, german
from check.spelling import WORD, Speller


class Checker:
    def __init__(self, lang):
        self.lang, self.speller = lang, Speller(lang)

    def complaints(self, text, given=()):
        """`given`: names and units that users give (devices, foods, "m/s²"); their spelling and language are not the text's."""
        names = {w.lower() for g in given for w in re.findall(r"[^\W\d_]+", g)}
        found = common.check(text, self.lang, names)
        found += [f"spelling: {w}" for w in WORD.findall(text) if len(w) > 1 and w.lower() not in names and not self.speller.knows(w)]
        # A name is one singular word to the rules of grammar, whatever it is made of.
        plain = text
        for name in sorted((g for g in given if any(c.isalpha() for c in g) and len(g) > 3), key=len, reverse=True):
            plain = re.sub(rf"(?<!\d ){re.escape(name)}", "Name", plain)  # after a number it is a unit
        return found + (english if self.lang == "en" else german).check(plain)

    def close(self):
        self.speller.close()
