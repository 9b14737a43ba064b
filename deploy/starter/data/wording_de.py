"""German verbs and objects of commands, one list per meaning. What is trained and what is kept out: data/wording.py.

A verb is (imperative, du-form, infinitive, particle); a stem kept out of training is kept out of every list."""

from data.wording import by_phrase, is_held

ROOM_PLACES = ["in ROOM", "im ROOM", "in der ROOM", "in dem ROOM", "im ROOM", "in der ROOM", "für ROOM", "drüben im ROOM", "vom ROOM", "von der ROOM", "bei ROOM", "in meinem ROOM", "in unserer ROOM",
               "im ROOM", "in der ROOM", "in unserem ROOM", "in meiner ROOM", "für die ROOM", "für das ROOM", "drüben in der ROOM", "im ganzen ROOM", "überall im ROOM", "überall in der ROOM", "innerhalb der ROOM", "in diesem ROOM",
               "vorne im ROOM", "vorne in der ROOM", "da drüben im ROOM", "nebenan im ROOM", "aus dem ROOM", "aus der ROOM", "am ROOM", "zur ROOM", "beim ROOM", "dort im ROOM", "dort in der ROOM"]
ROOM_PLACES_HELD = ["hinten im ROOM", "unten in der ROOM", "oben im ROOM", "drin im ROOM", "in deiner ROOM", "hinten in der ROOM"]
HERE_PLACES = ["", "", "", "", "", "hier", "hier drin", "in diesem raum", "hier im raum", "bei mir", "in diesem zimmer", "im zimmer", "im raum", "hier im zimmer", "hier drinnen", "in meinem zimmer"]
HERE_PLACES_HELD = ["da wo ich bin", "hier bei uns"]

LIGHT_OBJ = ["das licht", "die lampe", "die lichter", "die beleuchtung", "das licht", "die lampen", "alle lichter", "alle lampen", "die deckenlampe", "das deckenlicht", "licht", "mein licht",
             "das licht", "das licht", "das hauptlicht", "die deckenleuchte", "sämtliche lichter", "die ganzen lichter", "jede lampe", "beide lampen", "unser licht", "die leuchte", "die leuchten", "die birne", "die ganze beleuchtung", "unsere lampen", "alles licht", "die deckenbeleuchtung"]
BLIND_OBJ = ["die rollos", "das rollo", "die rollläden", "die jalousien", "den rollladen", "die jalousie", "alle rollos", "die rolladen", "die vorhänge", "rollos", "die läden",
             "die rollos", "das rollo", "den vorhang", "alle jalousien", "alle rollläden", "unsere rollos", "meine jalousien", "sämtliche rollos", "beide rollos", "die gardinen", "die fensterläden", "jalousien", "rollläden", "die ganzen rollos", "den rolladen", "die raffstores", "die plissees"]
HEAT_OBJ = ["die heizung", "das thermostat", "die temperatur", "die raumtemperatur", "den heizkörper", "heizung", "die wärme", "die heizung", "die heizkörper", "unsere heizung", "den thermostat", "die zimmertemperatur", "temperatur", "die fußbodenheizung", "den regler"]

# Stems always trained, and those of the first held-out lists, never trained.
CORE = set("mach schalt dreh stell setz fahr zieh öffne schließ lass dimm start stopp regel bring heiz erinner weck aktivier deaktivier lösch beend drück".split())
HELD = set("knips tu dämpf justier pack schieb kurbel roll heb senk kühl beheiz würg leg ruf stups".split())


_IRREGULAR = {  # imperative: du-form, infinitive
    "fahr": ("fährst", "fahren"), "lass": ("lässt", "lassen"), "schließ": ("schließt", "schließen"), "tu": ("tust", "tun"), "öffne": ("öffnest", "öffnen"), "wirf": ("wirfst", "werfen"), "halt": ("hältst", "halten"), "gib": ("gibst", "geben"),
    "nimm": ("nimmst", "nehmen"), "lad": ("lädst", "laden"), "zeichne": ("zeichnest", "zeichnen"), "stoß": ("stößt", "stoßen"), "trag": ("trägst", "tragen"), "ordne": ("ordnest", "ordnen"), "verdunkel": ("verdunkelst", "verdunkeln"), "blas": ("bläst", "blasen"), "unterbrich": ("unterbrichst", "unterbrechen")}


