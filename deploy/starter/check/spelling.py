"""Spelling by hunspell: is this a word of the language? One process a language, asked over a pipe; answers are kept."""

import re
import shutil
import subprocess

DICTIONARIES = {"en": "en_US,en_GB", "de": "de_DE"}

# Correct words that Debian's dictionaries lack: foods, separable verbs and compounds. Each was looked up by hand in a dictionary.
KNOWN = {
    "en": "gouda halloumi mascarpone passata tahini edamame".split(),
    "de": """Bodenfeuchte Luftfeuchte Bulgur Cashewkerne Dinkelmehl Edamame Endivien Feta Gnocchi Halloumi Hähnchenbrust Jackfrucht Kabeljau Kichererbsen Kidneybohnen Kimchi Kiwi Koriander
Lammfleisch Mango Mangold Minze Packungsangabe Pastinaken Pekannüsse Pesto Pfannengericht Pinienkerne Polenta Prise Pumpernickel Putenbrust Quinoa Ricotta Rucola Schälerbsen Seitan Tahin Vanillezucker
Wachteleier angießen cremig darübergeben darübergießen darüberstreuen einrühren gefettete hineingeben hinzugießen mitbraten unterheben verquirlen Achse Uhr""".split(),
}
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


class Missing(RuntimeError):
    """hunspell or a dictionary is not there: nothing was checked."""


def or_skip(main):
    """Runs main as a test; 77, and a line that says so, where nothing can be checked."""
    try:
        return int(main())
    except Missing as missing:
        print(f"skipped: {missing}")
        return 77


class Speller:
    def __init__(self, lang):
        self.seen = {word: True for word in KNOWN[lang]}
        if not shutil.which("hunspell"):
            raise Missing("hunspell is not installed (hunspell hunspell-en-us hunspell-en-gb hunspell-de-de)")
        self.pipe = subprocess.Popen(["hunspell", "-a", "-i", "utf-8", "-d", DICTIONARIES[lang]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")
        if not self.pipe.stdout.readline().startswith("@(#)"):
            raise Missing(f"hunspell has no dictionary {DICTIONARIES[lang]}")

    def knows(self, word):
        """A word in its capitals; what only begins a sentence may be known in lower case."""
        if word not in self.seen:
            self.seen[word] = self._ask(word) or word[:1].isupper() and word[1:].islower() and (word.lower() in self.seen or self._ask(word.lower()))
        return self.seen[word]

    def _ask(self, word):
        self.pipe.stdin.write(f"^{word}\n")
        self.pipe.stdin.flush()
        good = True
        while (line := self.pipe.stdout.readline().rstrip("\n")):
            good = good and line[0] in "*+-"
        return good

    def close(self):
        self.pipe.stdin.close()
        self.pipe.stdout.close()
        self.pipe.wait()
