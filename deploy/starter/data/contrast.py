"""Several wishes that share words: two rooms or things with opposite or different values after one verb ("light on in A and off in B")."""

from data.context import blind, heat, light, plug
from data.template import draw

_EN = {  # P1 P2 place phrases, R1 R2 bare rooms, D1 D2 devices, N1 N2 numbers, L lights, B blinds
    "light": ["(turn|switch|put) L (on P1 and off P2|P1 on and P2 off)", "(turn|switch) (on L P1 and off P2|on L P1 and turn it off P2)", "L on P1 and off P2", "L on P1 L off P2", "L P1 on and P2 off", "R1 L on R2 L off", "turn on L P1 but turn off [L|it] P2", "[turn] L on P1 [but] off P2", "R1 L on and R2 L off"],
    "plug": ["(turn|switch|put) D1 on and D2 off", "D1 on D2 off", "D1 on and D2 off", "(turn|switch) on D1 and turn off D2", "start D1 and stop D2", "(turn|switch) on D1 but (turn|switch) D2 off", "D1 on but D2 off", "start D1 but stop D2"],
    "blind": ["(open|raise) B P1 and (close|lower) (them|B|) P2", "B up P1 and down P2", "B open P1 and closed P2", "pull B up P1 and down P2", "R1 B up R2 B down", "open B P1 but close (them|B) P2", "B P1 up and P2 down", "(raise|open) R1 B and (lower|close) R2 B"],
    "bright": ["(set|dim|turn) L P1 to N1 [percent] and P2 to N2 percent", "(set|dim|turn) L to N1 percent P1 and N2 percent P2", "L P1 N1 percent and P2 N2 percent", "R1 L N1 percent R2 L N2 percent", "R1 L to N1 percent and R2 L to N2 percent"],
    "heat": ["(set|heat|warm) R1 to N1 [degrees] and R2 to N2 degrees", "set the (heating|temperature) P1 to N1 [degrees] and P2 to N2 degrees", "R1 N1 degrees R2 N2 degrees", "N1 degrees P1 and N2 degrees P2", "i want N1 degrees P1 and N2 P2", "make it N1 degrees P1 and N2 degrees P2", "R1 to N1 degrees and R2 to N2"]}
_DE = {
    "light": ["(mach|schalt|schalte|dreh) L P1 an und P2 aus", "(mach|schalt) P1 L an und P2 aus", "L an P1 und aus P2", "L P1 an und P2 aus", "L an P1 L aus P2", "P1 L an und P2 L aus", "R1 L an R2 L aus", "L P1 an und P2 (ausmachen|ausschalten)", "L P1 (anmachen|einschalten) und P2 (ausmachen|ausschalten)", "(mach|schalt) L P1 an aber P2 aus", "schalte L P1 ein und P2 aus", "P1 an und P2 aus L"],
    "plug": ["(mach|schalt|stell) D1 an und D2 aus", "D1 an und D2 aus", "D1 an D2 aus", "schalte D1 ein und D2 aus", "starte D1 und stoppe D2", "D1 (anmachen|einschalten) und D2 (ausmachen|ausschalten)", "D1 an aber D2 aus", "(mach|schalt) D1 an aber D2 aus"],
    "blind": ["(mach|fahr|zieh) B P1 hoch und P2 runter", "mach B P1 auf und P2 zu", "B P1 hoch und P2 runter", "B hoch P1 und runter P2", "öffne B P1 und schließ[e] (sie|B|) P2", "R1 B hoch R2 B runter", "B P1 (hochfahren|öffnen) und P2 (runterfahren|schließen)", "B P1 auf und P2 zu", "(fahr|mach) P1 B hoch und P2 runter", "B P1 auf aber P2 zu"],
    "bright": ["(stell|dimm|setz|dreh) L P1 auf N1 [prozent] und P2 auf N2 prozent", "L P1 auf N1 und P2 auf N2 prozent", "(stell|dimm) P1 L auf N1 und P2 auf N2 prozent", "R1 L N1 prozent R2 L N2 prozent", "P1 N1 prozent L und P2 N2 prozent"],
    "heat": ["(stell|setz|dreh) die heizung P1 auf N1 [grad] und P2 auf N2 grad", "(heiz|stell|bring) R1 auf N1 [grad] und R2 auf N2 grad", "R1 auf N1 grad und R2 auf N2 grad", "R1 N1 grad R2 N2 grad", "heizung P1 auf N1 und P2 auf N2", "P1 N1 grad und P2 N2 grad", "N1 grad P1 und N2 grad P2", "ich will N1 grad P1 und N2 grad P2", "heizung P1 auf N1 grad und P2 auf N2 grad"]}
