// The first byte picks what the rest is: an utterance, a model's answer, or a line of a recording. Nothing
// that a stranger or a broken model writes may crash, act for a question, or use what is not in stock.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "agent/answer/dish.h"
#include "agent/answer/intent.h"
#include "agent/answer/recipe.h"
#include "agent/answer/text.h"
#include "agent/sensors/ingest.h"
#include "runtime/base/status_macros.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace linnet::answer;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::vector<Entity> home = {{"Küche", EntityKind::kRoom, {"kitchen"}},
                                    {"Fan", EntityKind::kDevice, {}}};
  const std::vector<StockItem> stock = {{"Lachs", 1, "g", {}}, {"Spinat", 2, "", {}}};
  IntentOptions options;
  options.language = data[0] & 8 ? Language::kGerman : Language::kEnglish;
  options.here = "Hall";
  switch (data[0] & 3) {
    case 0: {
      const auto intent = FindIntent(text, home, options, nullptr);
      if (!intent.ok()) break;
      for (const Call& call : intent->calls) LINNET_CHECK(!(intent->question && call.action));
      const Linked linked = Link(text, home, options.language);
      LINNET_CHECK(IsUtf8(linked.text) && linked.rooms.size() <= 1 && linked.devices.size() <= 1);
      break;
    }
    case 1: {
      const Linked linked =
          Link(data[0] & 16 ? "is the kitchen fan at 5?" : "kitchen fan 5", home, options.language);
      const auto intent = FillIntent(text, linked, options);
      if (!intent.ok()) break;
      for (const Call& call : intent->calls) LINNET_CHECK(!(linked.question && call.action));
      break;
    }
    case 2: {
      const auto recipe = FillRecipe(text, PlanDish(stock), options.language);
      if (recipe.ok()) LINNET_CHECK(!recipe->uses.empty() && recipe->uses.size() <= stock.size());
      break;
    }
    default: {
      const auto reading = linnet::sensors::ParseCsvLine(text);
      if (!reading.ok() || !reading->has_value()) break;
      linnet::sensors::Ingest ingest((linnet::sensors::IngestOptions()));
      const auto added = ingest.Add(**reading);
      LINNET_CHECK(added.ok() || !added.status().message().empty());
    }
  }
  return 0;
}
