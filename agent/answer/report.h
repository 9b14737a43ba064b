#ifndef LINNET_AGENT_ANSWER_REPORT_H_
#define LINNET_AGENT_ANSWER_REPORT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/answer/catalog.h"
#include "agent/answer/model.h"
#include "agent/answer/slots.h"
#include "agent/sensors/anomaly.h"

namespace linnet::answer {

struct ReportOptions {
  Language language = Language::kEnglish;
  absl::TimeZone zone = absl::UTCTimeZone();
  absl::Time deadline = absl::InfiniteFuture();
  Caller caller;
};

struct Report {
  std::string text;
  std::string speech;       // the same for a voice: numbers, units and times in words, no symbols
  std::vector<Slot> facts;  // what was filled in, with the texts as they stand in the report
  bool from_template = false;
  Fallback why = Fallback::kNone;
};

// An anomaly in words: facts -> prompt -> model -> check -> filled text. Never fails: when the model is
// absent, late or wrong, the words are a template's and `from_template` says so. Blocks. `model` may be null.
Report WriteReport(const sensors::Anomaly& anomaly, const std::string& device, const ReportOptions& options,
                   Model* model);

// The parts, for tests and for scoring a model.
std::vector<Slot> ReportFacts(const sensors::Anomaly& anomaly, const std::string& device,
                              const ReportOptions& options);
// The figures as a report says them: readings as they came, statistics rounded.
double ReportedValue(const sensors::Anomaly& anomaly);
double ReportedBaseline(const sensors::Anomaly& anomaly);
// `words` (with slots) for a voice. InvalidArgument: an unknown slot.
absl::StatusOr<std::string> SpeakReport(std::string_view words, const sensors::Anomaly& anomaly,
                                        const std::string& device, const ReportOptions& options);
// `attempt`: other words than those of the attempt before.
std::string ReportPrompt(const sensors::Anomaly& anomaly, const ReportOptions& options, uint64_t attempt = 0);
// A sentence in which each of `facts` has its slot.
std::string ReportTemplate(const std::vector<Slot>& facts, const sensors::Anomaly& anomaly,
                           Language language);

}  // namespace linnet::answer

#endif  // LINNET_AGENT_ANSWER_REPORT_H_
