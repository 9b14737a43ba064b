// Writes answers of coordinators and peers, good and bad, for fleet_answers_fuzz and peer_answers_fuzz:
// make_answer_seeds FOLDER. They are committed under tests/fuzz/data; run it again when the order of a
// device's calls changes, since lines of a script go by that.

#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "linnet/fleet/v1/fleet.pb.h"
#include "linnet/peer/v1/peer.pb.h"
#include "runtime/base/file_system.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "tests/fuzz/answer_script.h"
#include "tests/fuzz/coordinator_world.h"
#include "tests/fuzz/fleet_answers.h"
#include "tests/fuzz/fuzzed_call.h"

namespace linnet::testing {
namespace {

namespace v1 = fleet::v1;
using Lines = std::vector<std::string>;
using Kind = AnswerScript::Kind;

constexpr uint8_t kThenNobody = 1, kNewConnection = 2;

std::string Line(Kind kind, const std::string& more = "", unsigned number = 0) {
  return absl::StrCat(std::string(1, static_cast<char>(kind | number << 4)), more);
}
std::string Raw(const google::protobuf::Message& message, unsigned number = 0) {
  return Line(Kind::kRaw, message.SerializeAsString(), number);
}
std::string Part(const google::protobuf::Message& message) {
  return Line(Kind::kPart, message.SerializeAsString());
}
std::string Proved(const google::protobuf::Message& message) {
  return Line(Kind::kProved, message.SerializeAsString());
}
std::string End(grpc::StatusCode code, const std::string& text) {
  return Line(Kind::kEnd, absl::StrCat(std::string(1, static_cast<char>(code)), text));
}
std::string Honest() { return Line(Kind::kHonest); }

std::string Digest(std::string_view bytes) { return std::string(base::AsView(base::Sha256(bytes))); }

Lines After(size_t honest, const std::string& line) {
  Lines lines(honest, Honest());
  lines.push_back(line);
  return lines;
}

class Seeds {
 public:
  explicit Seeds(std::string folder) : folder_(std::move(folder)) {
    std::filesystem::create_directories(folder_);
  }
  void Add(const std::string& name, uint8_t scene, const Lines& lines, uint8_t flags = 0) const {
    LINNET_CHECK(lines.size() <= FuzzedCall::kMostMessages);
    const FuzzedCall call{.method = scene, .caller = 0, .flags = flags, .messages = lines};
    LINNET_CHECK(base::FileSystem::Real()
                     .WriteFileAtomic(absl::StrCat(folder_, "/", name), call.ToBytes(), 0644)
                     .ok());
  }

