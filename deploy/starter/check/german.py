"""German agreement: article, adjective and noun; the case after a preposition; subject and verb; capitals of nouns."""

import re

# Nouns of the texts with their gender; plurals by their own list. Foods follow below.
NOUNS = {
    "f": """Vibration Temperatur Luftfeuchte Drehzahl Leistung Spannung Kraft Frequenz Helligkeit Beschleunigung Zugspannung Öltemperatur Lagertemperatur Luftqualität Bodenfeuchte Durchflussmenge
            Geschwindigkeit Raumtemperatur Feuchtigkeit Leitfähigkeit Schwingung Stromstärke Feuchte Kühlmitteltemperatur Lichtstärke Achse Schwankung Wartung Gelegenheit Prüfung Ursache Befestigung Halterung
            Pfanne Auflaufform Form Platte Schüssel Schale Hitze Beilage Prise Packungsangabe Weile Minute Stunde Sekunde""",
    "m": """Druck Strom Füllstand Durchfluss Geräuschpegel Motorstrom Wasserstand Luftdruck Energieverbrauch Pegel Schallpegel Wasserdruck Tankfüllstand Öldruck Gehalt Wert Rundgang Blick Betrieb Neustart Test
            Wackelkontakt Sensor Verlauf Topf Ofen Teller Tisch Kühlschrank Teig Pfeffer Geschmack Schluss Nachtisch Auflauf Eintopf Tag""",
    "n": "Drehmoment Gewicht Auge Kabel Öl Wasser Salzwasser Salz Omelett Gericht Abendessen Ofengericht Pfannengericht",
}
PLURALS = "Schwankungen Teile Stücke Streifen Scheiben Portionen Pfannkuchen Teller Minuten Sekunden Stunden Tage".split()
DATIVE_PLURALS = "Schwankungen Teilen Stücken Streifen Scheiben Portionen Pfannkuchen Tellern Minuten Sekunden Stunden Tagen".split()
FOODS = {
    "m": """Schinken Speck Gulasch Lachs Kabeljau Thunfisch Hering Fisch Seelachs Wolfsbarsch Spinat Brokkoli Lauch Blumenkohl Weißkohl Sellerie Fenchel Spargel Mais Grünkohl Kürbis Knoblauch Mangold Salat Rucola
            Kopfsalat Joghurt Quark Frischkäse Schmand Ricotta Käse Feta Mozzarella Parmesan Gouda Bergkäse Ziegenkäse Halloumi Camembert Reis Couscous Bulgur Toast Grieß Hartweizengrieß Pumpernickel Honig Zucker Ahornsirup
            Vanillezucker Karamell Schnittlauch Dill Koriander Thymian Salbei Senf Tofu Seitan""",
    "f": """Putenbrust Salami Hähnchenbrust Ente Forelle Makrele Scholle Zucchini Gurke Avocado Kresse Mango Ananas Kiwi Melone Milch Sahne Butter Mascarpone Buttermilch Polenta Hirse Schokolade Marmelade
            Petersilie Minze Kokosmilch Tomatensoße Currypaste Brühe Sojasoße Überraschung Suppenmischung""",
    "n": """Hähnchen Rindfleisch Schweinefleisch Hackfleisch Lammfleisch Kalbfleisch Schnitzel Wildfleisch Ei Brot Brötchen Baguette Fladenbrot Knäckebrot Mehl Dinkelmehl Marzipan Basilikum Pesto Tahin Fertiggericht""",
}
# Plural foods whose dative differs: "mit Eiern", not "mit Eier".
FOOD_PLURALS = """Würstchen Frikadellen Garnelen Fischstäbchen Krabben Muscheln Karotten Tomaten Zwiebeln Champignons Kartoffeln Erbsen Auberginen Möhren Süßkartoffeln Pilze Pastinaken Artischocken Radieschen Endivien
Äpfel Bananen Erdbeeren Birnen Orangen Heidelbeeren Trauben Pflaumen Pfirsiche Kirschen Himbeeren Zitronen Beeren Aprikosen Feigen Eier Wachteleier Nudeln Spaghetti Gnocchi Makkaroni Spätzle Graupen Tortillas
Haferflocken Linsen Kichererbsen Bohnen Kidneybohnen Schälerbsen Walnüsse Mandeln Haselnüsse Erdnüsse Cashewkerne Pinienkerne Sonnenblumenkerne Pistazien Pekannüsse Rosinen Oliven Kapern Algen Reste""".split()
NO_DATIVE = {w for w in FOOD_PLURALS if w[-1] not in "ns"} - {"Spaghetti", "Gnocchi", "Makkaroni", "Spätzle"} | {"Teile", "Stücke", "Teller", "Tage"} - {"Teller"}

