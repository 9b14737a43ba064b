#include "agent/answer/question.h"

#include <algorithm>
#include <string>

#include "agent/answer/question_words.h"
#include "agent/answer/text.h"

namespace linnet::answer {
namespace {

constexpr std::string_view kUnitsOfTime[] = {
    "second",  "seconds", "sec",     "secs", "s",     "minute",       "minutes",  "min",
    "mins",    "hour",    "hours",   "hrs",  "h",     "sekunde",      "sekunden", "sek",
    "minuten", "stunde",  "stunden", "std",  "halbe", "viertelstunde"};

// What asks to be told: "tell me", "check". After "can you", or at the front.
bool AsksEnglish(WordReader reader) {
  reader.SkipAll({"please", "just", "quickly", "maybe", "perhaps", "kindly", "also", "now", "mind", "go and",
                  "ask you to", "get you to", "have you", "be so kind and", "be so kind as to", "possibly"});
  if (reader.BeginsAny({"tell", "telling", "let me know", "let us know"}))
    return !reader.HasAny(kUnitsOfTime);  // "tell me when ten minutes are over" starts a timer
  if (reader.Begins("see")) return !reader.Begins("see to");
  if (reader.Begins("say"))
    return reader.BeginsAny({"say how", "say what", "say the", "say if", "say who", "say which", "say where",
                             "say whether", "say when"});
  if (reader.Begins("read")) return reader.HasAny({"temperature", "thermometer", "thermostat"});
  return reader.BeginsAny({"check", "checking", "find out", "know", "happen to know", "show me", "look",
                           "looking", "have a look", "confirm", "verify", "report", "explain"});
}

bool AsksGerman(const WordReader& reader) {
  if (reader.HasAny({"bescheid", "zeichen", "signal"}) && reader.HasAny(kUnitsOfTime)) return false;
  if (reader.Has("schauen dass")) return false;
  return reader.HasAny(
      {"sag mir",  "sag uns",      "sagst du mir", "sagst du uns", "sagen",     "nachsehen",    "nachschauen",
       "pruefen",  "ueberpruefen", "mal schauen",  "sag schnell",  "sag bitte", "herausfinden", "rausfinden",
       "verraten", "verrat mir",   "verrat uns",   "gucken",       "wissen",    "frage mich",   "bescheid"});
}

// A question that begins at a word: "is the", "how warm". For what stands behind a remark.
bool EnglishBehindRemark(const WordReader& reader) {
  return reader.HasAny({"is the",       "are the",     "is there",  "are there",        "is it warm",
                        "is it cold",   "whats",       "hows",      "how is",           "how are",
                        "how many",     "how much",    "how warm",  "how cold",         "how hot",
                        "how cool",     "how bright",  "how dark",  "how high",         "how far",
                        "how long",     "how open",    "how dim",   "how strong",       "which lights",
                        "which blinds", "did i",       "did we",    "did someone",      "did the",
                        "did somebody", "did anybody", "have i",    "have we",          "has someone",
                        "has anyone",   "has the",     "does the",  "do the",           "was the",
                        "were the",     "what is",     "what does", "what temperature", "who left",
                        "who turned",   "should the",  "tell me",   "tell us"}) &&
         !reader.HasAny(kUnitsOfTime);
}

bool GermanBehindRemark(const WordReader& reader) {
  return reader.HasAny({"ist das",   "ist die",   "ist der",    "sind die",   "ist es warm", "ist es kalt",
                        "schau mal", "wie warm",  "wie kalt",   "wie viel",   "wieviel",     "wie hell",
                        "wie hoch",  "wie weit",  "wie stehen", "wie steht",  "wie ist",     "wie kuehl",
                        "wie heiss", "brennt",    "welche",     "hab ich",    "habe ich",    "warum",
                        "haben wir", "guck mal",  "sieh mal",   "hat jemand", "wer hat",     "sind unten",
                        "sind oben", "was macht", "was ist mit"});
}

bool EnglishQuestion(WordReader reader, bool marked) {
  // "..., could you?" makes a wish polite; "..., right?" does not.
  constexpr std::string_view kTails[] = {
      "please",    "thanks",  "thank you",    "linnet",   "now",        "for me",      "again",
      "right now", "quickly", "for a moment", "as usual", "right away", "immediately", "when you can"};
  const auto drop_tails = [&] {
    while (reader.DropLast(kTails)) {
    }
  };
  drop_tails();
  if (reader.DropLast({"could you", "can you", "will you", "would you", "ok", "okay", "if you can",
                       "if you could", "if you would", "if you dont mind"})) {
    marked = false;
  }
  drop_tails();
  reader.SkipAll({"hey",          "hi",           "hello",
                  "linnet",       "okay",         "ok",
                  "so",           "well",         "um",
                  "uh",           "right",        "alright",
                  "listen",       "oh",           "and",
                  "now",          "first",        "yes",
                  "please",       "also",         "quickly",
                  "just",         "but",          "good morning",
                  "good evening", "good night",   "see you later",
                  "see you",      "thanks a lot", "thanks",
                  "thank you",    "bye"});
  if (AsksEnglish(reader)) return true;
  if (reader.BeginsAny({"i want to know", "i would like to know", "i need to know", "id like to know",
                        "any idea", "have you any idea", "in what", "at what", "to what", "at how many"})) {
    return true;
  }
  // Conditions cannot be met with these tools; whoever asks "whether" wants to be told.
  if (reader.Has("whether") ||
      reader.HasAny({"if the", "if any", "if there", "if it", "if i", "if we", "if my", "if someone",
                     "if anyone", "if somebody", "if anybody", "if its"})) {
    return true;
  }
  if (reader.Begins("i wonder") && !reader.BeginsAny({"i wonder if you could", "i wonder if you can"}))
    return true;
  if (reader.BeginsAny({"what", "whats", "which", "who", "whos", "when", "where", "wheres", "hows"}) &&
      !reader.BeginsAny({"what about we", "what about you", "when you", "who wants"})) {
    const bool doing = reader.Begins("what about") && reader.Word(2).ends_with("ing");
    if (!doing) return true;
  }
  if (reader.Begins("how")) {
    const bool doing = reader.Begins("how about") && (reader.BeginsAny({"how about we", "how about you"}) ||
                                                      reader.Word(2).ends_with("ing"));
    if (!doing) return true;
  }
  if (reader.Begins("why") && !reader.Begins("why dont you")) return true;
  // "how about closing the blinds?", also behind a remark.
  for (WordReader about = reader; about.GoBehind({"how about", "what about"});) {
    if (about.Word().ends_with("ing")) return AsksEnglish(about);
  }
  // A polite request, wherever it begins: what is asked for decides.
  WordReader polite = reader;
  if (polite.GoBehind({"can you",
                       "could you",
                       "would you",
                       "will you",
                       "might you",
                       "can we",
                       "could we",
                       "can i",
                       "could i",
                       "may i",
                       "do you think you could",
                       "do you mind",
                       "are you able to",
                       "shall we",
                       "wont you",
                       "is it ok to",
                       "is it okay to",
                       "is it possible to",
                       "would it be",
                       "any chance you",
                       "cant you",
                       "couldnt you",
                       "why dont you",
                       "you could",
                       "you can",
                       "how about we",
                       "what about we",
                       "how about you",
                       "if you could",
                       "if you can",
                       "if you would",
                       "thanks for",
                       "thank you for"}) &&
      !polite.AtEnd()) {
    return AsksEnglish(polite);
  }
  WordReader know = reader;
  if (know.Skip({"do you", "dont you"}) && AsksEnglish(know)) return true;
  if (reader.BeginsAny({"do me", "how about", "what about"})) return false;
  if (reader.Begins("have")) {
    return reader.BeginsAny({"have i", "have we", "have you", "have they"}) ||
           reader.HasAny({"been", "gone"}) || marked;
  }
  // "were watching a film": a remark.
  const bool remark = reader.Begins("were") &&
                      (reader.Word(1).ends_with("ing") || reader.BeginsAny({"were off", "were back"}));
  static constexpr std::string_view kAuxiliaries[] = {
      "is",   "are",    "was",   "were",   "am",    "do",     "does",  "did",     "has",
      "had",  "should", "can",   "could",  "would", "will",   "may",   "might",   "shall",
      "isnt", "arent",  "didnt", "doesnt", "hasnt", "havent", "wasnt", "dont you"};
  if (!remark && reader.BeginsAny(kAuxiliaries)) return true;
  if (reader.BeginsAny({"status of", "the status of", "the state of", "the position of",
                        "give me the temperature", "give me the current temperature"})) {
    return true;
  }
  return EnglishBehindRemark(reader) || marked;
}

// "machst du": asks for a deed. "hast du": asks.
bool IsDeed(std::string_view first, std::string_view second) {
  if (second != "du" || !first.ends_with("t")) return false;
  static constexpr std::string_view kNoDeeds[] = {"hast",  "weisst", "bist",    "siehst",  "hoerst", "kennst",
                                                  "sagst", "meinst", "glaubst", "schaust", "guckst", "warst"};
  return std::find(std::begin(kNoDeeds), std::end(kNoDeeds), first) == std::end(kNoDeeds);
}

bool GermanQuestion(WordReader reader, bool marked) {
  if (reader.DropLast({"oder", "oder nicht"})) return true;
  while (reader.DropLast({"bitte", "danke", "danke dir", "linnet", "jetzt", "mal", "sofort", "wieder",
                          "schnell", "fuer mich", "kurz", "gleich", "wie immer", "wenn es geht",
                          "wenn du kannst", "wenn du so nett waerst"})) {
  }
  if (reader.DropLast({"ja", "okay", "ok", "gell"})) marked = false;
  reader.SkipAll({"hey",      "hi",      "hallo",        "linnet",      "okay",      "ok",
                  "also",     "so",      "aeh",          "aehm",        "gut",       "na",
                  "hoer mal", "ach",     "und",          "ja",          "jetzt",     "bitte",
                  "schnell",  "sag mal", "guten morgen", "guten abend", "guten tag", "aber"});
  if (reader.Begins("du") && !reader.BeginsAny({"du kannst", "du sollst", "du darfst", "du koenntest",
                                                "du muesstest", "du musst", "du solltest"})) {
    reader.Skip({"du"});
  }
  // "kannst du schauen, dass du ..." asks for a deed, "ob du wohl ... könntest" too.
  const bool ob_du = reader.Has("ob du wohl");
  if (reader.Has("ob") && !ob_du) return true;
  if (reader.BeginsAny({"schau", "guck", "sieh", "pruef", "pruefe", "ueberpruef", "ueberpruefe", "zeig mir",
                        "finde heraus", "find heraus", "find mal raus"}) &&
      !reader.HasAny({"schau dass", "sieh zu"})) {
    return true;
  }
  if (reader.HasAny({"wuesste gern", "wuesste gerne", "moechte wissen", "will wissen", "muss wissen",
                     "gern wissen", "gerne wissen", "weisst du", "hast du eine ahnung"})) {
    return true;
  }
  if (!ob_du && AsksGerman(reader)) return true;
  static constexpr std::string_view kState[] = {"ist",    "sind",   "hat",     "haben", "habe",
                                                "brennt", "laeuft", "macht",   "steht", "stehen",
                                                "wird",   "wurde",  "leuchtet"};
  if (!ob_du && reader.HasAny({"wie", "was", "welche", "welcher", "welches", "wieviel"}) &&
      std::find(std::begin(kState), std::end(kState), reader.Last()) != std::end(kState)) {
    return true;
  }
  if (reader.BeginsAny({"hast du", "weisst du", "bist du", "siehst du", "hoerst du", "kennst du",
                        "glaubst du", "meinst du"})) {
    return true;
  }
  if (ob_du || reader.HasAny({"kannst du",         "koenntest du",  "wuerdest du",    "magst du",
                              "willst du",         "moechtest du",  "wirst du",       "waerst du",
                              "haettest du",       "wuerde es dir", "macht es dir",   "waere es moeglich",
                              "ist es moeglich",   "darf ich dich", "duerfte ich",    "koennen wir",
                              "koennten wir",      "wollen wir",    "sollen wir",     "kann man",
                              "koennte man",       "kann jemand",   "koennte jemand", "was haeltst du davon",
                              "wie waere es wenn", "wie waers",     "du kannst",      "du koenntest",
                              "dass du",           "wenn du"})) {
    return false;
  }
  for (WordReader deed = reader; !deed.AtEnd(); deed.Skip({deed.Word()})) {
    if (IsDeed(deed.Word(), deed.Word(1))) return false;
  }
  static constexpr std::string_view kWords[] = {
      "ist",        "sind",       "war",          "waren",    "wird",    "wurde",   "wurden",   "werden",
      "was",        "wer",        "wen",          "wie",      "wo",      "worauf",  "wann",     "warum",
      "wieso",      "weshalb",    "welche",       "welcher",  "welches", "welchen", "welchem",  "wieviel",
      "brennt",     "brennen",    "leuchtet",     "leuchten", "laeuft",  "laufen",  "hat",      "habe",
      "haben",      "hast",       "steht",        "stehen",   "haengen", "haengt",  "arbeitet", "braucht",
      "zieht",      "friert",     "heizen",       "heizt",    "gibt",    "geht",    "kann",     "koennen",
      "darf",       "muss",       "funktioniert", "liegt",    "ging",    "gingen",  "scheint",  "bekommt",
      "verbraucht", "gib mir die"};
  if (reader.BeginsAny(kWords) && !reader.Begins("was fuer ein")) return true;
  if (reader.BeginsAny({"soll", "sollte", "sollten", "sollen"})) return marked;
  if (reader.BeginsAny({"in welche", "in welcher", "in welchem", "auf wie", "auf welche", "seit wann",
                        "um wie", "hab ich", "status", "der status", "den status", "den zustand",
                        "der zustand", "den stand", "sag die"})) {
    return true;
  }
  return GermanBehindRemark(reader) || marked;
}

}  // namespace

bool IsQuestion(std::string_view utterance, Language language) {
  size_t end = utterance.size();
  while (end > 0 && (utterance[end - 1] == ' ' || utterance[end - 1] == '!' || utterance[end - 1] == '\n'))
    --end;
  const bool marked = end > 0 && utterance[end - 1] == '?';
  const WordReader reader(utterance, language);
  return language == Language::kGerman ? GermanQuestion(reader, marked) : EnglishQuestion(reader, marked);
}

bool IsNegated(std::string_view utterance, Language language) {
  const WordReader reader(utterance, language);
  if (language == Language::kGerman) {
    if (reader.HasAny({"vergiss nicht", "vergiss bitte nicht", "vergesst nicht", "warum nicht",
                       "nicht vergessen", "nicht nur", "nichts sehen", "kein licht mehr", "kein licht",
                       "nicht mehr", "nicht schlafen", "keine hand", "kein strom", "will kein"})) {
      return reader.HasAny({"niemals", "auf keinen fall", "bloss nicht", "keinesfalls"});
    }
    return reader.HasAny(
        {"nicht", "niemals", "nie", "kein", "keine", "keinen", "keinesfalls", "auf keinen fall"});
  }
  if (reader.HasAny({"dont forget", "do not forget", "why not", "why dont", "if not", "not only", "wont you",
                     "cant you", "couldnt you", "dont mind", "dont need the", "dont need",
                     "no longer need"})) {
    return reader.HasAny({"never", "under no circumstances"});
  }
  return reader.HasAny({"dont", "do not", "never", "not", "no longer", "under no circumstances"});
}

}  // namespace linnet::answer
