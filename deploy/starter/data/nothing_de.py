"""German utterances that ask for nothing the panel can do. Things carry their gender for the articles. (train, held-out)."""

from data.wording import by_name, by_phrase

# noun/gender, genders m f n p (plural)
THINGS = """kaffeemaschine/f|toaster/m|fernseher/m|radio/n|ventilator/m|wasserkocher/m|spülmaschine/f|waschmaschine/f|trockner/m|backofen/m|herd/m|mikrowelle/f|kühlschrank/m|drucker/m|
computer/m|laptop/m|router/m|lautsprecher/m|staubsauger/m|roboter/m|pumpe/f|rasensprenger/m|garagentor/n|tor/n|tür/f|fenster/n|klingel/f|kamera/f|alarmanlage/f|beamer/m|
playstation/f|stereoanlage/f|luftbefeuchter/m|klimaanlage/f|boiler/m|sauna/f|whirlpool/m|springbrunnen/m|aquarium/n|weihnachtsbaum/m|mixer/m|bügeleisen/n|nähmaschine/f|säge/f|
bohrmaschine/f|ladegerät/n|handy/n|uhr/f|klavier/n|fahrrad/n|auto/n|rasenmäher/m|grill/m|kamin/m|kerze/f|dusche/f|badewanne/f|aufzug/m|wärmepumpe/f|solaranlage/f|batterie/f|
generator/m|kompressor/m|rakete/f|raumschiff/n|zeitmaschine/f|drache/m|pflanzen/p|hund/m|katze/f|musik/f|film/m|spiel/n|entfeuchter/m|föhn/m|zahnbürste/f|waage/f|reiskocher/m|
küchenmaschine/f|heizdecke/f|massagesessel/m|soundbar/f|monitor/m|tablet/n|spielkonsole/f|scanner/m|teichpumpe/f|poolpumpe/f|rauchmelder/m|weinkühlschrank/m|espressomaschine/f|
radiowecker/m|server/m|modem/n|drohne/f|nebelmaschine/f|discokugel/f|durchlauferhitzer/m|betonmischer/m|heckenschere/f|laubbläser/m|kettensäge/f|telefon/n|hochdruckreiniger/m|
wäschespinne/f|babyphon/n|fritteuse/f|raclette/n|eierkocher/m|milchaufschäumer/m|standuhr/f|orgel/f|bewässerung/f|markise/f|rolltreppe/f|seilwinde/f|modelleisenbahn/f""".replace("\n", "").split("|")
THINGS_HELD = "entsafter/m|laufband/n|plattenspieler/m|waffeleisen/n|eismaschine/f|teleskop/n|heißluftfritteuse/f|popcornmaschine/f|wasserspender/m|brotbackautomat/m".split("|")
ROOMS = """küche/f|bad/n|badezimmer/n|schlafzimmer/n|wohnzimmer/n|garage/f|keller/m|dachboden/m|flur/m|büro/n|arbeitszimmer/n|garten/m|schuppen/m|kerker/m|schloss/n|gästezimmer/n|
kinderzimmer/n|speisekammer/f|waschküche/f|bibliothek/f|balkon/m|terrasse/f|treppenhaus/n|gang/m|esszimmer/n|spielzimmer/n|werkstatt/f|scheune/f|stall/m|sauna/f|turm/m|
gewächshaus/n|schule/f|kirche/f|kino/n|restaurant/n|hotel/n|ankleide/f|diele/f|wintergarten/m|besprechungsraum/m|kantine/f|zelt/n|wohnwagen/m|bunker/m|nordflügel/m|obergeschoss/n|
erdgeschoss/n|einfahrt/f|hof/m|straße/f|toilette/f|wellnessbereich/m|nähzimmer/n|bügelzimmer/n|heizungskeller/m|abstellkammer/f|galerie/f|dachterrasse/f|carport/m|veranda/f|
museum/n|empfang/m|hundehütte/f|lagerhalle/f|laden/m|atelier/n|baumhaus/n|gästehaus/n|zweiter stock/m|westflügel/m|windfang/m|fernsehzimmer/n|kinoraum/m|serverraum/m|labor/n|
hütte/f|gruft/f|tresorraum/m|kochnische/f|schlafsaal/m|umkleide/f|vorzimmer/n|rumpelkammer/f|pförtnerhaus/n|vorratskammer/f|sonnendeck/n|aufenthaltsraum/m|klassenzimmer/n|foyer/n|
musikschule/f|bäckerei/f|turnhalle/f|aula/f|untergeschoss/n|dachstuhl/m|bastelraum/m""".replace("\n", "").split("|")
ROOMS_HELD = "weinkeller/m|musikzimmer/n|bootshaus/n|dunkelkammer/f|ballsaal/m|kapelle/f|penthouse/n|obstgarten/m|hobbyraum/m|loggia/f".split("|")
ACCUSATIVE = {"m": "den", "f": "die", "n": "das", "p": "die"}
NOMINATIVE = {"m": "der", "f": "die", "n": "das", "p": "die"}
IN_DATIVE = {"m": ["im", "in dem"], "f": ["in der"], "n": ["im", "in dem"], "p": ["in den"]}
THINGS, THINGS_HELD = by_name(THINGS, THINGS_HELD)
ROOMS, ROOMS_HELD = by_name(ROOMS, ROOMS_HELD)