GENDER = {noun: g for table in (FOODS, NOUNS) for g, text in table.items() for noun in text.split()}
BOTH = {noun for noun in PLURALS + DATIVE_PLURALS + FOOD_PLURALS if noun in GENDER}  # the same in singular and plural
GENDER.update({noun: "p" for noun in PLURALS + DATIVE_PLURALS + FOOD_PLURALS if noun not in GENDER})
ARTICLES = {"m": {"der": "n", "den": "a", "dem": "d", "des": "g"}, "f": {"die": "na", "der": "dg"}, "n": {"das": "na", "dem": "d", "des": "g"}, "p": {"die": "na", "den": "d", "der": "g"}}
ARTICLES_EIN = {"m": {"ein": "n", "einen": "a", "einem": "d", "eines": "g"}, "f": {"eine": "na", "einer": "dg"}, "n": {"ein": "na", "einem": "d", "eines": "g"}, "p": {}}
THIS = {"m": {"dieser": "n", "diesen": "a", "diesem": "d"}, "f": {"diese": "na", "dieser": "dg"}, "n": {"dieses": "na", "diesem": "d"}, "p": {"diese": "na", "diesen": "d"}}
ALL = {a: None for table in (ARTICLES, ARTICLES_EIN, THIS) for forms in table.values() for a in forms}
CONTRACTED = {"beim": "d", "vom": "d", "zum": "d", "im": "d", "am": "d", "zur": "d", "ins": "a", "ans": "a"}
TAKES = {**dict.fromkeys("bei von mit seit zu nach aus".split(), "d"), **dict.fromkeys("für um durch ohne gegen".split(), "a"), **dict.fromkeys("in an auf über unter vor".split(), "ad")}
STRONG = {"m": {"n": "er", "a": "en", "d": "em"}, "f": {"n": "e", "a": "e", "d": "er"}, "n": {"n": "es", "a": "es", "d": "em"}, "p": {"n": "e", "a": "e", "d": "en"}}
ADJECTIVES = """üblich heiß groß klein kalt süß nächst lose mittler gefettet glatt dünn mundgerecht kräftig hell leicht frisch warm weiß rot passiert kühl golden lang bunt einfach schnell herzhaft locker goldgelb goldbraun
wärmend""".split()
SINGULAR_VERBS = "liegt steht schwankt hängt bleibt meldet zeigt ist wird hat kommt".split()
PLURAL_VERBS = "liegen stehen schwanken hängen bleiben melden zeigen sind werden haben kommen".split()
PRONOUN = {"m": "er", "f": "sie", "n": "es"}
SMALL = set(ALL) | set(CONTRACTED) | set(TAKES) | set(SINGULAR_VERBS) | set("und oder aber nicht also damit obwohl sonst dann dazu zuerst inzwischen etwas alles bald sofort noch deutlich leicht weit mehr als wie um kurz gut".split())
WORD = re.compile(r"[^\W\d_]+|\d[\d.,:]*|[,.;:!?()]")


def _adjective(word):
    """(stem, ending) of an adjective in one of its forms, else None."""
    for ending in ("en", "em", "er", "es", "e"):
        if word.endswith(ending) and any(word[:-len(ending)] in (a, a + "er") or word[:-len(ending)] == a.rstrip("e") for a in ADJECTIVES):
            return word[:-len(ending)], ending
    return None


def _group(words, i):
    """From a determiner or preposition at i: (article, [adjective endings], noun) up to the noun that ends the group; noun is None if none comes."""
    article, endings, at = "", [], i
    low = words[at].lower()
    if low in ALL:
        article, at = low, at + 1
    while at < len(words):
        adjective = _adjective(words[at])
        if adjective:
            endings.append(adjective[1])
        elif words[at] in ("sonst", "gut", "sehr", "etwas", "reichlich"):
            pass
        else:
            break
        at += 1
    noun = words[at] if at < len(words) else None
    return article, endings, noun if noun in GENDER else None