def forms(stem):
    """(imperative, du-form, infinitive) of a verb by its imperative."""
    if stem in _IRREGULAR:
        return (stem, *_IRREGULAR[stem])
    if stem.endswith(("el", "er")) and not stem.endswith("ier"):
        return stem, stem + "st", stem + "n"
    bare = stem[:-1] if stem.endswith("e") else stem
    du = bare + ("t" if bare.endswith(("s", "ß", "z", "x")) else "est" if bare.endswith(("t", "d", "fn", "chn")) else "st")
    return stem, du, bare + "en"


def verb_held(stem):
    stem = stem[:-1] if stem.endswith("e") and stem != "öffne" else stem
    return stem in HELD or stem not in CORE and is_held(stem, 3)


_POLITE_E = set("mach schalt dreh stell setz fahr dimm heiz stopp lösch schließ klick bring aktivier reduzier".split())
_ALWAYS_E = set("start beend zünd entzünd erleucht beleucht richt verwend lüft pust".split())


def verbs(*groups, held_pairs=()):
    """(train, held) from (stems, particles) groups; a stem twice is chosen twice as often; some also with the polite e ("schalte")."""
    train, held = [], [(*forms(stem), particle) for stem, particle in held_pairs]
    for stems, particles in groups:
        for stem in stems.split():
            for particle in particles.split() or [""]:
                for variant in [stem + "e"] if stem in _ALWAYS_E else [stem, stem + "e"] if stem in _POLITE_E else [stem]:
                    (held if verb_held(stem) else train).append((*forms(variant), "" if particle == "-" else particle.replace("-", " ")))
    taught = {verb[2:] for verb in train}
    return train, [verb for verb in held if verb[2:] not in taught]


LIGHT_ON = verbs(("mach mach mach schalt schalt schalt dreh stell lass knips klick tipp tu drück schnips zünd steck hau wirf schmeiß knall setz pack bring klatsch", "an"), ("schalt schalt schalt drück klick", "ein"),
                 ("aktivier entzünd entfach erhell erleucht beleucht", "-"), ("dreh", "hoch"), ("mach schalt", "wieder-an"), ("lass", "leuchten brennen"))
LIGHT_OFF = verbs(("mach mach mach schalt schalt schalt dreh stell lass knips klick tipp tu drück schnips hau pust blas knall klatsch", "aus"), ("schalt stell dreh klemm schalt würg knips", "ab"),
                  ("lösch lösch deaktivier beend kapp stopp erstick verdunkel", "-"), ("mach schalt", "wieder-aus"))
DIM = verbs(("dimm dimm dimm dimm", "- runter herunter"), ("dreh regel schraub schalt stell nimm senk zieh", "runter"), ("regel dreh", "herunter"), ("reduzier verringer dämpf mäßig verminder schwäch drossel", "-"), ("dimm schwäch", "ab"), held_pairs=[("fahr", "runter")])
_SET = (("stell stell setz mach dreh regel bring schalt änder regulier justier pack schieb konfigurier programmier fixier steuer drück begrenz zieh führ", "-"), ("stell stell regel", "ein"))
SET = verbs(*_SET)
BLIND_OPEN = verbs(("mach mach zieh reiß klapp schieb tu roll kurbel stoß drück stell dreh zerr", "auf"), ("fahr fahr zieh lass mach roll kurbel schieb dreh hol beweg schick bring nimm stell schraub wickel hiev spul", "hoch"), ("fahr zieh lass mach dreh hol schieb schick", "rauf"), ("fahr zieh lass", "herauf"),
                   ("öffne öffne öffne öffne", "-"), ("heb", "an"), ("wickel", "ein"), ("fahr zieh schieb beweg bring", "nach-oben"), ("lüft hiss", "-"))