CHAT = by_phrase(["guten (morgen|abend|tag)", "gute nacht", "hallo [linnet|du|zusammen]", "(hi|hey|servus|moin|grüß dich)", "danke [schön|dir|sehr|für alles]", "vielen dank [für die hilfe|]",
        "wie geht es dir [heute]?", "wie gehts [dir]?", "wer bist du?", "wie heißt du?", "erzähl [mir] (einen witz|eine geschichte|ein märchen|was)", "was kannst du [alles]?",
        "wie spät ist es?", "wie viel uhr ist es?", "welcher tag ist heute?", "ich bin (müde|froh|traurig|hungrig|zu hause|krank|spät dran|wieder da|dann mal weg)",
        "mir ist (kalt|warm|langweilig|schlecht)", "ich (mag|liebe|hasse) (dich|pizza|musik|montage|dieses haus|regen)", "wie (ist|wird) das wetter [heute|morgen|draußen|in berlin]?",
        "regnet es [heute|gerade]?", "wird es (heute|morgen) regnen?", "wie (kalt|warm) ist es draußen?", "wie alt bist du?", "woher kommst du?",
        "du bist (toll|dumm|lustig|die beste|nett|süß|nutzlos)", "(egal|vergiss es|nichts|schon gut|lass gut sein)", "nein [danke]", "ja [bitte|gern]", "okay", "gut gemacht", "gute idee",
        "bis (später|morgen|bald)", "tschüss", "schlaf gut", "was ist der sinn des lebens?", "sing [mir] ein lied", "lass uns (gehen|essen|tanzen|spielen|reden)",
        "(magst|kennst) du (mich|katzen|musik|witze)?", "was ist NUM plus NUM?", "ich habe NUM (katzen|kinder|hunde|brüder|euro)", "wir sind NUM leute [PLACE]",
        "mein (hund|bruder|chef) ist (krank|hier|lustig|nett)", "kannst du (singen|tanzen|schwimmen|kochen|mich hören)?", "wie weit ist der mond weg?", "wer hat das spiel gewonnen?",
        "ich war PLACE (gestern|heute|den ganzen tag)", "wir (essen|saßen|spielten|waren) PLACE", "ROOM ist (schön|groß|mein lieblingsraum|unordentlich)",
        "ich habe (eine neue lampe|ein neues handy|einen timer|ein buch) (gekauft|gefunden|verloren)", "DEV ist (kaputt|neu|laut|toll|teuer|alt)", "ich habe DEV (gekauft|verkauft|repariert)",
        "das licht ist (schön|hübsch|kaputt)", "die lampe ist (hässlich|neu|von meiner oma)", "ich habe ROOM gestrichen", "meine (mutter|schwester|freundin) (schläft|ist|arbeitet|sitzt) PLACE",
        "es ist [mir] (zu|so|sehr|ziemlich) (dunkel|kalt|warm|laut) [PLACE]", "die (rollos|vorhänge) sind (dreckig|alt|hässlich|kaputt)", "was für ein (tag|abend|chaos)",
        "ich kann nicht schlafen", "das war (lustig|schön|falsch|knapp)", "wie (koche|mache|backe) ich (reis|pizza|brot)?", "was soll ich [heute] (kochen|essen|anziehen|machen)?",
        "was gibt es (zu essen|heute abend)?", "(alles gute zum geburtstag|frohe weihnachten|gutes neues jahr)", "was bedeutet (licht|rollo|wärme)?", "warum ist der himmel blau?",
        "wie funktioniert (eine lampe|eine heizung|ein rollo)?", "licht ist schneller als schall", "ich (bin gleich PLACE|putze ROOM|warte PLACE)", "wer ist PLACE?",
        "ist (jemand|der hund|mein bruder) PLACE?", "wo ist (mein handy|die katze|mein schlüssel)?", "wo sind (alle|meine schlüssel|die kinder)?", "was ist PLACE [los]?",
        "ich gehe (jetzt ins bett|schlafen|einkaufen)", "schön dich zu (sehen|hören)", "was gibts neues?", "was ist los?", "ich bin (gelangweilt|wütend|aufgeregt|besorgt|stolz|verliebt)",
        "erzähl mir was über (geschichte|hunde|rom|den mond)", "welches datum haben wir?", "wie viele tage sind es bis (weihnachten|ostern)?", "was ist deine lieblings(farbe|speise|musik)?",
        "wer ist (bundeskanzler|papst|könig)?", "wie schreibt man (licht|rhythmus|regenschirm)?", "was ist die hauptstadt von (frankreich|peru|japan)?",
        "ich (glaube|denke|finde) du (hast recht|irrst dich|bist lustig)", "(die lampe|das rollo|die heizung) im büro ist (alt|kaputt|neu)",
        "wir haben neue (lampen|rollos|vorhänge|heizkörper) (gekauft|bestellt|angeschaut)", "(die lampe|das thermostat) war (teuer|billig|ein schnäppchen)",
        "ich (mag|liebe) (dieses licht|diese vorhänge|das warme licht) [PLACE]", "mir gefällt (die neue lampe|das rollo|der vorhang) PLACE",
        "(die neue lampe|das licht|der vorhang) PLACE (gefällt mir|ist hübsch|sieht gut aus|ist hässlich)", "das licht PLACE erinnert mich an früher", "gestern war es (kalt|warm|dunkel) PLACE",
        "morgen wird es (kalt|heiß|NUM grad warm)", "gestern hatte es NUM grad", "letzte nacht waren wir PLACE", "ich bin PLACE eingeschlafen", "(jemand|die katze|das baby) schläft PLACE",
        "meine kinder spielen PLACE", "ich muss [heute|noch] PLACE (kochen|arbeiten|putzen|lernen)", "da ist (eine spinne|staub|ein karton) PLACE", "NUM plus NUM", "(zähl|tanz|lach|spring) mal",
        "sag was", "(gute|schlechte|komische) idee", "ich (verstehe|weiß|sehe schon)", "was hast du gesagt?", "(wie bitte|was|hä|hm)?", "wiederhol das", "du hast mich falsch verstanden",
        "das (wars|reicht|ist alles) [für heute]", "schönen (tag|abend|feierabend) [noch]", "(glückwunsch|prost|bravo|hurra)", "ich bin in NUM minuten zurück", "bis in NUM stunden",
        "mein zug fährt in NUM minuten", "ich habe NUM stunden gearbeitet", "das hat NUM minuten gedauert", "DEV hat NUM euro gekostet", "DEV ist von (meiner tante|ikea|der arbeit)",
        "DEV macht komische geräusche", "ich (mag|liebe|hasse) DEV", "wo hast du DEV gekauft?", "wie teuer war DEV?", "ROOM hat NUM fenster",
        "ROOM braucht (neue farbe|einen teppich|eine pflanze)", "wer schläft PLACE?", "welche farbe hat ROOM?", "wie groß ist ROOM?", "wie alt ist DEV?",
        "was ist (ein thermostat|ein rollladen|ein kilowatt)?", "wer hat (die lampe|die glühbirne|das telefon) erfunden?"],
        ["freut mich dich kennenzulernen", "wie war dein tag?", "mir geht es heute prima", "die katze schläft PLACE", "erzähl etwas über dich", "wir haben ROOM blau gestrichen",
        "was für ein schöner abend", "bist du ein roboter?", "mein nachbar ist laut", "sprichst du englisch?", "DEV war ein geschenk", "wir feiern PLACE eine party",
        "wie hoch ist der eiffelturm?", "tut mir leid", "ich habe die lampe fallen lassen", "wer hat ROOM geputzt?"])
