"""Homes with real names, some invented, for scoring what is delivered: the agent links the names, the model never sees them.

A room or device: (name, aliases, gender); gender m f n for German articles, "" in English."""

_EN = [
    ("hall", "kitchen|living room|bedroom|hall|bathroom", "fan|coffee machine|toaster|heat lamp"),
    ("study", "study|lounge|nursery|cellar|guest room/spare room", "printer|kettle|christmas tree|washing machine"),
    ("workshop", "workshop|garage|office|meeting room|lobby", "compressor|drill press|radio|dehumidifier"),
    ("Annas room", "Annas room|Tims room|dining room|conservatory|pantry", "aquarium pump|record player|humidifier|tv/television"),
    ("Valdora", "Valdora|Tessmin|Orlin hall|Brenwick|loft", "Zephyr|Kronix|pump two|water cooler"),
    ("bakery", "bakery|shop|storeroom|backyard|canteen", "oven|mixer|ice maker|big freezer"),
]
_DE = [
    ("Flur", "Küche f|Wohnzimmer n|Schlafzimmer n|Flur m|Bad n", "Ventilator m|Kaffeemaschine f|Toaster m|Wärmelampe f"),
    ("Arbeitszimmer", "Arbeitszimmer n|Esszimmer n|Kinderzimmer n|Keller m|Gästezimmer/Besucherzimmer n", "Drucker m|Wasserkocher m|Weihnachtsbaum m|Waschmaschine f"),
    ("Werkstatt", "Werkstatt f|Garage f|Büro n|Besprechungsraum m|Empfang m", "Kompressor m|Bohrmaschine f|Radio n|Luftentfeuchter m"),
    ("Annas Zimmer", "Annas Zimmer n|Tims Zimmer n|Stube f|Wintergarten m|Speisekammer f", "Teichpumpe f|Plattenspieler m|Luftbefeuchter m|Fernseher/Glotze m"),
    ("Valdora", "Valdora f|Tessmin m|Orlinsaal m|Brenwick n|Dachboden m", "Zephyr m|Kronix m|Pumpe Zwei f|Wasserspender m"),
    ("Backstube", "Backstube f|Laden m|Lager n|Hof m|Kantine f", "Backofen m|Mixer m|Eismaschine f|Spülmaschine f"),
]
# Said for the same room: the agent knows these without being told (agent/answer/link.cc).
SYNONYMS = [{"living room", "lounge", "wohnzimmer", "stube"}, {"bathroom", "bad", "badezimmer"}, {"hall", "hallway", "flur", "diele"}, {"office", "büro", "arbeitszimmer"},
            {"cellar", "basement", "keller"}, {"nursery", "kids room", "kinderzimmer", "childrens room"}, {"attic", "loft", "dachboden"}, {"terrace", "patio", "terrasse"}, {"study", "arbeitszimmer"}]


def _names(text, german):
    out = []
    for entry in text.split("|"):
        name, _, gender = entry.rpartition(" ") if german else (entry, "", "")
        names = name.split("/")
        out.append((names[0], names[1:], gender))
    return out


def homes(lang):
    """[{"home", "here", "rooms", "devices"}] with (name, aliases, gender) entries."""
    return [{"home": f"{lang}{i}", "here": here, "rooms": _names(rooms, lang == "de"), "devices": _names(devices, lang == "de")}
            for i, (here, rooms, devices) in enumerate(_EN if lang == "en" else _DE)]


def collides(home, words):
    """Whether words of an utterance, outside its slots, could be taken for something of this home."""
    said = " " + " ".join(words).lower() + " "
    for name, aliases, _ in home["rooms"] + home["devices"]:
        for known in [name, *aliases, *(s for group in SYNONYMS if name.lower() in group for s in group)]:
            if any(f" {w} " in said for w in (known.lower(), known.lower().split()[0], known.lower().split()[-1])):
                return True
    return False
