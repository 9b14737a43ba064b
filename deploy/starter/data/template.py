"""Phrases written compactly: `(a|b)` is a choice, `[x]` is `(x|)`. Compiled once, then drawn from a seeded generator."""

import functools
import itertools
import re

_SPECIAL = re.compile(r"[()\[\]|]")


def _parse(text, i, closing):
    """Parses alternatives up to `closing`; returns (list of sequences, next index)."""
    options, sequence = [], []
    while i < len(text):
        ch = text[i]
        if ch == closing:
            options.append(sequence)
            return options, i + 1
        if ch == "|":
            options.append(sequence)
            sequence, i = [], i + 1
        elif ch in "([":
            inner, i = _parse(text, i + 1, ")" if ch == "(" else "]")
            sequence.append(inner + [[]] if ch == "[" else inner)
        else:
            match = _SPECIAL.search(text, i)
            end = match.start() if match else len(text)
            sequence.append(text[i:end])
            i = end
    if closing:
        raise ValueError(f"template {text!r}: expected {closing!r} before the end")
    options.append(sequence)
    return options, i


@functools.lru_cache(maxsize=None)
def compiled(text):
    return _parse(text, 0, "")[0]


def _draw(rng, options):
    parts = []
    for item in options[0] if len(options) == 1 else rng.choice(options):
        parts.append(item if isinstance(item, str) else _draw(rng, item))
    return "".join(parts)


def draw(rng, text):
    """One random expansion of a template, spaces tidied."""
    return " ".join(_draw(rng, compiled(text)).split())


def count(text):
    """How many expansions a template has (with repeats)."""

    def of(options):
        total = 0
        for sequence in options:
            product = 1
            for item in sequence:
                product *= 1 if isinstance(item, str) else of(item)
            total += product
        return total

    return of(compiled(text))


def expansions(text):
    """Every expansion of a template."""

    def of(options):
        for sequence in options:
            parts = [[item] if isinstance(item, str) else list(of(item)) for item in sequence]
            yield from ("".join(chosen) for chosen in itertools.product(*parts))

    return {" ".join(e.split()) for e in of(compiled(text))}