 private:
  const std::string folder_;
};

v1::CheckInResponse CheckedIn(const std::string& plan) {
  v1::CheckInResponse answer;
  answer.set_protocol(1);
  answer.set_timestamp_version(9);
  answer.set_plan(plan);
  answer.set_next_check_in_seconds(60);
  answer.set_log_size(3);
  return answer;
}

std::string SnapshotJson(const std::string& meta) {
  return absl::StrCat(R"({"_type":"snapshot","expires":"2030-01-05T00:00:00Z","meta":{)", meta,
                      R"(},"spec_version":"1.0.34","version":9})");
}

// The order: check-in; root, timestamp, snapshot, targets, plans; the log; the plan; models; the index; the
// chunks; reports.
void Checks(const Seeds& seeds) {
  seeds.Add("check", kSceneCheck, {});
  seeds.Add("check_then_nobody", kSceneCheck, {Honest()}, kThenNobody);
  seeds.Add("check_next_plan", kSceneCheck, {Raw(CheckedIn(CoordinatorWorld::kNextPlanTarget))});
  seeds.Add("check_lift_as_plan", kSceneCheck, {Raw(CheckedIn(CoordinatorWorld::kLiftTarget))});
  seeds.Add("check_model_as_plan", kSceneCheck, {Raw(CheckedIn(CoordinatorWorld::kModelTarget))});
  seeds.Add("check_no_such_plan", kSceneCheck, {Raw(CheckedIn("plans/\x1b[2J\n../x.json"))});
  v1::CheckInResponse answer = CheckedIn(CoordinatorWorld::kPlanTarget);
  answer.set_stop(true);
  seeds.Add("check_stop", kSceneCheck, {Raw(answer)});
  answer.set_stop(false);
  answer.set_log_size(0);
  seeds.Add("check_no_log", kSceneCheck, {Raw(answer)});
  answer.set_next_check_in_seconds(UINT32_MAX);
  answer.set_timestamp_version(UINT64_MAX);
  answer.set_log_size(UINT64_MAX);
  v1::Receipt& receipt = *answer.add_receipts();
  receipt.set_device_id(CoordinatorWorld::MemberId());
  receipt.set_plan_sha256(std::string(32, 'p'));
  receipt.set_outcome(v1::PASSED);
  receipt.add_certificate_chain("no certificate");
  seeds.Add("check_extremes", kSceneCheck, {Raw(answer)});
  seeds.Add("check_no_answer", kSceneCheck, {Line(Kind::kEnd, std::string(1, '\0'))});
  seeds.Add("check_two_answers", kSceneCheck, {Line(Kind::kRaw, "", 1)});
  seeds.Add("check_no_message", kSceneCheck, {Line(Kind::kRaw, "\x0a\xff")});
  seeds.Add("check_refused", kSceneCheck, {End(grpc::StatusCode::PERMISSION_DENIED, "no\r\n\x1b[2Jnow")});
  seeds.Add("check_refused_without_words", kSceneCheck, {End(grpc::StatusCode::NOT_FOUND, "")});
  seeds.Add("check_code_16", kSceneCheck, {End(grpc::StatusCode::UNAUTHENTICATED, "fine")});
  seeds.Add("check_long_words", kSceneCheck, {End(grpc::StatusCode::INTERNAL, std::string(6000, 'w'))});

  v1::GetMetadataResponse metadata;
  metadata.set_metadata("{\"signatures\":[],\"signed\":{\"_type\":\"root\",\"version\":2}}");
  const char* const roles[] = {"root", "timestamp", "snapshot", "targets", "plans"};
  for (size_t i = 0; i < std::size(roles); ++i) {
    seeds.Add(absl::StrCat("metadata_unsigned_", roles[i]), kSceneCheck, After(1 + i, Raw(metadata)));
    seeds.Add(absl::StrCat("metadata_changed_", roles[i]), kSceneCheck,
              After(1 + i, Line(Kind::kChanged, std::string("\x90\x00\x01", 3))));
    seeds.Add(absl::StrCat("metadata_absent_", roles[i]), kSceneCheck,
              After(1 + i, End(grpc::StatusCode::NOT_FOUND, "no")));
  }
  const auto timestamp = [](const char* expires, const char* version) {
    return Line(Kind::kSigned,
                absl::StrCat(R"({"_type":"timestamp","expires":")", expires,
                             R"(","meta":{"snapshot.json":{"version":9}},"spec_version":"1.0.34","version":)",
                             version, "}"));
  };
  const std::string good = timestamp("2030-01-02T00:00:00Z", "9");
  seeds.Add("timestamp_by_a_thief", kSceneCheck, After(2, good));
  seeds.Add("timestamp_expired", kSceneCheck, After(2, timestamp("2029-01-02T00:00:00Z", "9")));
  seeds.Add("timestamp_for_ever", kSceneCheck, After(2, timestamp("9999-12-31T23:59:59Z", "9")));
  seeds.Add("timestamp_largest", kSceneCheck,
            After(2, timestamp("2030-01-02T00:00:00Z", "9223372036854775807")));
  const std::string current = R"("plans.json":{"version":1},"targets.json":{"version":1})";
  for (const auto& [name, meta] : std::vector<std::pair<std::string, std::string>>{
           {"first_of_each", current},
           {"of_nothing", ""},
           {"of_more_roles", current + R"(,"../../x.json":{"version":1})"},
           {"ahead", R"("plans.json":{"version":9},"targets.json":{"version":9})"}}) {
    seeds.Add("snapshot_" + name, kSceneCheck,
              {Honest(), Honest(), good, Line(Kind::kSigned, SnapshotJson(meta))});
  }
  v1::GetChunksResponse chunk;
  chunk.set_sha256(std::string(32, 'c'));
  chunk.set_data("{\"format\":\"linnet-plan-1\"}");
  for (size_t honest = 6; honest < 8; ++honest) {
    seeds.Add(absl::StrCat("other_bytes_", honest), kSceneCheck, After(honest, Raw(chunk)));
    seeds.Add(absl::StrCat("other_bytes_again_and_again_", honest), kSceneCheck,
              After(honest, Raw(chunk, 12)));
    seeds.Add(absl::StrCat("unavailable_", honest), kSceneCheck,
              After(honest, End(grpc::StatusCode::UNAVAILABLE, "later")), kThenNobody);
  }
}