BLIND_CLOSE = verbs(("mach mach zieh klapp schieb tu roll kurbel stoß drück stell dreh schlag zerr", "zu"), ("fahr fahr zieh lass mach roll kurbel schieb dreh hol beweg schick bring nimm spul", "runter"), ("fahr lass zieh roll", "herunter"), ("lass fahr zieh", "herab"), ("schließ schließ schließ verschließ versperr", "-"), ("senk", "ab"),
                    ("zieh", "dicht"), ("fahr zieh schieb beweg bring", "nach-unten"), held_pairs=[("mach", "dicht")])
BLIND_SET = verbs(("fahr stell setz bring mach beweg steuer dreh zieh schieb positionier führ verschieb verstell schick", "-"), ("stell", "ein"), held_pairs=[("lass", "")])
HEAT = verbs(*_SET, ("dreh regel fahr stell schraub heb zieh", "hoch"), ("dreh regel fahr stell schraub nimm", "runter"), ("dreh stell schraub", "rauf"), ("halt lass erhöh steiger", "-"), ("heb", "an"), ("senk", "ab"))
HEAT_ROOM = verbs(("heiz heiz erwärm bring stell wärm mach temperier setz kühl beheiz regel klimatisier halt", "-"), ("heiz wärm", "auf"), ("wärm", "vor"), ("kühl", "ab runter"))
PLUG_ON = verbs(("mach mach schalt schalt dreh stell lass knips klick tipp tu drück wirf schmeiß steck hau zünd", "an"), ("schalt schalt schalt steck drück", "ein"), ("start start aktivier bestrom betreib benutz verwend", "-"), ("lass", "laufen arbeiten"), ("mach schalt", "wieder-an"), held_pairs=[("fahr", "hoch")])
PLUG_OFF = verbs(("mach mach schalt schalt dreh stell lass knips klick tipp tu drück hau", "aus"), ("schalt stell dreh würg klemm steck häng", "ab"), ("stopp stopp beend deaktivier unterbrich kapp brems", "-"), ("halt", "an"), ("mach schalt", "wieder-aus"), held_pairs=[("fahr", "runter")])
TIMER_SET = verbs(("stell stell setz mach aktivier programmier erstell nimm eröffne beginn start start start", "-"), ("stell richt", "ein"), ("leg", "an"), ("wirf schalt mach fang", "an"), held_pairs=[("zieh", "auf")])
TIMER_ME = verbs(("erinner weck ruf alarmier benachrichtig warn informier", "-"), ("weck rüttel", "auf"), ("stups piep klingel ruf", "an"))
TIMER_OBJ = ["einen timer", "den timer", "einen wecker", "einen countdown", "den wecker", "einen kurzzeitwecker", "timer", "die eieruhr", "einen timer", "einen alarm", "eine stoppuhr", "den küchenwecker", "meinen timer", "einen neuen timer", "die uhr", "den kurzzeitmesser"]

