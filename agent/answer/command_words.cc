// Data only: the words of commands and questions, folded (see text.h), by language. From the sentences that
// the starter model is trained on (python3 -m data.words in deploy/starter) and from everyday speech. Rule
// for additions: a word that can be the name of a room, a place or a thing must not stand here.
#include "agent/answer/command_words.h"

#include <algorithm>
#include <string>

#include "agent/answer/text.h"

namespace linnet::answer {
namespace {

constexpr std::string_view kEnglish =
    " "
    "a able about above account activate activating active actually add adjust adjusting after afternoon "
    "again ah aha ahead aing alarm alarming alarms alert alerting all allowed almost alone along already "
    "alright also always am an and answer any anybody anymore anyone anything anyway apart appreciate "
    "approximately are arent around as asap ask asked asking asleep at ating avoid away awfully baby back "
    "bad basically batten battening be because become bedtime been beep beeping before began begin begins "
    "being below besides better big bit bitte black blacken blacking bleep bleeping blind blinds block "
    "blocking bloody blow blowing boiling boost boosting bored boss both bottom briefly bright brighten "
    "brighter brightest brightness bring bringing buddy bulb bulbs burn burning busy but button buttoning "
    "buzz buzzing by bye calling calm calming can cancel cant careful carefully case cast casting cease "
    "ceasing ceiling celsius cent centigrade certainly chance change changing check children chill "
    "chilling chilly chime chiming click clicking climate clocking close closed closes closing cold "
    "colder come comfortable command complete completely condition configure configuring confirm consider "
    "cool cooled cooling cools cosily cosy could couldnt count countdown countdowning counting counts "
    "covered crank cranking create creating current currently curtain curtains cut cutting damn dark "
    "darken darkening darker darling day daylight days deactivate deactivating dear decrease degree "
    "degrees dial dialing did didnt dim dimly dimmed dimmer dimming dims disable disabling disengage "
    "disengaging display do does doesnt doing done dont douse dousing down drapes draw drawing driving "
    "drop dropping dude during each early either elevate elevating else enable enabling end ending ends "
    "energize energizing engage engaging enough entirely establish evening ever every everybody everyone "
    "everything exactly expect extinguish extinguishing extremely fade fading fainter fairly family far "
    "fast father favour feel finally find fine finish finished finishes finishing fire firing first fix "
    "fixing flick flicking flip flipping fold folding folks for forget forgot frankly free freeze "
    "freezing fresh friday friend friends from frosty full fully fullying furthermore gentler gently get "
    "gets getting give giving glad glow go goes going gone gonna good goodbye goodnight got great guests "
    "h had half halfing halfway halt halting halve halving hang happen happened happening happy has hasnt "
    "hate haul hauling have havent having he hear heat heated heater heating heats heave heaving hello "
    "help hence her here hey hi high hike hiking him his hit hitch hitching hitting hiya hm hmm hoist "
    "hoisting hold holding honestly honey hooray hopefully hoping hot hotter hour hours how hows hrs "
    "humid hundred hungry hurry husband i icy id idea iding idle if ignite igniting iing ill illuminate "
    "illuminated illuminating illumination im immediately in increase increasing inform informing ining "
    "inside instantly instead intensify intensifying interrupt interrupting is isnt it iting its ive jack "
    "jacking job juicing just keep keeping key keying kids kill killing kind kinda kindle kindly knock "
    "knocking know lamp lamps later launch launching leave leaving left less let lets letting level life "
    "lift lifting light lighted lighten lighting lights like likely limit limiting linnet listen lit "
    "little lock locking long longer look lose losing lot love lovely low lower lowered lowering lowers "
    "made main maintain maintaining make makes making many mate max maximise maximising maximize "
    "maximizing maximum may maybe me means mellow mellowing middle midnight might mild min mind minimum "
    "mins minute minutes moment monday month more moreover morning mother motion move moving much must "
    "mute muting my myself nearly need needed neednt needs neither never new newing nice nicely night no "
    "nobody noon noone not notch notching nothing notify notifying now nudge nudging number oclock of off "
    "offline often oh ok okay on once one oning online only onto oops open opened opening opens operate "
    "operating or otherwise ought our ours out over overhead own part parting people per percent "
    "percentage perhaps ping pinging pitch pleasant please plugged plus pm poke poking politely position "
    "positioning possible power powering precisely pretty probably program programing prompt prompting "
    "promptly provide providing pull pulling push pushing put puts putting quarter quench quenching "
    "question quick quickly radiator radiators raise raised raises raising ramp ramping ran rapidly "
    "rarely rather reach read ready really reason reduce reducing regularly regulate regulating remember "
    "remind reminder reminding require requires reset rest restart restarting resume resuming retract "
    "retracting rev reving rid right ring ringing rings roll roller rolling room roughly run running runs "
    "s sad said same saturday say says scale scaling seal sealing sec second seconds secs see seldom send "
    "sending set sets setting shade shades shall she shine shining should shout shove shoving show shows "
    "shut shuts shutter shutters shutting sick signal signaling simply since sir situation slap slaping "
    "sleep sleeping slide sliding slightly slowly small snap snaping snooze so soften softer softly some "
    "somebody somehow someone something sometimes soon sort sound sounding spin spining stand start "
    "started starting state status stick sticking still stop stopped stopping stopwatch straight "
    "strengthen strengthening strong stronger stuffy such suggest sun sunday super sure surely suspend "
    "suspending swiftly swing swinging switch switched switches switching take taking tap taping tell "
    "telling temp temperature temperatures terminate terminating terribly terrific than thank thanks that "
    "thats the their them then there therefore theres thermometer thermostat these they think thirsty "
    "this those through throughout throw throwing thursday thus tight till time timer timering timers "
    "times timing to toast toasting toasty today told tomorrow tone tonight toning too top total totally "
    "truly try trying tuesday tune tuning turn turned turning turns tweak tweaking two uh um under unfurl "
    "unfurling unlit unplug unpluging until up us usage use used using usual usually value venetian "
    "verify very wait wake waking wanna want wanted wanting wants warm warmed warmer warming warms warmth "
    "was wasnt way we weaken weakening weaker wednesday week weeks well were weve what whatever whats "
    "when where whether which while whip whiping who whos why wide wife will wind winding wish with woken "
    "wonder wont working works would wow yeah yes yesterday yet yo you your youre ";

constexpr std::string_view kGerman =
    " "
    "ab abbrechen abdimmen abdimmst abdrehen abdrehst abdunkeln abdunkle abend abends aber abgekuehlt "
    "abgeschaltet abhaengen abhaengst abklemmen abklemmst abschalten abschaltest abschwaechen "
    "abschwaechst absenken absenkst abstecken absteckst abstellen abstellst abwuergen abwuergst "
    "abzudimmen abzudrehen abzuhaengen abzuklemmen abzuschalten abzuschwaechen abzusenken abzustecken "
    "abzustellen abzuwuergen ach achte aeh aehm aha ahnung aktiv aktivier aktiviere aktivieren aktivierst "
    "aktuell aktuelle alarm alarme alarmier alarmieren alarmierst alle allerdings alles allmaehlich als "
    "also alter am an anbringen anbringst andrehen andrehst andruecken andrueckst anfangen anfangst "
    "angefangen angehen angeht angelassen angemacht angenehm angeschaltet anhaeltst anhalten anhauen "
    "anhaust anheben anhebst anklatschen anklatschst anklicken anklickst anklingeln anklingelst anknallen "
    "anknallst anknipsen anknipst anlaesst anlassen anlegen anlegst anmachen anmachst anpiepen anpiepst "
    "ans anschalten anschaltest anschlag anschliessend anschnipsen anschnipst ansetzen ansetzt anstecken "
    "ansteckst anstellen anstellst anstupsen anstupst antun antust antworte anwerfen anwirfst anzeigt "
    "anzubringen anzudrehen anzudruecken anzufangen anzuhalten anzuhauen anzuheben anzuklatschen "
    "anzuklicken anzuklingeln anzuknallen anzuknipsen anzulassen anzulegen anzumachen anzupiepen "
    "anzuschalten anzuschnipsen anzusetzen anzustecken anzustellen anzustupsen anzutun anzuwerfen "
    "arbeiten arbeitenlaesst arbeitenlassen arbeitenzulassen arbeitet auch auf aufdrehen aufdrehst "
    "aufdruecken aufdrueckst aufgedreht aufgehoert aufgeht aufgemacht aufheizen aufheizt aufhellen "
    "aufhoeren aufklappen aufklappst aufmachen aufmachst aufruetteln aufruettelst aufs aufstellen "
    "aufstellst aufstoesst aufstossen auftun auftust aufwecken aufweckst aufzerren aufzerrst aufziehen "
    "aufziehst aufzudrehen aufzudruecken aufzuheizen aufzuklappen aufzumachen aufzuruetteln aufzustellen "
    "aufzustossen aufzutun aufzuwecken aufzuzerren aufzuziehen augenblicklich aus ausblaest ausblasen "
    "ausdrehen ausdrehst ausdruecken ausdrueckst ausgehen ausgeht ausgemacht ausgeschaltet aushauen "
    "aushaust ausklatschen ausklatschst ausklicken ausklickst ausknallen ausknallst ausknipsen ausknipst "
    "auslaesst auslassen ausmachen ausmachst auspusten auspustest ausschalten ausschaltest ausschnipsen "
    "ausschnipst ausserdem ausstellen ausstellst austun austust auszublasen auszudrehen auszudruecken "
    "auszuhauen auszuklatschen auszuklicken auszuknallen auszuknipsen auszulassen auszumachen auszupusten "
    "auszuschalten auszuschnipsen auszustellen auszutun baby bald beeil beende beenden beendest beginn "
    "beginnen beginnst begrenz begrenzen begrenzt beheiz beheizen beheizt bei beide beiden beides beim "
    "bekommt beleuchte beleuchten beleuchtest beleuchtet beleuchtung benachrichtig benachrichtigen "
    "benachrichtigst benutz benutzen benutzt bereit bereits beschaeftigt bescheid bestehe besten bestimmt "
    "bestrom bestromen bestromst betreib betreiben betreibst betrieb bevor beweg bewegen bewegst bin "
    "birne birnen bis bisschen bitte bitten bitteschoen blaest blas blasen blendet bloss brauche brauchen "
    "brauchst braucht brav brems bremsen bremst brennen brennenlaesst brennenlassen brennenzulassen "
    "brennt bring bringe bringen bringst celsius chef ciao circa countdown da daempf daempfen daempfst "
    "dafuer daher damit danach dank danke dann daran darauf darf darfst darum das dass davon deaktivier "
    "deaktivieren deaktivierst deckenbeleuchtung deckenlampe deckenleuchte deckenlicht dein deine deinem "
    "deiner dem den denk denn dennoch der derzeit deshalb deswegen dich dicht dichter dichtmachen "
    "dichtmachst dichtziehen dichtziehst dichtzumachen dichtzuziehen die dienstag diesem diesen dimm "
    "dimme dimmen dimmst dir doch donnerstag dran dreh drehe drehen drehst dreht drin drinnen drossel "
    "drosseln drosselst drueck druecken drueckst du duerfen duerfte dunkel dunkle dunkler durch durstig e "
    "eben ebenfalls eieruhr eigentlich ein eindruecken eindrueckst eine einen einfach eingeschaltet "
    "eingesteckt eingestellt einklicken einklickst einmal einregeln einregelst einrichten einrichtest "
    "eins einschalten einschaltest einstecken einsteckst einstellen einstellst einzudruecken einzuklicken "
    "einzuregeln einzurichten einzuschalten einzustecken einzustellen eisig endlich entfach entfachen "
    "entfachst entzuende entzuenden entzuendest er erhell erhelle erhellen erhellst erhoeh erhoehe "
    "erhoehen erhoehst erinner erinnere erinnern erinnerst erlaubt erleuchte erleuchten erleuchtest "
    "erneut eroeffne eroeffnen eroeffnest erreicht erst erstell erstellen erstellst erstes erwaerm "
    "erwaermen erwaermst es etwa etwas euer exakt faehrst faehrt faende fahr fahre fahren fahrst fall "
    "falls familie fang fangen fangst fast fensterlaeden fertig find finde fixier fixieren fixierst frag "
    "frage fragen frau frei freitag freuen freund freunde freunden freundin freundlich frieren friert "
    "frisch froh frueh fuehr fuehren fuehrst fuer funktioniert fussbodenheizung gaeste ganz ganzes "
    "gardinen geben gebeten gebrauch gedimmt gefallen gegen geh gehe geheizt gehen geht gehts gell "
    "geloescht gemacht gemuetlich genau genauso genug geoeffnet gerade gern gerne gesagt geschlossen "
    "gestartet gestellt gestern gestoppt getan getrennt gewesen geworden gib gibst gibt gibts ging gleich "
    "gluehbirne grad grade gruess grund guck gucken guete gut gute guten guter gutes h hab habe haben "
    "habs haelfte haeltst haeng haengen haengst haengt haette haetten haettest halb halbe halbes "
    "halbstunde halbwegs hallo halt halte halten hast hat hatte hatten hau hauen hauptlampe hauptlicht "
    "haust heb hebe hebst heimkomme heiss heiz heize heizen heizkoerper heizt heizung heizungen hell "
    "heller helles helligkeit hellste herab herabfaehrst herabfahren herabfahrst herablaesst herablassen "
    "herabziehen herabziehst herabzufahren herabzulassen herabzuziehen herauf herauffaehrst herauffahren "
    "herauffahrst herauflaesst herauflassen heraufziehen heraufziehst heraufzufahren heraufzulassen "
    "heraufzuziehen heraus herausfinden herrscht herunter herunterdimmen herunterdimmst herunterdrehen "
    "herunterdrehst herunterfaehrst herunterfahren herunterfahrst heruntergelassen herunterlaesst "
    "herunterlassen herunterregeln herunterregelst herunterziehen herunterziehst herunterzudimmen "
    "herunterzudrehen herunterzufahren herunterzulassen herunterzuregeln herunterzuziehen heute hey hi "
    "hier hilf hiss hissen hisst hm hmm hoch hochbewegen hochbewegst hochbringen hochbringst hochdrehen "
    "hochdrehst hochfaehrst hochfahren hochfahrst hochgefahren hochgehen hochgezogen hochholen hochholst "
    "hochkurbeln hochkurbelst hochlaesst hochlassen hochmachen hochmachst hochregeln hochregelst "
    "hochrollen hochrollst hochschicken hochschickst hochstellen hochstellst hochziehen hochziehst "
    "hochzubewegen hochzubringen hochzudrehen hochzufahren hochzuholen hochzukurbeln hochzulassen "
    "hochzumachen hochzuregeln hochzurollen hochzuschicken hochzustellen hochzuziehen hoechste hoechstens "
    "hoeher hoer hoffentlich hol holen holst hungrig ich ihm ihn ihr im immer in informier informieren "
    "informierst innerhalb ins inzwischen irgendwelche irgendwo ist ists ja jalousie jalousien jede jedem "
    "jeden jedenfalls jeder jedes jemand jetzt justier justieren justierst kaelte kaelter kalt kalte "
    "kalter kann kannst kapp kappen kappst kein keine keinen keiner kinder kindern klapp klappen klappst "
    "klasse klatsch klatschen klatschst klemm klemmen klemmst klick klicke klicken klickst klima "
    "klimatisier klimatisieren klimatisierst klingeln klingelst klingelt knall knallen knallst knapp "
    "knips knipst koennen koennt koennte koennten koenntest komm komplett konfigurier konfigurieren "
    "konfigurierst kraft krank kuechenwecker kuehl kuehle kuehlen kuehler kuehlst kumpel kurbel kurbelst "
    "kurz kurzzeitmesser kurzzeitwecker kuschelig laeden laesst laeuft lampe lampen lange langsam "
    "langweilig lass lassen lasst laufen laufenlaesst laufenlassen laufenzulassen lauwarm leg legst "
    "leider leuchte leuchten leuchtenlaesst leuchtenlassen leuchtenzulassen leuchtet leute licht lichte "
    "lichter lieb liebe lieber liebsten linnet loesch loesche loeschen loeschst los lust mach mache "
    "machen machs machst macht maessig maessigen maessigst mag magst mal man manchmal mann maximal "
    "maximum mehr mein meine meinem meinen meiner meistens meldet mich mild min mindestens minimal minute "
    "minuten mir mit mittag mittags mitte mitternacht mittlerweile mittwoch moechte moechten moechtest "
    "moeglich moin moment momentan monat montag morgen muede muessen muesste muessten muesstest muss "
    "musst mutter na nach nachdem nachher nachschauen nachsehen nacht nachts naechste naechstes naemlich "
    "natuerlich nein nett nette neue neuen neuer neues nicht nichts nie niedrig niedriger niemals niemand "
    "noch nochmal nochmals noetig nun nur ob obs oder oeffne oeffnen oeffnest oeffnet oefter offen oft "
    "ohne ok okay pack packen packst piep piepen piepst plissees position positionier positionieren "
    "positionierst prima prozent prozente prozentig pruef pruefen pulle puste pusten pustest raffstores "
    "rasch rauf raufdrehen raufdrehst rauffaehrst rauffahren rauffahrst raufholen raufholst rauflaesst "
    "rauflassen raufmachen raufmachst raufschicken raufschickst raufstellen raufstellst raufziehen "
    "raufziehst raufzudrehen raufzufahren raufzuholen raufzulassen raufzumachen raufzuschicken "
    "raufzustellen raufzuziehen raumlicht raumtemperatur raus recht reduzier reduziere reduzieren "
    "reduzierst regel regeln regelst regler regnet regulier regulieren regulierst rein richte richten "
    "richtest richtig roll rolladen rollaeden rollladen rolllaeden rollo rollos rollst ruettel ruetteln "
    "ruettelst ruf rufen rufst ruhig rund runter runterbewegen runterbewegst runterbringen runterbringst "
    "runterdimmen runterdimmst runterdrehen runterdrehst runterfaehrst runterfahren runterfahrst "
    "runtergefahren runtergehen runtergelassen runterholen runterholst runterkurbeln runterkurbelst "
    "runterlaesst runterlassen runtermachen runtermachst runterregeln runterregelst runterschalten "
    "runterschaltest runterschicken runterschickst runterstellen runterstellst runterziehen runterziehst "
    "runterzubewegen runterzubringen runterzudimmen runterzudrehen runterzufahren runterzuholen "
    "runterzukurbeln runterzulassen runterzumachen runterzuregeln runterzuschalten runterzuschicken "
    "runterzustellen runterzuziehen s saemtliche sag sagen sagst sagt samstag sanft schalt schalte "
    "schalten schaltest schaltet schatz schau schauen schaust scheint schick schicken schickst schieb "
    "schieben schiebst schlaefrig schlaf schlafen schlecht schliess schliesse schliessen schliesst "
    "schluss schnell schnips schnipsen schnipst schoen schon schwaech schwaechen schwaechst sehe sehr sei "
    "seid sein seit sek sekunde sekunden selbst selten senk senke senkst servus setz setze setzen setzt "
    "sich sicher sicherlich sie sieh signal sind so sobald sofort soll sollen sollst sollte sollten "
    "solltest sonne sonntag sonst sorg sowie sowieso spaeter stand stark starte starten startest "
    "startklar status std steck stecken steckst stehen steht stehts stell stelle stellen stellst stellt "
    "steuer steuern steuerst stoesst stopp stoppe stoppen stoppst stoppuhr stoss stossen stufe stunde "
    "stunden stups stupst super tag tage tageslicht teilweise temperatur temperaturen temperaturmaessig "
    "thermometer thermostat tief tiefer timer timers toll traurig trotzdem tschuess tu tun tust tut ueber "
    "ueberall ueberpruef ueberpruefe uebrigens uhr um umgehend umgeschaltet umschalten und ungefaehr uns "
    "unser unsere unserem unseren unserer unter untergeht untersteh unverzueglich ups vater verboten "
    "verbraucht verdammt verdammte verdunkel verdunkeln verdunkelst verdunkelt verdunkle vergessen "
    "vergiss vermeide verrat verraten verringer verringere verringern verschieb verschieben verschiebst "
    "versperr versperren versperrst versuch viel viele vielen vielleicht viertelstunde voellig voll volle "
    "volles vollgas vollstaendig vom von vor vorhaenge vorhang vorne vorsichtig waehrend waere waeren "
    "waerm waerme waermen waermer waermst waers waerst wag wahrscheinlich wann war waren warm warme "
    "warmer warmes warn warnen warnst wars warte warum was weck wecke wecken wecker weckst weg wegen weil "
    "weiss weisst weit welche welchem welchen welcher welches wem wen wenig weniger wenigstens wenn wer "
    "werde werden werfen weshalb wessen wie wieder wieso wieviel wieviele will willst wir wird wirf "
    "wirfst wirklich wirst wissen wo woche wochen wohl wollen wollte womit worauf worden wuensche wuerde "
    "wuerdest wuerg wuergst wuesste wurde wurden zeichen zeig zeige zeigen zeigt zeit zerr zerren zerrst "
    "zieh ziehen ziehst zieht ziemlich zimmertemperatur zu zudrehen zudrehst zudruecken zudrueckst zuegig "
    "zuerst zufaellig zugemacht zugezogen zuklappen zuklappst zuletzt zuliebe zum zumachen zumachst "
    "zumindest zur zusammen zustand zustellen zustellst zustoesst zustossen zutun zutust zuzerren "
    "zuzerrst zuziehen zuziehst zuzudrehen zuzudruecken zuzuklappen zuzumachen zuzustellen zuzustossen "
    "zuzutun zuzuzerren zuzuziehen zwar zweimal ";

// Rooms and things, which are no slips of the pen for a word above, and no verbs.
constexpr std::string_view kNames =
    " "
    "abstellkammer ac air alarm alarmanlage ankleide aquarium arbeitszimmer arcade atelier attic "
    "aufenthaltsraum aufzug aviary babyphon backofen bad badewanne badezimmer baeckerei balcony balkon "
    "ball barn basement bastelraum bath bathroom batterie battery baumhaus beamer bedroom bell "
    "betonmischer bewaesserung bibliothek bicycle billiard bird blanket blender blower bohrmaschine "
    "boiler bread buegeleisen buegelzimmer bunker camera candle canteen car caravan carport castle cat "
    "cave cellar cement chainsaw chair charger church cinema clock closet coffee compressor computer "
    "conditioning conservatory console cooker corridor court craft cream crypt dachboden dachstuhl "
    "dachterrasse deck dehumidifier den detector diele dining disco discokugel dishes dishwasher dog door "
    "doorbell dorm dormitory dragon drill driveway drohne drone drucker dryer dungeon durchlauferhitzer "
    "dusche eierkocher einfahrt electric elevator empfang entfeuchter erdgeschoss escalator espresso "
    "espressomaschine esszimmer fahrrad fan feeder fenster fernsehzimmer film fireplace fish flat floor "
    "flur foehn fog food fountain freezer fridge fritteuse gaestehaus gaestezimmer galerie game games "
    "gang garage garagentor garden garten gate generator gewaechshaus greenhouse grill gruft guest gym "
    "hafen hair halde hall halle hallway handy hangar haus hause heat heater heckenschere hedge heizdecke "
    "heizungskeller herd hochdruckreiniger hof hotel house houses huette humidifier hundehuette ice iron "
    "jacuzzi kaffeemaschine kamera kamin kantine katze keller kennel kerze kettensaege kettle kino kirche "
    "kitchen kitchenette klassenzimmer klavier klimaanlage klingel kochnische kompressor kueche "
    "kuechenmaschine kuehlschrank labor laboratory ladegeraet laden lager lamp laptop laubblaeser laundry "
    "lautsprecher lawn leaf library lobby locker lounge luftbefeuchter machine maker massage "
    "massagesessel metal mezzanine mikrowelle milchaufschaeumer mirrors mixer modelleisenbahn modem "
    "monitor moon movie mower museum music musik musikschule naehmaschine naehzimmer nebelmaschine "
    "neighbours nook nordfluegel north nursery obergeschoss office orgel oven panel patio pflanzen "
    "pfoertnerhaus phone piano plants playroom playstation pool poolpumpe porch powder processor "
    "projector pump pumpe purifier radio radiowecker rakete rasenmaeher rasensprenger rauchmelder "
    "raumschiff reception reiskocher restaurant rice robot roboter rocket rolltreppe roof room router "
    "rumpelkammer sauna saw scale scanner scheune schlafsaal schlafzimmer schloss school schule schuppen "
    "server serverraum shed shop shower shredder slow smoke solar solaranlage soundbar spa speaker "
    "speisekammer spiel spielzimmer springbrunnen spuelmaschine stadt stairway stall standuhr staubsauger "
    "stereoanlage stock stove strasse street stube studio submarine sump system tablet tank teichpumpe "
    "telefon telephone television tent terrace toaster toilet toilette toothbrush tor tower train tree "
    "treehouse treppenhaus tresorraum trimmer trockner tuer turnhalle turntable tv uhr umkleide "
    "untergeschoss upper utility vacuum ventilator veranda vestibule vorratskammer vorzimmer waage "
    "waermepumpe waeschespinne wagen wanne wardrobe warehouse waschkueche waschmaschine wasserkocher "
    "water weinkuehlschrank wellnessbereich west westfluegel whirlpool windfang window wine wing winter "
    "wintergarten wohnwagen wohnzimmer workshop xbox yard zahnbuerste zeitmaschine zelt ";

// Said before a wish, and no part of it. The longest first.
constexpr std::string_view kRemarks[] = {
    "hier ist es viel zu hell",
    "i want to watch a film",
    "es ist so dunkel hier",
    "hier ist es so dunkel",
    "i am off to bed",
    "i cant see a thing",
    "ich habe keine hand frei",
    "ich liege schon im bett",
    "it is a bit chilly",
    "mir tun die augen weh",
    "the sun is blinding me",
    "the sun is so bright",
    "das essen ist fertig",
    "der film faengt an",
    "die sonne blendet mich",
    "die sonne scheint so",
    "es ist dunkel geworden",
    "es ist zu dunkel",
    "es ist zu hell",
    "es ist zu warm",
    "i am back home",
    "i am leaving now",
    "i am so tired",
    "i am working now",
    "i cant see anything",
    "i have a call",
    "i have a headache",
    "i have to work",
    "i just got up",
    "i just woke up",
    "i need to concentrate",
    "i want to read",
    "i want to sleep",
    "ich bin wieder da",
    "ich bin zu hause",
    "ich geh jetzt schlafen",
    "ich gehe ins bett",
    "ich habe einen anruf",
    "ich habe was vergessen",
    "ich kann nicht schlafen",
    "ich sehe gar nichts",
    "im going to bed",
    "im in bed already",
    "its way too bright",
    "man sieht ja nichts",
    "that is too loud",
    "the dog is barking",
    "the guests are here",
    "the sun is shining",
    "time to get up",
    "was fuer ein tag",
    "were watching a film",
    "wir schauen einen film",
    "ach noch was",
    "alle schlafen schon",
    "by the way",
    "das baby schlaeft",
    "die gaeste kommen",
    "die sonne blendet",
    "die sonne scheint",
    "dinner is ready",
    "es ist dunkel",
    "es ist kalt",
    "es ist spaet",
    "es wird kuehl",
    "es wird spaet",
    "guests are coming",
    "i am awake",
    "i am up",
    "i cant sleep",
    "i feel cold",
    "i feel hot",
    "i forgot something",
    "ich arbeite jetzt",
    "ich bin muede",
    "ich bin wach",
    "ich bin zurueck",
    "ich gehe jetzt",
    "ich habe kopfschmerzen",
    "ich koche gerade",
    "ich moechte lesen",
    "ich muss los",
    "ich sehe nichts",
    "ich will lesen",
    "ich will schlafen",
    "it got dark",
    "it is cold",
    "its getting late",
    "its so dark",
    "its too dark",
    "its too hot",
    "lets save energy",
    "mir ist heiss",
    "mir ist warm",
    "my eyes hurt",
    "one more thing",
    "see you later",
    "thanks a lot",
    "time for bed",
    "time to sleep",
    "were going out",
    "what a day",
    "wir haben besuch",
    "zeit fuers bett",
    "alright then",
    "also gut",
    "bis morgen",
    "danke schoen",
    "excuse me",
    "fast vergessen",
    "good afternoon",
    "good evening",
    "good morning",
    "good night",
    "gute nacht",
    "guten tag",
    "hello there",
    "hey du",
    "hey you",
    "hi there",
    "hoer zu",
    "ich friere",
    "ich schwitze",
    "im back",
    "im cold",
    "im home",
    "im hot",
    "im tired",
    "its bedtime",
    "its gloomy",
    "its late",
    "its raining",
    "its stuffy",
    "movie time",
    "na dann",
    "nein warte",
    "no wait",
    "see you",
    "thank you",
    "vielen dank",
    "were leaving",
    "were off",
    "entschuldigung",
    "feierabend",
    "filmabend",
    "hello",
    "moment",
    "schlafenszeit",
    "sorry",
    "thanks",
    "tschuess",
    "uebrigens",
    "warte",
};

bool Holds(std::string_view words, std::string_view word) {
  return !word.empty() && words.find(" " + std::string(word) + " ") != std::string_view::npos;
}

// One slip of the pen away from a word of the list that begins alike.
bool IsSlip(std::string_view words, std::string_view word) {
  if (word.size() < 4 || IsName(word)) return false;
  while (!words.empty()) {
    const size_t end = words.find(' ');
    const std::string_view known = words.substr(0, end);
    if (known.size() >= 4 && known[0] == word[0] && Resembles(word, known, 1) &&
        (word.size() > 4 || known.size() != 4 ||
         std::is_permutation(word.begin(), word.end(), known.begin()))) {
      return true;  // of four letters another one makes another word
    }
    if (end == std::string_view::npos) break;
    words.remove_prefix(end + 1);
  }
  return false;
}

}  // namespace

bool IsCommandWord(std::string_view word, Language language, bool slips) {
  const std::string_view words = language == Language::kGerman ? kGerman : kEnglish;
  return Holds(words, word) || (slips && IsSlip(words, word));
}

bool IsName(std::string_view word) { return Holds(kNames, word); }

size_t RemarkAt(const std::vector<std::string>& words, size_t at) {
  for (std::string_view remark : kRemarks) {
    size_t i = at;
    while (!remark.empty() && i < words.size()) {
      const size_t end = std::min(remark.find(' '), remark.size());
      if (words[i] != remark.substr(0, end)) break;
      remark.remove_prefix(std::min(end + 1, remark.size()));
      ++i;
    }
    if (remark.empty()) return i - at;
  }
  return 0;
}

}  // namespace linnet::answer
