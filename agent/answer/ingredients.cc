#include "agent/answer/ingredients.h"

#include <algorithm>
#include <string>

#include "agent/answer/text.h"

namespace linnet::answer {
namespace {

// One line a category, names in folded form. "+" marks what may stand in meals and desserts.
struct Row {
  Food food;
  const char* names;
};
constexpr Row kRows[] = {
    {Food::kMeat,
     "chicken chicken_breast beef pork turkey ham bacon minced_meat mince lamb sausage sausages veal salami "
     "duck venison meatballs meat steak chorizo haehnchen huhn haehnchenbrust rindfleisch schweinefleisch "
     "pute putenbrust schinken speck hackfleisch hack lammfleisch wurst wuerstchen kalbfleisch ente "
     "wildfleisch frikadellen fleisch gulasch schnitzel"},
    {Food::kFish,
     "salmon cod tuna trout shrimp shrimps herring mackerel fish fish_fingers prawns plaice haddock sea_bass "
     "mussels lachs kabeljau thunfisch forelle garnelen hering makrele fischstaebchen krabben scholle "
     "seelachs wolfsbarsch muscheln fisch"},
    {Food::kVegetable,
     "spinach carrot carrots broccoli zucchini courgette pepper peppers tomato tomatoes onion onions "
     "mushroom mushrooms leek cauliflower potato potatoes cabbage celery fennel asparagus peas corn eggplant "
     "kale pumpkin beetroot garlic parsnips artichokes chard sweet_potato sweet_potatoes green_beans "
     "spring_onions spinat karotte karotten brokkoli paprika tomate tomaten zwiebel zwiebeln champignons "
     "pilze lauch blumenkohl kartoffel kartoffeln kohl weisskohl rotkohl sellerie fenchel spargel erbsen "
     "mais aubergine auberginen gruenkohl kuerbis rote_bete knoblauch moehre moehren pastinaken artischocken "
     "mangold suesskartoffel suesskartoffeln gemuese"},
    {Food::kSalad,
     "lettuce cucumber radish radishes rocket mixed_leaves avocado salad endive cress salat gurke gurken "
     "radieschen rucola kopfsalat endivien kresse"},
    {Food::kFruit,
     "apple apples banana bananas strawberry strawberries pear pears orange oranges blueberry blueberries "
     "grapes mango pineapple plum plums peach peaches cherry cherries raspberry raspberries kiwi lemon "
     "lemons apricots figs berries fruit melon apfel aepfel banane bananen erdbeere erdbeeren birne birnen "
     "orangen heidelbeeren trauben ananas pflaumen pfirsich pfirsiche kirschen himbeeren beeren zitrone "
     "zitronen aprikosen feigen obst melone"},
    {Food::kDairy,
     "milk+ cream+ yoghurt+ yogurt+ butter+ quark+ cream_cheese+ sour_cream+ ricotta+ mascarpone+ "
     "buttermilk+ milch+ sahne+ joghurt+ frischkaese+ schmand+ creme_fraiche+ buttermilch+"},
    {Food::kCheese,
     "cheese feta mozzarella parmesan gouda cheddar goat_cheese halloumi brie kaese bergkaese ziegenkaese "
     "camembert"},
    {Food::kEgg, "egg+ eggs+ quail_eggs+ ei+ eier+ wachteleier+"},
    {Food::kGrain,
     "pasta rice noodles couscous bulgur gnocchi quinoa polenta barley millet spaghetti macaroni lasagne "
     "nudeln reis graupen hirse makkaroni spaetzle"},
    {Food::kBread,
     "bread tortilla tortillas toast rolls baguette flatbread naan pita brot broetchen fladenbrot "
     "knaeckebrot pumpernickel"},
    {Food::kFlour,
     "oats flour semolina spelt_flour ground_oats haferflocken mehl griess dinkelmehl hartweizengriess"},
    {Food::kLegume,
     "lentils chickpeas beans kidney_beans white_beans tofu edamame split_peas linsen kichererbsen bohnen "
     "kidneybohnen weisse_bohnen schaelerbsen"},
    {Food::kNut,
     "walnuts+ almonds+ hazelnuts+ peanuts+ cashews+ pine_nuts+ pistachios+ pecans+ nuts+ sunflower_seeds+ "
     "walnuesse+ mandeln+ haselnuesse+ erdnuesse+ cashewkerne+ pinienkerne+ pistazien+ pekannuesse+ nuesse+ "
     "sonnenblumenkerne+"},
    {Food::kSweet,
     "honey chocolate sugar vanilla_sugar jam maple_syrup raisins marzipan caramel honig schokolade zucker "
     "vanillezucker marmelade ahornsirup rosinen karamell konfituere"},
    {Food::kHerb,
     "basil parsley chives dill coriander mint thyme sage basilikum petersilie schnittlauch koriander minze "
     "thymian salbei"},
    {Food::kExtra,
     "olives pesto coconut_milk tomato_sauce curry_paste mustard stock soy_sauce passata crushed_tomatoes "
     "capers tahini oliven kokosmilch tomatensosse tomatensauce currypaste senf bruehe sojasosse "
     "passierte_tomaten kapern tahin"},
};

std::vector<Ingredient> Build() {
  static std::vector<std::string>* const kept =
      new std::vector<std::string>;  // names live as long as the table
  std::vector<std::pair<std::string, Ingredient>> found;
  for (const Row& row : kRows) {
    const std::string names = row.names;
    for (size_t at = 0; at < names.size();) {
      const size_t end = std::min(names.find(' ', at), names.size());
      std::string name = names.substr(at, end - at);
      at = end + 1;
      if (name.empty()) continue;
      const bool sweet_food =
          row.food == Food::kFruit || row.food == Food::kSweet || row.food == Food::kFlour;
      Ingredient entry{{}, row.food, sweet_food, !sweet_food};
      if (name.back() == '+') {
        entry.sweet_dishes = true;
        name.pop_back();
      }
      std::replace(name.begin(), name.end(), '_', ' ');
      found.emplace_back(std::move(name), entry);
    }
  }
  kept->reserve(found.size());
  std::vector<Ingredient> table;
  for (auto& [name, entry] : found) {
    kept->push_back(std::move(name));
    entry.folded = kept->back();
    table.push_back(entry);
  }
  return table;
}

}  // namespace

std::string_view Name(Food food) {
  static constexpr std::string_view kNames[] = {"meat",   "fish",  "vegetable", "salad", "fruit", "dairy",
                                                "cheese", "egg",   "grain",     "bread", "flour", "legume",
                                                "nut",    "sweet", "herb",      "extra", "other"};
  return kNames[static_cast<size_t>(food)];
}

const std::vector<Ingredient>& Ingredients() {
  static const std::vector<Ingredient>* const table = new std::vector<Ingredient>(Build());
  return *table;
}

const Ingredient* FindIngredient(std::string_view name) {
  const std::vector<Ingredient>& table = Ingredients();
  const std::string phrase = FoldedPhrase(name);  // " sour cream "
  // The longest entry that stands in the name as whole words.
  const Ingredient* best = nullptr;
  for (const Ingredient& entry : table) {
    if ((best == nullptr || entry.folded.size() > best->folded.size()) &&
        phrase.find(" " + std::string(entry.folded) + " ") != std::string::npos) {
      best = &entry;
    }
  }
  if (best != nullptr) return best;
  // German compounds say at the end what a thing is (Vollmilch, Räucherlachs), sometimes at the beginning.
  for (const bool at_end : {true, false}) {
    for (const Ingredient& entry : table) {
      if (entry.folded.size() < 4 || (best != nullptr && entry.folded.size() <= best->folded.size()))
        continue;
      const std::string part = at_end ? std::string(entry.folded) + " " : " " + std::string(entry.folded);
      if (phrase.find(part) != std::string::npos) best = &entry;
    }
    if (best != nullptr) return best;
  }
  return nullptr;
}

}  // namespace linnet::answer