LIGHT_SHORT = {True: by_phrase(["OBJ PLACE an", "OBJ an PLACE", "OBJ PLACE an", "OBJ an PLACE", "ich brauche [mehr] licht PLACE", "wir brauchen licht PLACE", "ich will licht PLACE", "ich hätte gern[e] licht PLACE", "PLACE soll OBJ an sein", "es werde licht PLACE", "OBJ ein PLACE", "OBJ PLACE ein", "ich möchte licht PLACE", "OBJ soll PLACE an sein", "OBJ wieder an PLACE",
                                "OBJ muss PLACE an", "ich brauche PLACE licht", "mehr licht PLACE", "PLACE OBJ an", "PLACE licht", "OBJ PLACE anmachen", "OBJ PLACE anmachen", "OBJ PLACE einschalten", "ich sehe nichts PLACE OBJ an", "es ist [so|zu] dunkel PLACE OBJ an", "wir wollen licht PLACE", "OBJ kann PLACE an", "PLACE bitte licht", "etwas licht PLACE", "OBJ darf PLACE an", "sorg für licht PLACE", "her mit dem licht PLACE",
                                "ich hätte gern dass OBJ PLACE an ist", "ich will dass OBJ PLACE an ist"],
                               ["PLACE muss OBJ an", "gib mir licht PLACE"]),
               False: by_phrase(["OBJ PLACE aus", "OBJ aus PLACE", "OBJ PLACE aus", "OBJ aus PLACE", "kein licht [mehr] PLACE", "ich will kein licht PLACE", "PLACE soll OBJ aus sein", "ich brauche kein licht mehr PLACE", "OBJ PLACE ab", "OBJ ab PLACE", "OBJ soll PLACE aus sein", "OBJ wieder aus PLACE", "PLACE OBJ aus", "OBJ PLACE ausmachen", "OBJ PLACE ausschalten",
                                 "OBJ muss PLACE aus", "weg mit dem licht PLACE", "es ist zu hell PLACE OBJ aus", "wir brauchen PLACE kein licht mehr", "OBJ kann PLACE ausgehen", "alles aus PLACE", "PLACE alles aus", "mach alles aus PLACE", "ich will es PLACE dunkel", "ich brauche PLACE kein licht", "genug licht PLACE", "OBJ darf PLACE aus", "ich hätte gern dass OBJ PLACE aus ist", "ich will dass OBJ PLACE aus ist", "schluss mit dem licht PLACE"],
                                ["PLACE kann OBJ aus", "PLACE muss OBJ aus"])}
BLIND_SHORT = {0: by_phrase(["OBJ PLACE (hoch|auf|rauf|öffnen)", "OBJ PLACE (hoch|auf|rauf|öffnen)", "OBJ (hoch|auf|rauf) PLACE", "PLACE OBJ (hoch|auf|rauf)", "OBJ PLACE ganz (hoch|auf)", "OBJ PLACE nach oben", "OBJ wieder (hoch|auf) PLACE", "OBJ sollen PLACE (hoch|auf)", "ich will PLACE OBJ (oben|offen)", "OBJ PLACE (hochfahren|hochziehen|aufmachen)", "ich will sonne PLACE", "lass [die] sonne rein PLACE", "OBJ können PLACE hoch", "OBJ nach oben PLACE"], ["PLACE müssen OBJ hoch"]),
               100: by_phrase(["OBJ PLACE (runter|zu|herunter|schließen)", "OBJ PLACE (runter|zu|herunter|schließen)", "OBJ (runter|zu) PLACE", "PLACE OBJ (runter|zu)", "OBJ PLACE ganz (runter|zu)", "OBJ PLACE nach unten", "OBJ wieder (runter|zu) PLACE", "OBJ sollen PLACE (runter|zu)", "ich will PLACE OBJ (unten|zu)", "OBJ PLACE (runterfahren|herunterlassen|zumachen)", "die sonne blendet [mich] PLACE OBJ (runter|zu)", "OBJ können PLACE runter", "OBJ nach unten PLACE", "OBJ dicht PLACE"], ["PLACE müssen OBJ runter"]),
               50: by_phrase(["OBJ PLACE (halb|halb zu|halb auf|auf die hälfte)", "OBJ halb (hoch|runter|auf|zu) PLACE", "PLACE OBJ halb (auf|zu)", "OBJ PLACE zur hälfte", "OBJ zur hälfte (zu|auf|runter) PLACE", "OBJ auf halb PLACE", "OBJ sollen PLACE halb (offen|zu) sein"], ["OBJ PLACE bis zur mitte"])}
