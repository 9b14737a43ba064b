#include "agent/answer/utterance_reading.h"

#include <algorithm>

#include "agent/answer/command_words.h"
#include "agent/answer/text.h"

namespace linnet::answer {
namespace {

bool In(std::string_view words, std::string_view word) {
  return !word.empty() && words.find(" " + std::string(word) + " ") != std::string_view::npos;
}

// Small closed classes, of both languages.
constexpr std::string_view kDeterminers =
    " the a an my our your his her their this that these those das der die den dem des ein eine einen einem"
    " einer mein meine meinen meinem meiner unser unsere unserem unseren unserer dein deine deinem deiner"
    " dieses diese diesen diesem dieser all alle unserer deinen alles jede jeden jedes beide saemtliche both "
    "every"
    " each ";
constexpr std::string_view kPlacePrepositions =
    " across innerhalb in im ins into inside within at am throughout around near behind under above beneath "
    "hinter neben"
    " unter ueber vor ";
constexpr std::string_view kPrepositions =
    " if whether is are was ist sind ob of for from on off onto over to an aus auf aufs fuer von vom bei "
    "beim zum zur zu with mit about and "
    "und or"
    " oder plus sowie nor but aber ";
constexpr std::string_view kJoins = " and und or oder plus sowie ";
constexpr std::string_view kAdjectives =
    " big small little main dark bright first second low high new nice lovely own cold warm hot dunkle alter"
    " kalte warme heller guten gute neue neuer ";
// What a room has, and what is said of it.
constexpr std::string_view kThings =
    " light lights lamp lamps lighting bulb bulbs blind blinds shade shades shutter shutters curtain curtains"
    " heating heat heater radiator thermostat temperature licht lichter lampe lampen beleuchtung rollo rollos"
    " rollladen rolllaeden rolladen rollaeden jalousie jalousien vorhang vorhaenge heizung heizkoerper"
    " temperatur thermostat illumination drapes radiators climate warmth overhead"
    " leuchte leuchten deckenlampe deckenlicht deckenleuchte hauptlicht birne birnen laeden fensterlaeden "
    "gardinen"
    " raffstores plissees waerme regler fussbodenheizung raumtemperatur zimmertemperatur helligkeit ";
constexpr std::string_view kStates =
    " on off open closed warm cold hot bright dark degrees brightness an aus ein auf offen geschlossen kalt "
    "hell"
    " dunkel heiss grad helligkeit start stop starte running laeuft einschalten ausschalten anmachen "
    "ausmachen"
    " heiz heize ";
constexpr std::string_view kVerbs =
    " turn switch set close shut open raise mach mache schalt schalte dreh stell stelle fahr fahre oeffne "
    "schliess"
    " schliesse ";
// Of compounds: "kellerlicht" is a light in the cellar. Longest first.
constexpr std::string_view kHeads[] = {"beleuchtung", "temperatur", "jalousien", "rollladen",
                                       "heizung",     "jalousie",   "lichter",   "lampen",
                                       "rollos",      "lampe",      "licht",     "rollo"};
constexpr std::string_view kSides =
    " upstairs downstairs outside outdoors elsewhere oben unten hinten vorne vorn drueben draussen nebenan ";
constexpr std::string_view kTimers =
    " timer timers alarm wecker countdown stoppuhr eieruhr kurzzeitwecker remind wake weck wecke wecken "
    "weckst"
    " erinner erinnere erinnern erinnerst ";
// What stands between a German imperative and what it is about.
constexpr std::string_view kSmall =
    " bitte mal doch jetzt kurz eben schnell sofort gleich einfach endlich noch auch wieder nun mir uns dir "
    "aeh drin"
    " drueben hinten vorne oben unten da dort ueberall ";
// Behind these an English verb follows: "you should zap lights".
constexpr std::string_view kBeforeVerb = " to you we us lets should must could can would will kindly please ";
constexpr std::string_view kTimeUnits =
    " second seconds sec secs s minute minutes min mins hour hours h hrs sekunde sekunden sek minuten stunde"
    " stunden std ";
constexpr std::string_view kParticlesEnglish = " on off up down out back ";
// Of separable German verbs, the longest first.
constexpr std::string_view kParticlesGerman[] = {"herunter", "hinunter", "runter", "herauf", "herab",
                                                 "rauf",     "hoch",     "nach",   "aus",    "auf",
                                                 "ein",      "an",       "ab",     "zu",     "vor"};
// After these a German clause is over.
constexpr std::string_view kEnds =
    " und oder dann danach sowie ausserdem plus bitte danke jetzt sofort kannst koenntest wuerdest moechtest"
    " willst koennte wenn fuer ja okay gell schnell mal gleich eben ";

// "thhis", "unesrem": one slip away from a determiner.
bool NearDeterminer(std::string_view word) {
  std::string_view rest = kDeterminers;
  while (!word.empty() && !rest.empty()) {
    const std::string_view known = rest.substr(0, rest.find(' '));
    if (known.size() >= 4 && known[0] == word[0] && Resembles(word, known, 1)) return true;
    rest.remove_prefix(std::min(known.size() + 1, rest.size()));
  }
  return false;
}

}  // namespace

UtteranceReading::UtteranceReading(const Linked& linked, std::string_view here, Language language)
    : linked_(linked) {
  std::string word;
  for (const char c : linked.text + " ") {
    if (c != ' ' && c != '?') {
      word += c;
    } else if (!word.empty()) {
      said_.push_back(word);
      words_.push_back(word[0] == '{' ? word : Fold(word));
      word.clear();
    }
  }
  here_ = FoldedPhrase(here);
  for (size_t i = 0; i < words_.size(); ++i) unknown_.push_back(!Known(i, language));
  for (size_t i = 0; i < words_.size(); ++i) {
    const size_t length = RemarkAt(words_, i);
    std::fill_n(unknown_.begin() + static_cast<std::ptrdiff_t>(i), length, false);
  }
}

bool UtteranceReading::AnyUnknown() const {
  return std::find(unknown_.begin(), unknown_.end(), true) != unknown_.end();
}

bool UtteranceReading::Has(std::string_view list) const {
  return std::any_of(words_.begin(), words_.end(), [&](const std::string& word) { return In(list, word); });
}

bool UtteranceReading::SaysTimer() const { return Has(kTimers); }

bool UtteranceReading::SaysHere() const {
  for (size_t i = 0; i < size(); ++i) {
    if (In(" here hier this dieser diesem diesen dieses ", words_[i]) || (IsRoomWord(i) && !unknown_[i]) ||
        ((words_[i] == "mir" || words_[i] == "uns") && Word(i - 1) == "bei")) {
      return true;
    }
  }
  return false;
}

bool UtteranceReading::IsCommand() const {
  if (Has(kThings) || Has(kStates) || Has(kVerbs)) return true;
  for (size_t i = 0; i < size(); ++i) {
    if (unknown_[i] && Head(i) > 0) return true;
  }
  return false;
}

bool UtteranceReading::Placed(size_t i) const {
  if (words_[i] == "there" || words_[i] == "dort") return true;
  if (IsSide(i))
    return linked_.rooms.empty() || In(kJoins, Word(i - 1)) || In(kJoins, Word(i + 1)) || IsSlot(i + 1);
  if (IsRoomWord(i) || Head(i) > 0) return true;
  const size_t before = Before(i);
  const std::string_view left = Word(before);
  if (In(kDeterminers, left) || In(kPlacePrepositions, left) || In(kPrepositions, left) ||
      In(kThings, left) || IsEntity(before)) {
    return true;
  }
  size_t next = i + 1;
  while (next < size() && unknown_[next]) ++next;
  const std::string_view right = Word(next);
  const bool amount = (right == "to" || right == "auf") && IsSlot(next + 1);
  return IsSlot(next) || amount || In(kThings, right) || In(kStates, right);
}

bool UtteranceReading::IsPlace(size_t i) const {
  size_t at = Before(i);
  while (at < size() && In(kDeterminers, words_[at])) --at;
  return In(kPlacePrepositions, Word(at));
}

std::string UtteranceReading::Name(size_t i) const {
  if (Head(i) > 0 && (i == 0 || !unknown_[i - 1])) {
    std::string stem = said_[i].substr(0, said_[i].size() - Head(i));
    return stem;
  }
  while (i > 0 && unknown_[i - 1]) --i;
  std::string name = said_[i];
  while (i + 1 < size() && unknown_[i + 1]) name += " " + said_[++i];
  return name;
}

bool UtteranceReading::IsSide(size_t i) const { return In(kSides, Word(i)); }

bool UtteranceReading::IsRoomWord(size_t i) const {
  return In(" room rooms raum raeume raeumen raeumlichkeiten zimmer zimmern place ", Word(i));
}

size_t UtteranceReading::Before(size_t i) const {
  do {
    --i;
  } while (i < size() && (unknown_[i] || In(kAdjectives, words_[i])));
  return i;
}

size_t UtteranceReading::Head(size_t i) const {
  for (const std::string_view head : kHeads) {
    if (words_[i].size() > head.size() + 2 && words_[i].ends_with(head)) return head.size();
  }
  return 0;
}

bool UtteranceReading::Known(size_t i, Language language) const {
  const std::string& word = words_[i];
  const std::string_view left = Word(i - 1), right = Word(i + 1);
  if (word[0] == '{') return true;
  if (In(here_, word)) return true;
  if (IsRoomWord(i)) {
    // "this room" is here; "boiler room" and "all rooms" are not.
    const bool one = word == "room" || word == "raum" || word == "zimmer" || word == "place";
    return one &&
           (In(" the this my that den dem das der diesen diesem dieser dieses im mein meinem ", left) ||
            In(" temperature ", right) || NearDeterminer(left));
  }
  if (In(kSides, word)) {
    // "drüben in der Küche" says more of a known room.
    if (In(" in im at ", right) && (IsEntity(i + 2) || IsEntity(i + 3))) return true;
    // "rollos nach oben"; "are the blinds down", "sind die rollos unten?"
    const bool blinds =
        Has(" blind blinds shades shutters rollo rollos rollladen rolllaeden rolladen jalousie jalousien "
            "vorhaenge"
            " laeden ");
    return (word == "oben" || word == "unten") && (left == "nach" || (linked_.question && blinds));
  }
  if (word == "there")
    return !linked_.rooms.empty() || In(" hi hey hello is are was ", left) || In(" is are ", right);
  if (word == "boot" && (IsSlot(i + 1) || In(kDeterminers, right))) return true;
  if (word == "dort") return !linked_.rooms.empty();
  if (word == "work") return left != "at";
  if (word == "bed" || word == "bett") return In(" to in ins zu ", left) && Has(" going go gehe geh ");
  if (word == "plug" || word == "stecker" || word == "strom") return !linked_.devices.empty();
  const bool before_room = IsEntity(i + 1) || In(" room raum zimmer ", right);
  if (before_room && !IsName(word) && NearDeterminer(word)) return true;
  // "the den": no determiner behind another.
  if (In(kDeterminers, word) && !In(kDeterminers, left)) return true;
  if (In(kPlacePrepositions, word) || In(kPrepositions, word)) return true;
  // "in the whole kitchen", "im ganzen Zimmer"
  if (In(" whole entire ganze ganzen gesamten ", word))
    return IsEntity(i + 1) || In(" room raum zimmer ", right) || In(kThings, right);
  if (word == "next") return !IsRoomWord(i + 1);
  // "drübne in der Küche" says more of a known room.
  if (!IsName(word) && !In(kDeterminers, left) && In(" in im of vom von aus beim bei ", right) &&
      (IsEntity(i + 2) || (In(kDeterminers, Word(i + 2)) && IsEntity(i + 3))) && !In(kThings, left)) {
    return true;
  }
  if (word == "window") return In(kThings, right);
  // Behind "in the" no word is a slip of the pen: a tower is not lower.
  const bool place = BehindPlaceWord(i);
  if (IsCommandWord(word, language, !place)) return true;
  if (place || IsName(word) || Head(i) > 0) return false;
  return language == Language::kGerman ? IsGermanVerb(i) : IsEnglishVerb(i);
}

bool UtteranceReading::BehindPlaceWord(size_t i) const {
  size_t at = i - 1;
  while (at < size() && In(kDeterminers, words_[at])) --at;
  return In(kPlacePrepositions, Word(at));
}

bool UtteranceReading::IsEnglishVerb(size_t i) const {
  const std::string_view left = Word(i - 1), right = Word(i + 1);
  // "after that zap the light": no determiner.
  const bool then = left == "that" && Word(i - 2) == "after";
  if (In(kDeterminers, left) && !then) return false;
  const std::string_view behind = Word(i + 2);
  if (In(kParticlesEnglish, right) && (In(kDeterminers, behind) || In(" everything it them ", behind)))
    return true;
  if (In(kThings, left) || In(" of for from at on off ", left)) return false;
  if (In(" me us ", right) || In(kDeterminers, right)) return true;
  if (In(" in after ", right) && IsNumber(i + 2)) return true;
  if (IsNumber(i + 1) && In(kTimeUnits, behind)) return true;
  if (In(kBeforeVerb, left) && In(kThings, right)) return true;
  if (In(" you we i ", left) && right == "to") return true;
  // "zap {d1}"; behind a name it may be a name itself.
  if (IsEntity(i + 1) && !IsEntity(i - 1)) return true;
  return In(kParticlesEnglish, right) && (IsEntity(i + 2) || In(kThings, behind));
}

bool UtteranceReading::IsGermanVerb(size_t i) const {
  const std::string_view word = words_[i], left = Word(i - 1), right = Word(i + 1);
  if (In(kDeterminers, left) && left != "an") return false;
  if (right == "du" && word.ends_with("t")) return true;
  const bool over = right.empty() || In(kEnds, right);
  const bool infinitive = word.ends_with("en") || word.ends_with("ern") || word.ends_with("eln");
  if (left == "zu" && infinitive) return true;
  for (const std::string_view particle : kParticlesGerman) {
    if (word.size() > particle.size() + 3 && word.starts_with(particle) &&
        (infinitive || word.ends_with("st") || word.ends_with("t"))) {
      return true;
    }
  }
  if (over && (infinitive || (word.ends_with("t") && Has(" dass wenn ")))) return true;
  // An imperative begins a clause and what it is about follows.
  const bool particle = In(" an aus auf zu ab ein ", left);
  if (In(kThings, left) || (In(kPrepositions, left) && !In(kJoins, left) && !particle)) return false;
  size_t next = i + 1;
  while (In(kSmall, Word(next))) ++next;
  if (In(" mich uns ", Word(next))) return true;
  if (In(kDeterminers, Word(next)) || IsEntity(next)) return !IsEntity(i - 1);
  const bool place = In(kPlacePrepositions, Word(next)) || Word(next) == "hier";
  return next > i + 1 && (place || In(kThings, Word(next)));
}

}  // namespace linnet::answer