_WORDS = {"en": (["the light", "the lights", "lights", "the lamp", "light"], ["the blinds", "blinds", "the shutters", "the shades"], ["in ", "in the ", "in my ", "in the "]),
          "de": (["das licht", "licht", "die lampe", "die lichter"], ["die rollos", "rollos", "die jalousien", "die rollläden"], ["in ", "im ", "in der ", "im ", "in der "])}
_THE = {"en": ["", "the ", "", "my "], "de": ["", "den ", "die ", "das ", ""]}


def contrast(c, lang):
    """(text, calls): two calls, in the order of the words."""
    rng = c.rng
    which = rng.choice(["light", "light", "plug", "blind", "bright", "heat"])
    text = draw(rng, rng.choice((_EN if lang == "en" else _DE)[which]))
    lights, blinds, prepositions = _WORDS[lang]
    first, second = (c.slot("D"), c.slot("D")) if which == "plug" else (c.slot("R"), c.slot("R"))
    one, two = rng.choice(_OPPOSITES) if which in ("light", "plug", "blind") else (c.slot("N"), c.slot("N"))
    if which in _SWAP and one is False:
        swapped = _swap(text, lang)
        if swapped == text:
            one, two = two, one  # no pair of words to exchange
        text = swapped
    bare = any(t in text for t in ("R1 L", "R1 B"))
    the = "" if bare else rng.choice(_THE[lang])
    light_word, blind_word = rng.choice(lights), rng.choice(blinds)
    if bare:
        light_word, blind_word = light_word.split(" ")[-1], blind_word.split(" ")[-1]
    words = {"L": light_word, "B": blind_word, "N1": one, "N2": two}
    for k, slot in ("1", first), ("2", second):
        words.update({"P" + k: rng.choice(prepositions) + slot, "R" + k: the + slot, "D" + k: rng.choice(_THE[lang]) + slot})
    text = " ".join(words.get(w, w) for w in text.split())
    make = {"light": lambda s, v: light(s, on=v), "plug": lambda s, v: plug(s, v), "blind": lambda s, v: blind(s, 0 if v else 100),
            "bright": lambda s, v: light(s, brightness=v), "heat": lambda s, v: heat(s, v)}[which]
    return text, [make(first, one), make(second, two)]


_OPPOSITES = [(True, False), (False, True)]
_SWAP = ("light", "plug", "blind")
_PAIRS = {"en": [("on", "off"), ("open", "close"), ("open", "closed"), ("raise", "lower"), ("up", "down"), ("start", "stop")],
          "de": [("an", "aus"), ("hoch", "runter"), ("auf", "zu"), ("öffne", "schließ"), ("ein", "aus"), ("starte", "stoppe"), ("anmachen", "ausmachen"), ("anmachen", "ausschalten"), ("einschalten", "ausschalten"),
                 ("einschalten", "ausmachen"), ("hochfahren", "runterfahren"), ("öffnen", "schließen"), ("öffne", "schließe"), ("hochfahren", "schließen"), ("öffnen", "runterfahren")]}


def _swap(text, lang):
    """Turns "on ... off" into "off ... on": the first word of a pair changes places with its partner."""
    words = text.split()
    for yes, no in _PAIRS[lang]:
        if yes in words and no in words:
            words = [no if w == yes else yes if w == no else w for w in words]
            break
    return " ".join(words)