def _cases(gender, article, endings, weak):
    """The cases in which article and adjectives fit the gender; empty when they never do."""
    if article:
        table = ARTICLES if article[0] == "d" and not article.startswith("dies") else THIS if article.startswith("dies") else ARTICLES_EIN
        cases = set(table[gender].get(article, ""))
        for ending in endings:
            if table is ARTICLES_EIN:
                want = {c: ("en" if c == "d" or c == "g" or gender == "m" and c == "a" else STRONG[gender][c]) for c in cases}
            else:
                want = {c: "e" if gender != "p" and (c == "n" or c == "a" and gender != "m") else "en" for c in cases}
            cases = {c for c in cases if want[c] == ending}
        return cases
    if weak:  # after "beim", "zum": like after "dem", "der"
        return {weak} if all(e == "en" or weak == "a" and e == "e" for e in endings) else set()
    cases = {"n", "a", "d"}
    for ending in endings:
        cases = {c for c in cases if STRONG[gender].get(c) == ending}
    return cases


def _groups(words):
    found = []
    for i, word in enumerate(words):
        low = word.lower()
        if low in CONTRACTED or low in TAKES:
            allowed = CONTRACTED.get(low) or TAKES[low]
            article, endings, noun = _group(words, i + 1) if i + 1 < len(words) else ("", [], None)
            if noun is None:
                continue
            gender = GENDER[noun]
            if low in CONTRACTED and (article or gender == "p" or (low == "zur") != (gender == "f") or low in ("ins", "ans") and gender != "n"):
                found.append(f"preposition: {low} {noun}")
                continue
            cases = _cases(gender, article, endings, allowed if low in CONTRACTED else "")
            if noun in BOTH:
                cases |= _cases("p", article, endings, "")
            if not cases & set(allowed):
                found.append(f"case: {low} {article} {' '.join(endings)} {noun}".replace("  ", " "))
            if "d" in allowed and "a" not in allowed and not article and noun in NO_DATIVE:
                found.append(f"dative: {low} {noun}")
        elif low in ALL and (i == 0 or words[i - 1].lower() not in TAKES):
            article, endings, noun = _group(words, i)
            if noun and not _cases(GENDER[noun], article, endings, "") and not (noun in BOTH and _cases("p", article, endings, "")):
                found.append(f"article: {article} {' '.join(endings)} {noun}".replace("  ", " "))
    return found


def _verbs(text):
    found = []
    for clause in re.split(r"[.;:,!?]\s|[.!?]$", text):
        words = re.findall(r"[^\W\d_]+", clause)
        subject = next((GENDER[b] for a, b in zip(words, words[1:]) if a.lower() in ("der", "die", "das") and b in GENDER and GENDER[b] != "p" and ARTICLES[GENDER[b]].get(a.lower(), "").startswith("n")
                        and words[max(0, words.index(b) - 2)].lower() not in TAKES), None)
        plural = [w for w in words if w in PLURAL_VERBS]
        single = [w for w in words if w in SINGULAR_VERBS]
        if subject and plural and not single and "zu" not in words and "Schwankungen" not in words and not set(words) & set(FOOD_PLURALS):
            found.append(f"verb: {plural[0]} after a singular subject")
        if "zu" in words and words[words.index("zu") + 1:words.index("zu") + 2] and words[words.index("zu") + 1] in SINGULAR_VERBS:
            found.append(f"verb: zu {words[words.index('zu') + 1]}")
        for a, b in zip(words, words[1:]):
            if a in PLURALS + FOOD_PLURALS and GENDER.get(a) == "p" and b in ("ist", "wird", "hat") or a in ("sind", "werden") and b in GENDER and GENDER[b] != "p":
                found.append(f"agreement: {a} {b}")
            if b in PLURALS and a == "ist":
                found.append(f"agreement: {a} {b}")
        if len(words) > 2 and words[0] == "Der" and GENDER.get(words[1]) == "f" and words[2] in SINGULAR_VERBS:
            found.append(f"article: Der {words[1]} as a subject")
        if len(single) > 1 and "und" not in words:
            found.append(f"two verbs in a clause: {' '.join(single)}")
    return found


def _pronouns(text):
    """A pronoun follows the sensor that the report is about."""
    match = re.search(r"\b(?:[Dd](?:er|ie|as|en)|beim|bei der|für d(?:en|ie|as)) ([A-ZÄÖÜ]\w+)", text)
    sensor = next((w for w in re.findall(r"[A-ZÄÖÜ][^\W\d_]+", text) if w in GENDER and w in NOUNS_OF_SENSORS), None) if match else None
    if sensor is None:
        return []
    want = PRONOUN[GENDER[sensor]]
    return [f"pronoun: {p} for {sensor}" for p in re.findall(r"(?:: |obwohl |schwankt )(er|sie|es|Er|Sie|Es)\b", text) if p.lower() != want]