void Members(const Seeds& seeds) {
  seeds.Add("enroll", kSceneEnroll, {});
  v1::EnrollResponse answer;
  answer.set_device_name("press\n\x1b[2J\xc3\xa4");
  seeds.Add("enroll_with_an_odd_name", kSceneEnroll, {Proved(answer)});
  seeds.Add("enroll_unproved", kSceneEnroll, {Raw(answer)});
  answer.set_tuf_root("{\"signatures\":[],\"signed\":{}}");
  seeds.Add("enroll_with_no_root_of_trust", kSceneEnroll, {Proved(answer)});
  answer.clear_tuf_root();
  answer.set_fleet_root("no certificate");
  seeds.Add("enroll_with_no_fleet_root", kSceneEnroll, {Proved(answer)});
  answer.clear_fleet_root();
  answer.add_certificate_chain("no certificate");
  seeds.Add("enroll_with_no_certificate", kSceneEnroll, {Proved(answer)});
  for (int i = 0; i < 5; ++i) answer.add_certificate_chain("no certificate either");
  seeds.Add("enroll_with_a_long_chain", kSceneEnroll, {Proved(answer)});
  seeds.Add("enroll_changed", kSceneEnroll, {Line(Kind::kChanged, std::string("\x90\x00\x01", 3))});
  seeds.Add("enroll_refused", kSceneEnroll, {End(grpc::StatusCode::UNAUTHENTICATED, "token\nspent")});
  seeds.Add("enroll_huge", kSceneEnroll, {Line(Kind::kHuge, std::string("\x0a\x00", 2), 5)});

  seeds.Add("renew", kSceneRenew, {});
  answer.Clear();
  answer.add_certificate_chain("no certificate");
  seeds.Add("renew_with_no_certificate", kSceneRenew, {Proved(answer)});
  seeds.Add("renew_unproved", kSceneRenew, {Raw(v1::EnrollResponse())});
  seeds.Add("renew_changed", kSceneRenew, {Line(Kind::kChanged, std::string("\x90\x00\x01", 3))});
  seeds.Add("renew_refused", kSceneRenew, {End(grpc::StatusCode::PERMISSION_DENIED, "revoked")});
  seeds.Add("renew_not_accepted_then", kSceneRenew,
            {Honest(), End(grpc::StatusCode::UNAUTHENTICATED, "who are you?")});
}

void Streams(const Seeds& seeds) {
  v1::WatchResponse news;
  news.set_timestamp_version(9);
  news.set_stop(true);
  seeds.Add("watch_news", kSceneWatch, {Part(news), Raw(v1::WatchResponse())});
  seeds.Add("watch_without_end", kSceneWatch, {Raw(news, 10)});
  seeds.Add("watch_ends", kSceneWatch, {Part(news), End(grpc::StatusCode::INTERNAL, "")});
  seeds.Add("watch_huge", kSceneWatch, {Line(Kind::kHuge, std::string("\x10\x01", 2))});

  const std::string model = CoordinatorWorld::ModelBytes("1");
  v1::GetChunksResponse first, wrong;
  first.set_data(model.substr(0, 4096));
  first.set_sha256(Digest(first.data()));
  wrong.set_sha256(first.sha256());
  wrong.set_data("other bytes");
  seeds.Add("download", kSceneDownload, {});
  seeds.Add("download_then_nobody", kSceneDownload, {Raw(first)}, kThenNobody);
  seeds.Add("download_one_chunk_and_again", kSceneDownload, {Raw(first), Raw(first), Raw(first)});
  seeds.Add("download_wrong", kSceneDownload, {Raw(wrong)});
  seeds.Add("download_wrong_thrice", kSceneDownload, {Part(wrong), Part(wrong), Raw(wrong)});
  seeds.Add("download_changed", kSceneDownload, {Line(Kind::kChanged, std::string("\x90\x00\x01", 3))});
  seeds.Add("download_without_end", kSceneDownload, {Raw(first, 12)});
  seeds.Add("download_nothing", kSceneDownload, {Raw(v1::GetChunksResponse(), 2)});
  seeds.Add("download_lacks", kSceneDownload, {Part(first), End(grpc::StatusCode::NOT_FOUND, "no")},
            kThenNobody);

  v1::GetPeersResponse peers;
  for (int i = 0; i < 20; ++i) {
    peers.add_peers()->set_address(absl::StrCat("10.0.0.", i, ":7402"));
    peers.mutable_peers(i)->set_complete(i % 2 == 0);
  }
  v1::GetChunksResponse elsewhere;
  elsewhere.set_sha256(first.sha256());
  elsewhere.add_peers("10.0.0.7:7402");
  seeds.Add("spare", kSceneSpare, {});
  seeds.Add("spare_many_peers", kSceneSpare, {Raw(peers)});
  seeds.Add("spare_huge", kSceneSpare, {Line(Kind::kHuge, std::string("\x0a\x00", 2)), Honest()});
  seeds.Add("spare_elsewhere", kSceneSpare, {Honest(), Raw(elsewhere)});
  seeds.Add("spare_elsewhere_without_end", kSceneSpare, {Honest(), Raw(elsewhere, 12)});
  for (int i = 0; i < 40; ++i) elsewhere.add_peers("");
  seeds.Add("spare_everywhere", kSceneSpare, {Honest(), Raw(elsewhere)});
}

