"""How much the checker sees of what could go wrong in these very texts: python3 -m check.mutate [COUNT].

Takes texts of the generators, spoils one thing in each, and counts the complaints. A spoilt text may by chance be right (a dropped adverb),
so the figures are lower bounds."""

import random
import re
import sys

from check.checker import Checker
from check.generators import texts
from check.spelling import or_skip

ARTICLES = {"de": ["der", "die", "das", "den", "dem", "beim"], "en": ["a", "an"]}
VERBS = {"de": {"liegt": "liegen", "schwankt": "schwanken", "steht": "stehen", "hängt": "hängen", "bleibt": "bleiben", "sind": "ist", "ist": "sind", "meldet": "melden"},
         "en": {"is": "are", "has": "have", "are": "is", "varies": "vary", "stands": "stand", "reports": "report", "have": "has"}}
FOREIGN = {"de": ["the", "and", "with", "add", "serve", "is", "usual"], "en": ["und", "mit", "der", "bei", "servieren", "ist", "üblichen"]}


def _words(text):
    return list(re.finditer(r"[^\W\d_]+", text))


def _replace(text, match, word):
    return text[:match.start()] + word + text[match.end():]


def doubled(rng, lang, text):
    match = rng.choice(_words(text))
    return text[:match.end()] + " " + match.group(0) + text[match.end():]


def dropped(rng, lang, text):
    match = rng.choice([m for m in _words(text) if m.group(0).lower() in ("the", "of", "at", "by", "and", "has", "is", "been", "der", "die", "das", "von", "bei", "um", "und", "den", "dem", "liegt")] or _words(text))
    return text[:match.start()] + text[match.end():].lstrip()


def article(rng, lang, text):
    """Another article of the language before the same noun."""
    found = [m for m in _words(text) if m.group(0).lower() in ARTICLES[lang]]
    if not found:
        return None
    match = rng.choice(found)
    return _replace(text, match, rng.choice([a for a in ARTICLES[lang] if a != match.group(0).lower()]))


def verb(rng, lang, text):
    found = [m for m in _words(text) if m.group(0) in VERBS[lang]]
    return _replace(text, (m := rng.choice(found)), VERBS[lang][m.group(0)]) if found else None


def foreign(rng, lang, text):
    return _replace(text, rng.choice(_words(text)), rng.choice(FOREIGN[lang]))


def typo(rng, lang, text):
    found = [m for m in _words(text) if len(m.group(0)) > 4]
    if not found:
        return None
    match = rng.choice(found)
    word, i = match.group(0), rng.randrange(1, len(match.group(0)) - 2)
    return _replace(text, match, word[:i] + word[i + 1] + word[i] + word[i + 2:]) if word[i] != word[i + 1] else None


def small(rng, lang, text):
    return text[0].lower() + text[1:] if text[0].isupper() else None


def main(count):
    for lang in ("en", "de"):
        checker = Checker(lang)
        for spoil in (doubled, dropped, article, verb, foreign, typo, small):
            rng, seen, all_ = random.Random(f"mutate {lang} {spoil.__name__}"), 0, 0
            while all_ < count:
                items, given = texts(rng, lang, rng.choice(["report", "recipe"]))
                text = rng.choice(items)
                spoilt = spoil(rng, lang, text)
                if spoilt is None or spoilt == text:
                    continue
                all_, seen = all_ + 1, seen + bool(checker.complaints(spoilt, given))
            print(f"{lang} {spoil.__name__}: {100 * seen / all_:.1f} % of {all_} noticed")
        checker.close()
    return 0


if __name__ == "__main__":
    sys.exit(or_skip(lambda: main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)))