def _capitals(text):
    found = []
    nouns = {n.lower() for n in GENDER if len(n) > 3} - {"ei", "form", "lauch", "reste", "teile", "ente", "strom", "test", "druck", "blick", "auge", "salz", "beeren", "würze", "mehl", "hitze", "wert", "scheiben", "linsen"}
    for match in re.finditer(r"[^\W\d_]+", text):
        word, before = match.group(0), text[:match.start()].rstrip()
        if word.lower() in nouns and word[0].islower() and not before.endswith("-"):
            found.append(f"noun in small letters: {word}")
        if word[0].isupper() and word.lower() in SMALL and before and before[-1] not in ".:!?" and word not in GENDER:
            found.append(f"capital inside a sentence: {word}")
    return found


def _infinitives(text):
    """Steps and advice end with an infinitive: "garen", not "gart"."""
    return [f"not an infinitive: {w}" for w in re.findall(r"\b(gart|brät|kocht|rührt|backt|bäckt|prüft|schneidet|waschet|beobachtet|reicht|lasst)\.", text)]


def _breaks(words):
    """Prepositions and articles that have nothing after them."""
    found = []
    for a, b in zip(words, words[1:]):
        if a.lower() in ("von", "bei", "mit", "für", "seit", "um", "der", "die", "das", "den", "dem", "einen", "und", "oder", "beim") and b in ".,;:!?)" or a in ",;" and b in ".,;:":
            found.append(f"breaks off: {a} {b}")
        if a.lower() in ALL and b.lower() in ("der", "die", "den", "dem", "einen", "einer", "bei", "von", "mit", "liegt", "steht", "und") and a.lower() not in ("die", "der", "das") or a.lower() in ("der", "dem", "den") and b.lower() in ("der", "die", "das", "dem", "den", "liegt", "steht", "von", "auf"):
            found.append(f"article without its noun: {a} {b}")
    return found


NOUNS_OF_SENSORS = set("""Vibration Temperatur Luftfeuchte Drehzahl Leistung Spannung Kraft Frequenz Helligkeit Beschleunigung Zugspannung Öltemperatur Lagertemperatur Luftqualität Bodenfeuchte Durchflussmenge
Geschwindigkeit Raumtemperatur Feuchtigkeit Leitfähigkeit Schwingung Stromstärke Feuchte Kühlmitteltemperatur Lichtstärke Druck Strom Füllstand Durchfluss Geräuschpegel Motorstrom Wasserstand Luftdruck Energieverbrauch
Pegel Schallpegel Wasserdruck Tankfüllstand Öldruck Drehmoment Gewicht""".split())