void Logs(const Seeds& seeds) {
  seeds.Add("log", kSceneLog, {});
  v1::GetLogProofResponse proof;
  seeds.Add("log_of_nothing", kSceneLog, {Raw(proof)});
  for (const uint64_t size : {uint64_t{0}, uint64_t{1}, uint64_t{17}, uint64_t{1} << 62, UINT64_MAX}) {
    proof.mutable_head()->set_size(size);
    proof.mutable_head()->set_root_sha256(std::string(32, 'r'));
    seeds.Add(absl::StrCat("log_of_another_", size), kSceneLog, {Proved(proof)});
  }
  proof.mutable_head()->set_size(100);
  proof.add_grown()->add_sha256(std::string(32, 'g'));
  proof.mutable_timestamp()->set_index(3);
  for (int i = 0; i < 70; ++i) proof.mutable_timestamp()->add_sha256(std::string(32, 't'));
  proof.mutable_snapshot()->set_index(UINT64_MAX);
  proof.mutable_snapshot()->add_sha256("short");
  seeds.Add("log_of_lies", kSceneLog, {Proved(proof)});
  seeds.Add("log_unsigned", kSceneLog, {Raw(proof)});
  seeds.Add("log_changed", kSceneLog, {Line(Kind::kChanged, std::string("\x05\x00\x01", 3))});
  seeds.Add("log_absent", kSceneLog, {End(grpc::StatusCode::NOT_FOUND, "never")});
  seeds.Add("log_unknown", kSceneLog, {End(grpc::StatusCode::UNIMPLEMENTED, "")});
  seeds.Add("log_huge", kSceneLog, {Line(Kind::kHuge, std::string("\x12\x02\x12\x00", 4), 3)});

  seeds.Add("check_in", kSceneCheckIn, {});
  seeds.Add("check_in_empty_receipts", kSceneCheckIn, {Line(Kind::kHuge, std::string("\x32\x00", 2), 2)});
  seeds.Add("check_in_huge", kSceneCheckIn, {Line(Kind::kHuge, std::string("\x32\x00", 2), 6)});
}