HEAT_SHORT = by_phrase(["OBJ PLACE [auf] NUM grad", "NUM grad PLACE", "ich (will|möchte|hätte gern) NUM grad PLACE", "ROOM [auf] NUM grad", "OBJ PLACE auf NUM", "PLACE sollen es NUM grad sein", "OBJ auf NUM grad PLACE", "PLACE NUM grad", "ich brauche NUM grad PLACE", "wir brauchen PLACE NUM grad", "es soll PLACE NUM grad haben", "es soll PLACE NUM grad warm sein", "ich will es PLACE NUM grad warm", "ich hätte es gern NUM grad PLACE",
                        "ich hätte PLACE gern NUM grad", "OBJ hoch auf NUM grad PLACE", "OBJ runter auf NUM grad PLACE", "OBJ PLACE soll auf NUM grad", "wir möchten PLACE NUM grad", "sorg PLACE für NUM grad", "PLACE OBJ auf NUM grad", "NUM grad wären PLACE schön", "PLACE wären NUM grad gut"], ["PLACE bitte auf NUM grad", "wir wollen NUM grad PLACE"])
PLUG_SHORT = {True: by_phrase(["DEV an", "DEV an", "DEV ein", "ich brauche DEV", "DEV soll an sein", "DEV soll laufen", "DEV wieder an", "DEV anmachen", "DEV starten", "DEV bitte an", "ich will DEV an haben", "DEV soll angehen", "DEV einschalten", "DEV soll arbeiten", "DEV kann an", "DEV braucht strom", "DEV darf laufen", "strom für DEV", "ich möchte dass DEV läuft", "ich will dass DEV läuft"], ["DEV muss laufen"]),
              False: by_phrase(["DEV aus", "DEV aus", "DEV ab", "DEV soll aus sein", "ich brauche DEV nicht mehr", "DEV wieder aus", "DEV ausmachen", "DEV stoppen", "DEV bitte aus", "ich will DEV aus haben", "DEV soll ausgehen", "DEV ausschalten", "DEV soll aufhören", "DEV soll stoppen", "kein strom für DEV", "DEV darf aus", "DEV kann jetzt aus", "wir brauchen DEV nicht mehr", "schluss mit DEV", "ich möchte dass DEV aus ist"], ["DEV kann aus"])}
TIMER_SHORT = by_phrase(["timer [auf|für] NUM UNIT", "NUM UNIT timer", "NUM UNIT timer", "wecker in NUM UNIT", "countdown NUM UNIT", "ich brauche einen timer (für|von) NUM UNIT", "neuer timer NUM UNIT", "alarm in NUM UNIT", "timer NUM UNIT", "timer (auf|für|von|über) NUM UNIT", "timer (auf|für|von|über) NUM UNIT", "wecker auf NUM UNIT", "ein timer (von|für|über) NUM UNIT", "einen timer (von|für|über) NUM UNIT", "alarm nach NUM UNIT", "ich will einen timer (für|von) NUM UNIT", "ich hätte gern einen timer für NUM UNIT",
                         "wir brauchen einen timer von NUM UNIT", "küchenwecker NUM UNIT", "stoppuhr NUM UNIT", "NUM UNIT countdown", "timer starten NUM UNIT", "timer für NUM UNIT starten", "ich möchte einen wecker in NUM UNIT", "countdown von NUM UNIT", "noch ein timer NUM UNIT"], ["eieruhr NUM UNIT", "NUM UNIT auf die uhr"])
UNITS = {"seconds": ["sekunden", "sekunden", "sekunde", "sek", "s"], "minutes": ["minuten", "minuten", "minute", "min"],
         "hours": ["stunden", "stunden", "stunde", "h", "std"]}
SMALL = ["", "", "", "", "bitte", "mal", "mal bitte", "doch", "doch bitte", "bitte mal", "doch mal", "jetzt", "schnell", "sofort", "kurz", "eben", "mal eben", "mir", "mir mal", "bitte sofort", "gleich", "mir bitte", "endlich", "noch", "auch", "bitte noch", "wieder", "jetzt bitte", "mal schnell", "nun", "einfach", "uns"]
