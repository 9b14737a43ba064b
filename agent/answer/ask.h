#ifndef LINNET_AGENT_ANSWER_ASK_H_
#define LINNET_AGENT_ANSWER_ASK_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/answer/catalog.h"
#include "agent/answer/intent.h"
#include "agent/answer/model.h"
#include "agent/answer/recipe.h"
#include "agent/answer/report.h"
#include "agent/sensors/ingest.h"
#include "runtime/base/clock.h"

namespace linnet::answer {

// What is known about a room or device, for state questions.
struct KnownState {
  std::string entity;  // name of a room or device
  std::string what;    // "light", "blind", "temperature", "plug"
  std::string value;   // "on", "off", or a number as text
  std::string unit;
};

// Everything of the device that an answer may use; a copy made by the caller from its repositories.
struct DeviceState {
  std::string device_name;
  std::string here;  // room of this device; may be empty
  absl::TimeZone zone = absl::UTCTimeZone();
  std::vector<StockItem> stock;
  std::vector<Entity> entities;
  std::vector<sensors::Anomaly> anomalies;  // newest first
  std::vector<sensors::ChannelStatus> channels;
  std::vector<KnownState> known;
};

enum class AskKind : uint8_t {
  kAuto = 0,  // from the text and what the device has
  kReport = 1,
  kRecipe = 2,
  kIntent = 3,
  kState = 4,    // a question about sensors, stock or rooms, answered from state
  kUnknown = 5,  // nothing here can answer; the text says what can be asked
};
std::string_view Name(AskKind kind);  // "auto", "report", "recipe", "intent", "state", "unknown"
std::optional<AskKind> AskKindFromName(std::string_view name);

struct AskRequest {
  std::string text;                  // at most 500 bytes of UTF-8
  std::optional<Language> language;  // detected when absent
  AskKind kind = AskKind::kAuto;
  bool speech = false;  // a report's text for a voice: numbers, units and times in words
  absl::Time deadline = absl::InfiniteFuture();
  std::shared_ptr<engine::Cancellation> cancellation;  // may be null
};

struct Answer {
  AskKind kind = AskKind::kUnknown;
  Language language = Language::kEnglish;
  std::string text;  // for people; for a voice where that was asked
  std::string json;  // for programs: the recipe, the tool calls, the anomaly's facts, the state; never empty
  bool from_template = false;
  Fallback why = Fallback::kNone;
  ModelUse use;
  absl::Duration took;
};

struct AskCounters {
  uint64_t asked = 0, from_model = 0, from_template = 0, refused_by_check = 0, late = 0;
};

// The one door to answers of a device. Blocks; thread-safe.
class Asker {
 public:
  // `clock` must outlive this.
  Asker(EngineSource source, const base::Clock& clock);

  // InvalidArgument: empty, too long or not UTF-8. FailedPrecondition: a recipe is asked and nothing is in
  // stock, a report is asked and there is no anomaly (kAuto answers these in words instead). Cancelled: by
  // request.cancellation, at the model's next token at the latest.
  absl::StatusOr<Answer> Ask(const AskRequest& request, const DeviceState& state);
  // One anomaly in words.
  Report ReportOn(const sensors::Anomaly& anomaly, const std::string& device, const ReportOptions& options);

  Model& model() { return model_; }
  AskCounters counters() const;

 private:
  absl::StatusOr<Answer> Route(const AskRequest& request, Language language, const Caller& caller,
                               const DeviceState& state);
  void Count(Fallback why);

  Model model_;
  const base::Clock& clock_;
  std::atomic<uint64_t> asked_{0}, from_model_{0}, from_template_{0}, refused_{0}, late_{0};
};

// Which kind of question a text is, for a device with this state.
AskKind RouteOf(std::string_view text, const DeviceState& state, Language language);

}  // namespace linnet::answer

#endif  // LINNET_AGENT_ANSWER_ASK_H_
