#include "agent/answer/recipe_check.h"

#include <algorithm>
#include <initializer_list>

#include "absl/strings/str_cat.h"
#include "agent/answer/slots.h"
#include "agent/answer/text.h"

namespace linnet::answer {
namespace {

// What is done in a sentence, and the roles that it may be done to.
struct Deed {
  std::initializer_list<std::string_view> words;  // folded; one of them as a whole word
  std::string_view roles;                         // with spaces around each
};
const Deed kDeeds[] = {
    {{"salted", "salzwasser"}, " grain "},
    {{"wash", "rinse", "waschen", "putzen", "abspuelen"}, " vegetable leaves fruit "},
    {{"whisk", "beaten", "verquirlen", "stocken"}, " egg smooth batter "},
    {{"fry", "frying", "brown", "anbraten", "braten", "mitbraten", "duensten"},
     " main vegetable add egg batter "},
    {{"simmer", "koecheln", "schmoren"}, " vegetable add stir "},
    {{"bake", "backen"}, " oven cover batter fold "},
    {{"batter", "teig"}, " batter "},
    {{"smooth", "creamy", "glatt", "cremig"}, " smooth batter "},
    {{"bite", "strips", "mundgerechte", "streifen"}, " leaves "},
    {{"tender", "garen"}, " main vegetable add grain "},
    {{"side", "beilage", "reichen"}, " side "},
    {{"sprinkle", "scatter", "garnish", "darueberstreuen"}, " top "},
};
// A step that holds one of these heats what stands in it.
constexpr std::string_view kHeat =
    " fry frying bake simmer cook brown set boil braten anbraten mitbraten backen koecheln schmoren kochen "
    "garen stocken duensten ";
// Roles that hold raw food, or may.
constexpr std::string_view kRaw = " main add egg oven batter ";

bool Holds(std::string_view padded, std::string_view word) {
  return padded.find(" " + std::string(word) + " ") != std::string_view::npos;
}

bool Heats(std::string_view step) {
  const std::vector<std::string> words = Words(step);
  return std::any_of(words.begin(), words.end(),
                     [](const std::string& word) { return Holds(kHeat, Fold(word)); });
}

std::vector<std::string_view> Sentences(std::string_view step) {
  std::vector<std::string_view> sentences;
  while (!step.empty()) {
    const size_t end = std::min(step.find(". "), step.size());
    sentences.push_back(step.substr(0, end));
    step.remove_prefix(std::min(end + 2, step.size()));
  }
  return sentences;
}

const DishRole* RoleOf(const DishPlan& plan, size_t item) {
  for (const DishRole& role : plan.roles) {
    if (item >= role.first && item < role.first + role.count) return &role;
  }
  return nullptr;
}

// One reading of the steps from front to back.
class Reader {
 public:
  Reader(const std::set<std::string>& used, const DishPlan& plan) : used_(used), plan_(plan) {}

  std::string Step(const std::string& step) {
    for (const std::string_view sentence : Sentences(step)) {
      std::string wrong = Sentence(sentence, step);
      if (!wrong.empty()) return wrong;
    }
    return "";
  }
  std::string End() const {
    if (named_ != used_.size()) return "\"uses\" and the steps name different things";
    const int want = plan_.minutes > 0 ? 1 : 0;
    return times_ == want ? "" : absl::StrCat("says a time ", times_, " times, expected ", want);
  }

 private:
  std::string Sentence(std::string_view sentence, const std::string& step) {
    const auto names = SlotNames(sentence);
    if (!names.ok()) return "has a broken slot";
    const DishRole* role = nullptr;  // the last one in this sentence
    size_t of_role = 0;
    for (const std::string& name : *names) {
      if (name == "min") {
        ++times_;
        continue;
      }
      std::string wrong = Food(name, sentence, step, role, of_role);
      if (!wrong.empty()) return wrong;
    }
    return Whole(role, of_role);
  }

  std::string Food(const std::string& name, std::string_view sentence, const std::string& step,
                   const DishRole*& role, size_t& of_role) {
    if (used_.count(name) == 0) return absl::StrCat("cooks {", name, "}, which it does not use");
    const auto item = static_cast<size_t>(name[0] - '1');  // a number of the list, or it were not in used_
    if (item < next_) return absl::StrCat("names {", name, "} twice or out of order");
    next_ = item + 1;
    ++named_;
    const DishRole* of = RoleOf(plan_, item);
    if (of != role) {
      std::string wrong = Whole(role, of_role);
      if (!wrong.empty()) return wrong;
      if (role != nullptr && (role->name != "oven" || of->name != "cover")) {
        return "does the same to {" + name + "} and to the " + std::string(role->name);
      }
      role = of;
      of_role = 0;
    }
    ++of_role;
    if (Holds(kRaw, of->name) && !Heats(step)) return absl::StrCat("does not heat {", name, "}");
    const std::string phrase = FoldedPhrase(sentence);
    for (const Deed& deed : kDeeds) {
      for (const std::string_view word : deed.words) {
        if (Holds(phrase, word) && !Holds(deed.roles, of->name)) {
          return "\"" + std::string(word) + "\" for {" + name + "}, which is " + std::string(of->name);
        }
      }
    }
    return "";
  }

  // All used foods of a role stand together.
  std::string Whole(const DishRole* role, size_t of_role) const {
    if (role == nullptr) return "";
    size_t want = 0;
    for (size_t i = role->first; i < role->first + role->count; ++i)
      want += used_.count(std::to_string(i + 1));
    return of_role == want ? "" : "parts the foods of " + std::string(role->name);
  }

  const std::set<std::string>& used_;
  const DishPlan& plan_;
  size_t next_ = 0, named_ = 0;
  int times_ = 0;
};

}  // namespace

std::string Implausible(const std::vector<std::string>& steps, const std::set<std::string>& used,
                        const DishPlan& plan) {
  Reader reader(used, plan);
  for (const std::string& step : steps) {
    std::string wrong = reader.Step(step);
    if (!wrong.empty()) return wrong;
  }
  return reader.End();
}

std::string SlotList(size_t first, size_t count, Language language) {
  std::string out;
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) out += i + 1 < count ? ", " : language == Language::kGerman ? " und " : " and ";
    absl::StrAppend(&out, "{", first + i, "}");
  }
  return out;
}

}  // namespace linnet::answer