// The order of a download: which peers; at the first connection, heads; chunks of the peer; of the
// coordinator, sparing; of it, all.
void Peers(const std::string& folder) {
  const Seeds seeds(folder);
  const std::string model = CoordinatorWorld::ModelBytes("1");
  peer::v1::GetChunksResponse first, wrong;
  first.set_data(model.substr(0, 4096));
  first.set_sha256(Digest(first.data()));
  wrong.set_sha256(first.sha256());
  wrong.set_data("other bytes");
  v1::GetPeersResponse peers;
  peers.add_peers()->set_address("-");  // becomes the peer's
  peers.mutable_peers(0)->set_complete(true);
  v1::GetPeersResponse fetching = peers;
  fetching.mutable_peers(0)->set_complete(false);
  v1::GetPeersResponse odd = peers;
  for (const char* address : {"", "8.8.8.8:7402", "localhost:1", "127.0.0.1:0", "127.0.0.1:70000", "[::1]:x",
                              "unix:/tmp/x", "10.0.0.1:7402\n", "127.0.0.1"}) {
    odd.add_peers()->set_address(address);
    odd.mutable_peers(odd.peers_size() - 1)->set_complete(true);
  }
  v1::GetChunksResponse elsewhere;
  elsewhere.set_sha256(first.sha256());
  elsewhere.add_peers("-");
  const std::string nobody = Raw(v1::GetPeersResponse());

  seeds.Add("download", 0, {});
  seeds.Add("download_new_connection", 0, {}, kNewConnection);
  seeds.Add("download_then_nobody", 0, {Honest(), Raw(first)}, kThenNobody);
  seeds.Add("download_odd_addresses", 0, {Raw(odd)});
  seeds.Add("download_wrong", 0, {Honest(), Raw(wrong)});
  seeds.Add("download_wrong_of_all", 0,
            {Honest(), Raw(wrong), Raw(wrong), Raw(wrong), Raw(wrong), Raw(wrong)});
  seeds.Add("download_changed", 0, {Honest(), Line(Kind::kChanged, std::string("\x90\x00\x01", 3))});
  seeds.Add("download_without_end", 0, {Honest(), Raw(first, 12)});
  seeds.Add("download_nothing", 0, {Honest(), Raw(peer::v1::GetChunksResponse())}, kThenNobody);
  seeds.Add("download_peer_lacks", 0, {Honest(), End(grpc::StatusCode::NOT_FOUND, "no")});
  seeds.Add("download_peer_busy", 0, {Honest(), End(grpc::StatusCode::RESOURCE_EXHAUSTED, "later\n")});
  seeds.Add("download_peer_gone", 0, {Honest(), End(grpc::StatusCode::UNAVAILABLE, "")});
  seeds.Add("download_from_who_fetches", 0, {Proved(fetching), Proved(elsewhere)});
  seeds.Add("download_elsewhere", 0, {nobody, Proved(elsewhere), Raw(first)});
  seeds.Add("download_elsewhere_without_end", 0,
            {nobody, Line(Kind::kRaw, elsewhere.SerializeAsString(), 12)});
  seeds.Add("download_elsewhere_and_lacks", 0,
            {nobody, Proved(elsewhere), End(grpc::StatusCode::NOT_FOUND, "no"), Proved(elsewhere)});
  seeds.Add("download_no_coordinator", 0,
            {Proved(fetching), End(grpc::StatusCode::UNAVAILABLE, ""), Raw(first)}, kThenNobody);
  seeds.Add("download_huge", 0, {Honest(), Line(Kind::kHuge, "\x12\x01x", 5)});

  peer::v1::ExchangeHeadsResponse heads;
  heads.mutable_head()->set_size(7);
  heads.mutable_head()->set_root_sha256(std::string(32, 'r'));
  heads.mutable_head()->set_signature(std::string(64, 's'));
  seeds.Add("ask", 1, {});
  seeds.Add("ask_new_connection", 1, {}, kNewConnection);
  seeds.Add("ask_forged_head", 1, {Raw(heads)}, kNewConnection);
  seeds.Add("ask_head_of_another_log", 1, {Proved(heads)}, kNewConnection);
  seeds.Add("ask_no_heads", 1, {End(grpc::StatusCode::UNIMPLEMENTED, "")}, kNewConnection);
  seeds.Add("ask_without_end", 1, {Raw(first, 12)});
  seeds.Add("ask_no_message", 1, {Line(Kind::kRaw, "\x0a\xff")});
}

}  // namespace
}  // namespace linnet::testing

int main(int argc, char** argv) {
  using namespace linnet::testing;  // NOLINT(google-build-using-namespace): one short function
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_answer_seeds FOLDER\n");
    return 2;
  }
  const std::string folder = argv[1];
  const Seeds fleet(folder + "/fleet_answers_fuzz");
  Checks(fleet);
  Members(fleet);
  Streams(fleet);
  Logs(fleet);
  Peers(folder + "/peer_answers_fuzz");
  return 0;
}