SINGULAR_NOUN = "(?:" + "|".join(sorted((n for n, g in GENDER.items() if g != "p" and n in {w for t in NOUNS.values() for w in t.split()}), key=len, reverse=True)) + ")"
SENSOR_NOUN = "(?:" + "|".join(sorted(NOUNS_OF_SENSORS, key=len, reverse=True)) + ")"
PLURAL_VERB = "(?:liegen|stehen|schwanken|hängen|bleiben|melden|zeigen|sind)"
COUNTED = "(?:Tisch|Achse|Ofen|Kühlschrank|Form|Pfanne|Schüssel|Topf|Teig|Auflaufform|Platte|Rundgang|Gelegenheit|Neustart|Wackelkontakt|Sensor|Schluss|Nachtisch|Servieren|Auge|Blick)"
# "Name" stands for what a user called a thing.
PATTERNS = [(kind, re.compile(rule)) for kind, rule in [
    ("verb", rf"\bName {PLURAL_VERB}\b"), ("verb", r"\bsind nichts\b"), ("verb", rf"\b[Dd]as {PLURAL_VERB}\b"),
    ("verb", rf"\b{PLURAL_VERB} (?:der|die|das) {SINGULAR_NOUN}\b"), ("verb", rf"\bschwanken (?:er|sie|es)\b|\b(?:er|es) (?:[a-z]+ )?{PLURAL_VERB}\b"),
    ("verb", r"Schwankungen von [^.;]* üblich ist\b"), ("verb", rf"\b[Ee]ine? {SINGULAR_NOUN} sind\b"), ("verb", r"obwohl sie [^.;,]*schwanken\b"),
    ("article", rf"\b(?:zeigt|meldet)(?: seit [^,]*?(?:Uhr|Minuten?|Stunden?|Sekunden?|Tage?n?|\d)(?:, also seit [^,]*,)?)? (?:der|die|das|den|dem) {SENSOR_NOUN}\b"),
    ("article", rf"(?<![Bb]ei )(?<!von )(?<!mit )(?<!zu )(?<!nach )(?<!aus )(?<!in )(?<!wegen )\b[Dd]er (?:{'|'.join(sorted(n for n in NOUNS_OF_SENSORS if GENDER[n] == 'f'))})\b"),
    ("case", r"\b(?:über|unter) (?:den|die|das) üblich\w* Wert\b"), ("case", r"\bals (?:den|dem|der|das|beim)\b"), ("article", r"(?<!der )\b[XYZ]-Achse\b"), ("case", r"(?<!auf )\bder [XYZ]-Achse\b"),
    ("article without its noun", r"(?:^|[;.:,] )(?:[Dd]ie|[Dd]er|[Dd]en|[Dd]em|[Bb]eim) (?:liegt|schwankt|steht|bleibt|ist)\b"),
    ("case", r"\b(?:[Dd]em|[Dd]er|[Dd]as|[Dd]ie|[Bb]eim) Sensor (?:sofort|bald|beim|prüfen|ersetzen)\b(?!.* (?:ist|liegt))"), ("case", r"\bsich (?:den|dem|des|beim)\b"),
    ("a preposition is missing", rf"\b(?:Wert|Schwankung|Schwankungen|sonst|schwankt|liegt|steht|fest|unverändert|damit|hängt|bleibt|zeigt|meldet|{SENSOR_NOUN}) -?\d"),
    ("article", rf"(?<![\w-])(?:auf|in|bei|mit|nach|vor|zu|aus|von|unter|über) {COUNTED}\b(?! -?\d)"), ("article", rf"(?:^|[^\w-])(?!der|die|das|den|dem|beim|vom|zum|Der|Die|Das|Den|Beim|CO)(\w+) {SENSOR_NOUN}\b"),
    ("a preposition is missing", r"\bUhr, also (?!seit)|\b(?:liegt|steht|schwankt|bleibt|zeigt|meldet|ist) (?:\d\d:\d\d|\d+ (?:Minuten?|Stunden?|Tagen?|Sekunden?))"), ("a preposition is missing", r"(?:Schwankungen|Wert|Schwankung) Name|\bWarnung: Name (?:liegt|ist|hängt)\b"),
    ("a preposition is missing", rf"\b{SENSOR_NOUN} Name\b|\b(?:liegt|ist|hängt|steht|bleibt) Name\b"),
]]
INFINITIVES = set("""waschen schneiden braten anbraten mitbraten garen kochen abgießen backen servieren rühren verrühren unterrühren einrühren erwärmen erhitzen mischen geben zugeben dazugeben hinzufügen darübergeben
darübergießen hinzugießen verquirlen stocken köcheln schmoren bedecken angießen aufkochen schichten legen verteilen ausstreichen reichen abschmecken würzen anrichten abspülen putzen salzen dünsten unterheben füllen stellen
abkühlen bringen prüfen suchen abschalten stoppen handeln rufen ersetzen trauen einplanen beobachten werfen ansehen hineingeben darüberstreuen""".split())


def _joined(text):
    """Orders are joined by "und" or a comma: "unterrühren und kurz erwärmen"."""
    found = []
    for part in re.split(r"[.,;:!?]| und |\bbis\b", text):
        orders = [w for w in re.findall(r"[^\W\d_]+", part) if w.lower() in INFINITIVES and (w[0].islower() or w == part.split()[0])]
        if len(orders) > 1 and "lassen" not in part and "zu" not in part.split():
            found.append(f"orders without und: {' '.join(orders)}")
    return found


def check(text):
    words = WORD.findall(text)
    return [f"{kind}: {m.group(0)}" for kind, rule in PATTERNS for m in rule.finditer(text)] + _joined(text) + _groups(words) + _verbs(text) + _pronouns(text) + _capitals(text) + _infinitives(text) + _breaks(words)