UNSUPPORTED = by_phrase(["(spiel|spiele|stopp) [etwas|die] musik [PLACE]", "spiel (jazz|rock|das radio|meine playlist) PLACE", "bestell [mir] (eine pizza|ein taxi|milch)",
        "ruf (mama|papa|die polizei|meinen chef) an", "schreib (mama|meinem chef|anna) eine nachricht", "mach (die tür|das fenster|das tor|den kühlschrank) [PLACE] (auf|zu)",
        "(öffne|schließ|verriegel) (die tür|das fenster|das tor|die garage) [PLACE]", "(putz|saug|wisch) ROOM", "räum ROOM auf", "(gieß die pflanzen|füttere den hund|füttere die katze) [PLACE]",
        "setz (milch|brot|eier) auf die [einkaufs]liste", "lies [mir] (die nachrichten|meine mails|ein buch) vor", "zeig mir (bilder|einen film|die kamera|den weg)",
        "(mach|koch) (kaffee|das essen|tee) [PLACE]", "(buch|such) (einen tisch|einen flug|ein hotel|ein restaurant)", "mach es (wärmer|kälter|kühler|gemütlicher) [PLACE]",
        "mach (die musik|den ton) [PLACE] (lauter|leiser)", "(lauter|leiser)", "mach das licht PLACE (rot|blau|grün|bunt)", "stell das licht PLACE auf (rot|blau|grün|rosa)",
        "lass PLACE (badewasser|wasser) ein", "(lösch|beende|stopp) den timer", "brich (den timer|alles) ab", "nächstes lied", "streich ROOM (rot|blau|weiß)", "stell DEV in ROOM",
        "(kauf|verkauf|reparier) DEV", "übersetz (das|hallo|guten morgen)", "stell die lautstärke auf NUM [prozent]",
        "mach das licht PLACE (um NUM uhr|in NUM minuten|morgen|heute abend|jeden morgen) (an|aus)", "fahr die rollos PLACE (um NUM uhr|in NUM minuten|morgen|bei sonnenuntergang) (hoch|runter)",
        "schalt DEV (um NUM uhr|in NUM minuten|morgen) (ein|aus)", "heiz morgen ROOM", "mach (den fernseher|die musik|den ton) (lauter|leiser) [PLACE]",
        "stell (die lautstärke|den ofen|den ventilator|die farbe|die szene) auf NUM", "(starte|aktivier) (den partymodus|den nachtmodus|den filmmodus|den urlaubsmodus|die szene abend) [PLACE]",
        "mach es (gemütlich|romantisch|schön) [PLACE]", "mach es [etwas] (wärmer|kälter|kühler) [PLACE]", "dreh die heizung [etwas] (auf|hoch|runter|höher) [PLACE]",
        "(öffne|schließ|sperr) (die haustür|das garagentor|die fenster|die dachluke) [PLACE]", "mach (die fenster|die türen|die haustür|das garagentor|die klappe) [PLACE] (auf|zu)",
        "plan das licht PLACE für NUM uhr", "mach das licht [PLACE] (warmweiß|kaltweiß|orange|gelb|violett)", "lass das licht PLACE (blinken|flackern)", "(druck|scan|kopier) diese seite",
        "(such|finde|lad) mein (handy|auto)", "starte (den saugroboter|das auto|den rasenmäher)", "lass (die wanne|den pool) ein", "(nimm|spul|überspring) (das lied|den film) (auf|vor|bitte)",
        "mach ein (foto|bild|video)", "fahr (nach hause|zur arbeit|los|langsamer)", "was läuft im fernsehen?", "(lies|lösch) meine nachrichten", "merk dir dass ich (milk|eier|brot) brauche",
        "mäh den rasen", "(gieß|schneid) die blumen", "(wasch|bügle|falte) die (wäsche|hemden)", "wärm (die suppe|den kaffee|die pizza) auf", "mach (den wein|die dose|die app|das buch) auf",
        "mach (die augen|das buch|die app|den mund) zu", "schließ (den vertrag|die augen|das konto)", "öffne (die app|den brief|das paket)", "dreh (dich um|die seite um|den ton ab)",
        "schalt (den kanal um|einen gang zurück)", "heb (die hand|den karton)", "senk (die stimme|den preis)", "zieh (dich an|die jacke aus|um)", "sei still", "hör auf zu (reden|lachen)",
        "setz (wasser|kaffee|tee) auf", "bring den müll raus", "wie lange läuft der timer noch?", "(stopp|beende|pausier) den (wecker|timer|countdown)", "mach den timer (aus|weg)",
        "gib NUM minuten auf den timer dazu", "(sperr|entsperr|putz|leer|streich|versteck|aktualisier) DEV", "benenn DEV um", "stell DEV auf NUM", "dreh DEV auf NUM",
        "reservier ROOM für morgen", "benenn ROOM um", "(dekorier|renovier|tapezier|lüfte) ROOM", "roll den teppich ein", "knips ein foto", "zünd eine kerze an"],
        ["blätter um", "schalt auf kanal NUM", "bring mir einen kaffee", "mach eine flasche wein auf", "mach den vertrag zu", "geh mit dem hund raus", "senk den preis", "bieg links ab",
        "zünde PLACE eine kerze an", "mach den bildschirm dunkler"])
