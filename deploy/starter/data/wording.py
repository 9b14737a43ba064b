"""Which wording is kept out of training, by a fixed rule: what the lists name `held`, and of everything else what its key's
checksum chooses, unless it belongs to the commonest words (`core`), which every list must train."""

import functools
import re
import zlib

from data.template import expansions

_LEAD = re.compile(r"\(([^()\[\]]*)\)(.*)", re.S)


@functools.lru_cache(maxsize=None)
def is_held(key, one_in):
    return zlib.crc32(("wording: " + key).encode()) % one_in == 0


def by_verb(templates, held, core, never=()):
    """(train, held) of English verb phrases. The first word, or each word of a leading choice "(turn|flick) ...", is the verb; one verb
    in four is never trained, in no phrase of any list."""
    train, kept = [], list(held)
    for template in templates:
        match = _LEAD.fullmatch(template)
        verbs, rest = (match.group(1).split("|"), match.group(2)) if match else ([template.split(" ")[0]], template[len(template.split(" ")[0]):])
        for target, chosen in ((train, [v for v in verbs if not verb_held(v, core, never)]), (kept, [v for v in verbs if verb_held(v, core, never)])):
            if chosen:
                target.append(("(%s)" % "|".join(chosen) if len(chosen) > 1 else chosen[0]) + rest)
    return train, apart(train, kept)


def apart(train, kept):
    """What is kept out, without what another phrase of the trained ones says in the same words."""
    taught, out = set().union(*(expansions(t) for t in train)), []
    for phrase in kept:
        own = expansions(phrase)
        rest = sorted(own - taught)
        if rest:
            out.append(phrase if len(rest) == len(own) else "(%s)" % "|".join(rest) if len(rest) > 1 else rest[0])
    return out


def verb_held(verb, core, never=()):
    verb = verb.split(" ")[0]
    return verb in never or verb not in core and is_held(verb, 4)


def by_phrase(phrases, held):
    """(train, held): one whole phrase in six beside the named ones; a phrase that the list holds twice is common and always trained."""
    kept = [p for p in phrases if phrases.count(p) == 1 and is_held(p, 6)]
    train = [p for p in phrases if p not in kept]
    return train, apart(train, list(held) + kept)


def by_name(names, held):
    """(train, held): one name of a room or thing in eight beside the named ones."""
    return [n for n in names if not is_held(n, 8)], list(held) + [n for n in names if is_held(n, 8)]
