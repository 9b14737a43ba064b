#include "tests/fuzz/make_trust_seeds.h"

#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/file_system.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "storage/trust/plan.h"

namespace linnet::testing {
namespace {

using trust::Lift;
using trust::Plan;
using trust::PlanWave;

constexpr int64_t kDay = 86'400;
constexpr int64_t kSigned = 1'893'456'000;  // 2030-01-01
constexpr char kId[] = "000102030405060708090a0b0c0d0e0f";

class Seeds {
 public:
  explicit Seeds(std::string folder) : folder_(std::move(folder)) {
    std::filesystem::create_directories(folder_);
  }
  void Add(const std::string& name, const std::string& bytes) const {
    LINNET_CHECK(
        base::FileSystem::Real().WriteFileAtomic(absl::StrCat(folder_, "/", name), bytes, 0644).ok());
  }
  // The same with a mistake in it.
  void AddWrong(const std::string& name, std::string bytes, std::string_view right,
                std::string_view wrong) const {
    const size_t at = bytes.find(right);
    LINNET_CHECK(at != std::string::npos);
    Add(name, bytes.replace(at, right.size(), wrong));
  }

 private:
  const std::string folder_;
};

std::string Device(char c) { return base::Hex(std::string(16, c)); }
std::string Key(char c) { return base::Hex(std::string(32, c)); }

PlanWave Named(const std::string& name, std::string_view devices, bool with_keys) {
  PlanWave wave{.name = name};
  for (const char c : devices) {
    wave.devices.push_back(Device(c));
    if (with_keys) wave.keys[Device(c)] = Key(c);
  }
  return wave;
}

Plan Signed(std::vector<PlanWave> waves) {
  return {.id = kId,
          .model_target = "models/starter/linnet-starter-2.linnet",
          .model_sha256 = std::string(32, 'm'),
          .release_counter = 2,
          .waves = std::move(waves),
          .confirm_time = absl::Minutes(10),
          .confirm_inferences = 20,
          .most_failures = 2,
          .created = absl::FromUnixSeconds(kSigned),
          .expires = absl::FromUnixSeconds(kSigned + 180 * kDay)};
}

void Plans(const std::string& folder) {
  const Seeds seeds(folder + "/plan_fuzz");
  const PlanWave everybody{.name = "all", .passes_needed = 1, .soak = absl::Hours(1)};
  std::vector<PlanWave> shares;
  for (const uint32_t until : {100, 500, 2500, 10'000}) {
    shares.push_back({.name = absl::StrCat(until / 100, " %"),
                      .until_bucket = until,
                      .passes_needed = static_cast<uint32_t>(shares.size()),
                      .soak = absl::Hours(24)});
  }
  seeds.Add("by_bucket", Signed(shares).ToJson());
  seeds.Add("by_one_bucket", Signed({{.name = "first", .until_bucket = 1}, everybody}).ToJson());
  seeds.Add("nobody", Signed({{.name = "none", .until_bucket = 0}}).ToJson());
  seeds.Add("by_ids",
            Signed({Named("canary", "ab", false), {.name = "rest", .devices = {Device('c')}}}).ToJson());
  const std::string pinned = Signed({Named("canary", "abd", true), everybody}).ToJson();
  seeds.Add("keys_pinned", pinned);
  PlanWave second = Named("second", "efg", true);
  second.passes_needed = 2;
  seeds.Add("two_waves_pinned", Signed({Named("canary", "ab", true), second, everybody}).ToJson());
  PlanWave half = Named("canary", "ab", true);
  half.keys.erase(Device('b'));
  seeds.Add("one_key_lacks", Signed({half, everybody}).ToJson());
  seeds.Add("passes_without_keys", Signed({Named("canary", "ab", false), everybody}).ToJson());
  // plan_fuzz asks about this device.
  seeds.Add("of_the_device", Signed({Named("canary", "d", true), everybody}).ToJson());
  Plan plan = Signed({everybody});
  plan.waves[0].passes_needed = 0;
  plan.rolls_back = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";
  seeds.Add("rollback", plan.ToJson());
  plan.rolls_back = plan.id;
  seeds.Add("rolls_back_itself", plan.ToJson());
  plan.rolls_back.clear();
  plan.created = absl::UnixEpoch();
  plan.expires = absl::FromUnixSeconds(1);
  seeds.Add("expired", plan.ToJson());
  plan.created = absl::FromUnixSeconds(253'402'300'798);  // the last seconds of 9999
  plan.expires = absl::FromUnixSeconds(253'402'300'799);
  seeds.Add("at_the_end_of_time", plan.ToJson());
  plan = Signed({everybody});
  plan.waves[0].passes_needed = 0;
  plan.confirm_time = absl::ZeroDuration();
  plan.confirm_inferences = 0;
  plan.most_failures = UINT32_MAX;
  plan.release_counter = UINT32_MAX;
  seeds.Add("limits", plan.ToJson());
  seeds.Add("long", Signed(std::vector<PlanWave>(64, {.name = std::string(64, 'w')})).ToJson());

  const auto wrong = [&](const char* name, std::string_view right, std::string_view with) {
    seeds.AddWrong(name, pinned, right, with);
  };
  wrong("device_twice", Device('b'), Device('a'));
  wrong("key_twice", Key('b'), Key('a'));
  wrong("key_of_nobody", absl::StrCat("\"", Device('d'), "\":"), absl::StrCat("\"", Device('z'), "\":"));
  wrong("key_is_a_number", absl::StrCat("\"", Key('d'), "\""), "7");
  wrong("key_in_upper_case", Key('d').substr(0, 2), "AB");
  wrong("more_passes_than_devices", "\"passes_needed\":1", "\"passes_needed\":4");
  wrong("passes_below_zero", "\"passes_needed\":1", "\"passes_needed\":-1");
  wrong("bucket_too_large", "\"until_bucket\":10000", "\"until_bucket\":10001");
  wrong("soak_for_ever", "\"soak_seconds\":3600", "\"soak_seconds\":9223372036854775807");
  wrong("soak_is_a_float", "\"soak_seconds\":3600", "\"soak_seconds\":3600.0");
  wrong("ends_before_it_begins", absl::StrCat("\"expires\":", kSigned + 180 * kDay), "\"expires\":1");
  wrong("no_failures", "\"most_failures\":2", "\"most_failures\":0");
  wrong("other_format", "linnet-plan-1", "linnet-plan-2");
  wrong("id_is_a_path", "\"id\":\"00010203", "\"id\":\"../../..");
  wrong("member_twice", "\"format\"", "\"id\":\"\",\"format\"");
  wrong("not_utf8", "canary", "can\xff\xfey");
  wrong("control_characters", "canary", "can\\u0007\\u001b[2J");
  wrong("unknown_field", "\"format\"", "\"also\":{\"x\":[1,2,{}]},\"format\"");
  seeds.Add("no_waves", "{\"format\":\"linnet-plan-1\",\"waves\":[]}");
  seeds.Add("cut", pinned.substr(0, pinned.size() / 2));
  seeds.Add("deep", std::string(3000, '['));
  seeds.Add("spaces", absl::StrCat("\n ", pinned, " \t\r\n"));
}

void Lifts(const std::string& folder) {
  const Seeds seeds(folder + "/lift_fuzz");
  Lift lift{.rollout = kId,
            .plan_sha256 = std::string(32, 'p'),
            .number = 1,
            .most_failures = 0,
            .created = absl::FromUnixSeconds(kSigned),
            .expires = absl::FromUnixSeconds(kSigned + kDay)};
  const std::string first = lift.ToJson();
  seeds.Add("first", first);
  lift.number = UINT32_MAX;
  lift.most_failures = UINT32_MAX;
  lift.created = absl::UnixEpoch();
  lift.expires = absl::FromUnixSeconds(253'402'300'799);
  seeds.Add("limits", lift.ToJson());
  lift.expires = absl::FromUnixSeconds(1);
  seeds.Add("expired", lift.ToJson());
  const auto wrong = [&](const char* name, std::string_view right, std::string_view with) {
    seeds.AddWrong(name, first, right, with);
  };
  wrong("number_zero", "\"number\":1", "\"number\":0");
  wrong("number_too_large", "\"number\":1", "\"number\":4294967296");
  wrong("number_is_text", "\"number\":1", "\"number\":\"1\"");
  wrong("ends_before_it_begins", absl::StrCat(kSigned + kDay), "0");
  wrong("rollout_is_a_path", kId, "../../../etc/passwd/000000000000");
  wrong("rollout_in_upper_case", "0a0b0c", "0A0B0C");
  wrong("short_hash", "707070", "7070");
  wrong("a_plan", "linnet-lift-1", "linnet-plan-1");
  wrong("member_twice", "\"format\"", "\"number\":2,\"format\"");
  wrong("unknown_field", "\"format\"", "\"also\":null,\"format\"");
  wrong("too_deep", "\"format\"", "\"also\":[[[]]],\"format\"");
  wrong("not_utf8", "linnet", "linn\xc0\x80t");
  seeds.Add("cut", first.substr(0, first.size() - 7));
  seeds.Add("no_json", "stop the rollout");
}

void Bundles(const std::string& folder) {
  const Seeds seeds(folder + "/bundle_fuzz");
  const std::string good = absl::StrCat("{\"format\":\"linnet-bundle-1\",\"plan\":\"plans/", kId,
                                        ".json\",\"site\":\"", kId, "\"}\n");
  seeds.Add("manifest", good);
  const auto wrong = [&](const char* name, std::string_view right, std::string_view with) {
    seeds.AddWrong(name, good, right, with);
  };
  wrong("plan_leads_outside", "plans/", "../../../../etc/");
  wrong("plan_with_a_zero", "plans/", "plans/\\u0000\\n");
  wrong("plan_is_a_list", absl::StrCat("\"plans/", kId, ".json\""), "[\"plans/x.json\"]");
  wrong("no_site", "\"site\"", "\"place\"");
  wrong("long_site", absl::StrCat(kId, "\"}"), absl::StrCat(std::string(3000, 's'), "\"}"));
  wrong("newer", "linnet-bundle-1", "linnet-bundle-2");
  wrong("member_twice", "\"plan\"", "\"plan\":\"\",\"plan\"");
  wrong("not_utf8", "plans/", "plans/\xed\xa0\x80");
  wrong("unknown_field", "\"plan\"", "\"also\":{\"a\":1},\"plan\"");
  seeds.Add("empty", "");
  seeds.Add("deep", std::string(3000, '{'));
  seeds.Add("byte_order_mark", "\xef\xbb\xbf" + good);
  seeds.Add("cut", good.substr(0, good.size() - 9));
}

}  // namespace

void WriteTrustSeeds(const std::string& folder) {
  Plans(folder);
  Lifts(folder);
  Bundles(folder);
}

}  // namespace linnet::testing