NEGATED = by_phrase(["mach das licht [PLACE] (nicht|bloß nicht|auf keinen fall) (an|aus)", "schalt die lampe [PLACE] nicht (ein|aus)", "(öffne|schließ) die rollos [PLACE] (nicht|bloß nicht)",
        "lass die rollos PLACE (so|wie sie sind)", "stell keinen timer", "heiz ROOM nicht", "mach DEV (nicht|bloß nicht) (an|aus)", "lass das licht PLACE wie es ist", "ändere PLACE nichts",
        "ich habe nicht licht (an|aus) gesagt", "nein nicht das licht", "(finger weg|lass die finger) von (dem licht|den rollos|der heizung) PLACE",
        "das licht PLACE (soll|muss|kann|darf) (an|aus|so) bleiben", "die rollos PLACE sollen (oben|unten|so) bleiben", "es soll sich PLACE nichts ändern",
        "ich will nicht dass du PLACE was machst", "(kühl|wärm|verdunkel) ROOM nicht", "dimm das licht [PLACE] (nicht|bloß nicht)", "(stopp|starte) DEV (nicht|niemals|bitte nicht)",
        "nein nicht DEV", "weck mich nicht", "keinen timer bitte", "(schalte|schalt|mach) bitte (niemals|nie|nicht) (das licht|die lampe) [PLACE] (an|aus)",
        "(schalte|schalt|mach) bitte (niemals|nie|nicht) DEV (an|aus)", "vergiss (das licht|die rollos|was ich gesagt habe) PLACE",
        "mach die rollos [PLACE] (nicht|bloß nicht|niemals) (auf|zu|hoch|runter)", "fahr die rollos PLACE nicht (hoch|runter)"],
        ["unter keinen umständen die rollos PLACE öffnen", "es soll niemand ROOM heizen"])
