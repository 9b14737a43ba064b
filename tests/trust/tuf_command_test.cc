#include "deploy/tuf/tuf_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "deploy/tuf/http_client.h"
#include "runtime/base/hash.h"
#include "tests/support/fake_clock.h"
#include "tests/support/lying_repository.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/trust/http_server.h"

namespace linnet::tuf {
namespace {

using linnet::testing::HttpServer;
using linnet::testing::IsOk;
using linnet::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using trust::Json;
using Code = absl::StatusCode;

// A base URL as test suites make them: what is encoded stays encoded.
constexpr char kBase[] = "/test_graph_traversal%5Ba%2F..%5D";

class TufCommandTest : public ::testing::Test {
 protected:
  TufCommandTest() {
    EXPECT_THAT(fs_.WriteFileAtomic(dir_ / "root.json", repository_.File("root", 1)), IsOk());
    EXPECT_EQ(Run({"--metadata-dir", dir_ / "metadata", "init", dir_ / "root.json"}), 0);
  }

  std::string Answer(const std::string& target) {
    const std::string metadata = std::string(kBase) + "/metadata/";
    const std::string targets = std::string(kBase) + "/targets/";
    if (target.starts_with(metadata)) {
      std::string name = target.substr(metadata.size());
      for (const auto& [key, bytes] : repository_.files) {
        std::string expected;
        for (const char c : key.first) {
          expected += c == '/' ? "%2F" : c == '?' ? "%3F" : c == '#' ? "%23" : std::string(1, c);
        }
        expected += ".json";
        if (key.second != 0) expected = std::to_string(key.second) + "." + expected;
        if (name == expected) return HttpServer::Ok(bytes);
      }
    } else if (target.starts_with(targets)) {
      const auto it = targets_.find(target.substr(targets.size()));
      if (it != targets_.end()) return HttpServer::Ok(it->second);
    }
    return HttpServer::NotFound();
  }
  int Run(const std::vector<std::string>& arguments) { return RunTuf(arguments, fs_, clock_); }
  int Refresh() {
    server_.TakeRequests();
    return Run({"--metadata-url", server_.Url(kBase) + "/metadata/", "--metadata-dir", dir_ / "metadata",
                "refresh"});
  }
  int Download(const std::vector<std::string>& names) {
    server_.TakeRequests();
    std::vector<std::string> arguments = {"--metadata-url", server_.Url(kBase) + "/metadata",
                                          "--metadata-dir", dir_ / "metadata"};
    for (const std::string& name : names) arguments.insert(arguments.end(), {"--target-name", name});
    arguments.insert(arguments.end(), {"--target-dir", dir_ / "targets", "--target-base-url",
                                       server_.Url(kBase) + "/targets/", "download"});
    return Run(arguments);
  }
  void AddTarget(const std::string& role, const std::string& path, const std::string& content) {
    repository_.AddTarget(role, path, content);
    const size_t slash = path.rfind('/');
    const size_t name = slash == std::string::npos ? 0 : slash + 1;
    std::string key = path.substr(0, name) + base::Hex(base::Sha256(content)) + "." + path.substr(name);
    for (size_t at = key.find(' '); at != std::string::npos; at = key.find(' ')) key.replace(at, 1, "%20");
    targets_[key] = content;
  }
  std::vector<std::string> Downloaded() {
    std::vector<std::string> out;
    if (!std::filesystem::exists(dir_ / "targets")) return out;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir_ / "targets")) {
      if (entry.is_regular_file()) out.push_back(*fs_.ReadFile(entry.path(), 1 << 20));
    }
    return out;
  }
  std::vector<std::string> Without(const std::string& prefix, std::vector<std::string> requests) {
    for (std::string& r : requests) {
      EXPECT_TRUE(r.starts_with(kBase + prefix)) << r;
      r = r.substr(std::min(r.size(), sizeof(kBase) - 1 + prefix.size()));
    }
    return requests;
  }

  base::FileSystem& fs_ = base::FileSystem::Real();
  testing::TempDir dir_;
  testing::FakeClock clock_;
  testing::LyingRepository repository_{clock_.Now()};
  std::map<std::string, std::string> targets_;
  HttpServer server_{[this](const std::string& target) { return Answer(target); }};
};

TEST_F(TufCommandTest, RefreshAsksInOrderAndKeepsBytesAsReceived) {
  EXPECT_EQ(Refresh(), 0);
  EXPECT_THAT(Without("/metadata/", server_.TakeRequests()),
              ElementsAre("2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"));
  EXPECT_EQ(*fs_.ReadFile(dir_ / "metadata/targets.json", 100000), repository_.File("targets", 1));
  EXPECT_THAT(*fs_.List(dir_ / "metadata"),
              ElementsAre("root.json", "snapshot.json", "targets.json", "timestamp.json"));
}

TEST_F(TufCommandTest, DownloadVerifiesAndStoresAndDoesNotAskAgain) {
  AddTarget("targets", "dir one/file name.txt", "hello");
  AddTarget("targets", "plain", "world");
  repository_.PublishAll();
  EXPECT_EQ(Download({"dir one/file name.txt", "plain"}), 0);
  EXPECT_THAT(Downloaded(), UnorderedElementsAre("hello", "world"));
  EXPECT_EQ(Download({"dir one/file name.txt"}), 0);
  EXPECT_THAT(Without("/metadata/", server_.TakeRequests()), ElementsAre("2.root.json", "timestamp.json"));
  AddTarget("targets", "plain", "new world");
  repository_.PublishAll();
  EXPECT_EQ(Download({"plain"}), 0);
  EXPECT_THAT(Downloaded(), UnorderedElementsAre("hello", "new world"));
}

TEST_F(TufCommandTest, StoresNoBytesThatAreNotTheSignedOnes) {
  AddTarget("targets", "a", "right");
  AddTarget("targets", "long", "right");
  AddTarget("targets", "b", "right");
  repository_.PublishAll();
  for (auto& [name, content] : targets_) content = name.ends_with(".long") ? "right and more" : "wrong";
  targets_.erase(targets_.find(base::Hex(base::Sha256("right")) + ".b"));
  EXPECT_EQ(Download({"a"}), 1);
  EXPECT_EQ(Download({"long"}), 1);
  EXPECT_EQ(Download({"b"}), 1);
  EXPECT_EQ(Download({"unknown"}), 1);
  EXPECT_THAT(Downloaded(), IsEmpty());
}

TEST_F(TufCommandTest, AnInitialRootThatIsNoneIsExitOneAndNoRequest) {
  const std::string good = repository_.File("root", 1);
  const auto with = [&](const std::string& root) {
    EXPECT_THAT(fs_.WriteFileAtomic(dir_ / "metadata/root.json", root), IsOk());
    EXPECT_EQ(Refresh(), 1) << root;
    EXPECT_THAT(server_.TakeRequests(), IsEmpty());
  };
  std::string root = good;
  with(root.replace(root.rfind(",\"version\":1"), 12, ""));
  root = good;
  char& digit = root[root.find("\"sig\":\"") + 7];
  digit = digit == '0' ? '1' : '0';
  with(root);
  with("");
}

// The signed part of a target's entry, to be changed.
Json::Object& EntryOf(testing::LyingRepository& repository, const std::string& path) {
  Json& targets = repository.targets_json["targets"].object()->find("targets")->second;
  return *targets.object()->find(path)->second.object();
}

TEST_F(TufCommandTest, DownloadsByEitherHashOrByBothAndByNoOther) {
  const std::string content = "hello";
  const std::string sha256 = base::Hex(base::Sha256(content)), sha512 = base::Sha512Hex(content);
  targets_[sha256 + ".f"] = targets_[sha512 + ".f"] = content;
  const auto download = [&](Json::Object hashes) {
    repository_.AddTarget("targets", "f", content);
    EntryOf(repository_, "f").insert_or_assign("hashes", std::move(hashes));
    repository_.PublishAll();
    std::filesystem::remove_all(dir_ / "targets");
    const int code = Download({"f"});
    EXPECT_EQ(Downloaded().size(), code == 0 ? 1u : 0u);
    return code;
  };
  EXPECT_EQ(download({{"sha256", sha256}}), 0);
  EXPECT_EQ(download({{"sha512", sha512}}), 0);
  EXPECT_EQ(download({{"sha256", sha256}, {"sha512", sha512}}), 0);
  EXPECT_EQ(download({{"sha256", sha256}, {"sha512", base::Sha512Hex("other")}}), 1)
      << "every hash must hold";
  EXPECT_EQ(download({{"sha256", base::Hex(base::Sha256("other"))}, {"sha512", sha512}}), 1);
  EXPECT_EQ(download({{"blake3", sha256}}), 1);
}

TEST_F(TufCommandTest, ATargetWithTheRightHashAndAnotherLengthIsRefused) {
  AddTarget("targets", "f", "hello");
  for (const int length : {4, 6, 0}) {
    EntryOf(repository_, "f").insert_or_assign("length", length);
    repository_.PublishAll();
    EXPECT_EQ(Download({"f"}), 1) << length;
    EXPECT_THAT(Downloaded(), IsEmpty());
  }
  EntryOf(repository_, "f").insert_or_assign("length", 5);
  repository_.PublishAll();
  EXPECT_EQ(Download({"f"}), 0);
}

TEST_F(TufCommandTest, FollowsATargetThroughEachOfItsChanges) {
  for (const std::string content : {"one", "another", "a third", "one"}) {
    AddTarget("targets", "dir/f", content);
    repository_.PublishAll();
    EXPECT_EQ(Download({"dir/f"}), 0);
    EXPECT_THAT(Downloaded(), ElementsAre(content));
  }
}

TEST_F(TufCommandTest, RolesWithUnusualNamesStayInsideTheFolder) {
  for (const std::string role : {"?", "#", "/delegatedrole", "../delegatedrole"}) {
    const std::string path = base::Hex(role) + "/f";
    repository_.Delegate("targets", role, {base::Hex(role) + "/*"});
    AddTarget(role, path, role);
    repository_.PublishTargets(role);
    repository_.PublishAll();
    EXPECT_EQ(Download({path}), 0) << role;
  }
  ASSERT_OK_AND_ASSIGN(const auto outside, fs_.List(dir_.path()));
  EXPECT_THAT(outside, ElementsAre("metadata", "root.json", "targets"));
  ASSERT_OK_AND_ASSIGN(const auto inside, fs_.List(dir_ / "metadata"));
  EXPECT_EQ(inside.size(), 8u);
  for (const std::string& name : inside) EXPECT_TRUE(name.ends_with(".json")) << name;
}

TEST_F(TufCommandTest, WrongUseIsExitOne) {
  EXPECT_EQ(Run({}), 1);
  EXPECT_EQ(Run({"--metadata-dir"}), 1);
  EXPECT_EQ(Run({"--metadata-dir", dir_ / "metadata", "explode"}), 1);
  EXPECT_EQ(Run({"--bogus", "x", "refresh"}), 1);
  EXPECT_EQ(Run({"--metadata-dir", dir_ / "none", "--metadata-url", server_.Url("/"), "refresh"}), 1);
  EXPECT_EQ(Run({"--metadata-dir", dir_ / "m", "init", dir_ / "absent"}), 1);
  EXPECT_THAT(server_.TakeRequests(), IsEmpty());
  EXPECT_EQ(Run({"--help"}), 0);
}

absl::Status Get(const std::string& answer, uint64_t most, std::string& body) {
  HttpServer server([&](const std::string&) { return answer; });
  return HttpGet(server.Url("/x"), most, [&](std::string_view piece) {
    body.append(piece);
    return absl::OkStatus();
  });
}

TEST(HttpClientTest, TakesNoMoreThanItWasToldHoweverTheServerPutsIt) {
  std::string body;
  EXPECT_THAT(Get(HttpServer::Ok("12345"), 5, body), IsOk());
  EXPECT_EQ(body, "12345");
  body.clear();
  EXPECT_THAT(Get(HttpServer::Ok("123456"), 5, body), StatusIs(Code::kResourceExhausted));
  EXPECT_EQ(body, "") << "by its length alone";
  EXPECT_THAT(Get("HTTP/1.0 200 OK\r\n\r\n123456", 5, body), StatusIs(Code::kResourceExhausted));
  body.clear();
  EXPECT_THAT(Get("HTTP/1.0 200 OK\r\n\r\n12345", 5, body), IsOk());
  body.clear();
  EXPECT_THAT(Get("HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n12345", 5, body), IsOk());
  EXPECT_EQ(body, "123");
}

TEST(HttpClientTest, RefusesWhatItDidNotAskFor) {
  std::string body;
  EXPECT_THAT(Get("HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\n\r\n", 5, body),
              StatusIs(Code::kFailedPrecondition, HasSubstr("redirects")));
  EXPECT_THAT(Get("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", 5, body),
              StatusIs(Code::kFailedPrecondition, HasSubstr("transfer-encoding")));
  EXPECT_THAT(Get("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nx", 5, body),
              StatusIs(Code::kFailedPrecondition, HasSubstr("gzip")));
  EXPECT_THAT(Get("HTTP/1.1 206 Partial\r\n\r\nx", 5, body), StatusIs(Code::kFailedPrecondition));
  EXPECT_THAT(Get("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 5, body),
              StatusIs(Code::kFailedPrecondition));
  EXPECT_THAT(Get("HTTP/1.0 200 OK\r\nX: " + std::string(20000, 'x'), 5, body),
              StatusIs(Code::kFailedPrecondition, HasSubstr("headers")));
  EXPECT_THAT(Get("<html>sign in first</html>\r\n\r\n", 50, body), StatusIs(Code::kFailedPrecondition));
  EXPECT_EQ(body, "");
}

TEST(HttpClientTest, TakesNothingFromAnswersThatStandForOthers) {
  std::string body;
  for (const char* status : {"204 No Content", "206 Partial", "301 Moved", "304 Not Modified",
                             "307 Temporary", "401 Sign In", "418 Teapot", "100 Continue"}) {
    EXPECT_THAT(Get(absl::StrCat("HTTP/1.1 ", status, "\r\nContent-Length: 1\r\n\r\nx"), 5, body),
                StatusIs(Code::kFailedPrecondition))
        << status;
  }
  EXPECT_EQ(body, "");
  // What a browser would keep is not looked at.
  EXPECT_THAT(Get("HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nStrict-Transport-Security: max-age=1\r\n"
                  "Refresh: 0; url=http://elsewhere/\r\nContent-Length: 1\r\n\r\nx",
                  5, body),
              IsOk());
  EXPECT_EQ(body, "x");
}

TEST(HttpClientTest, TellsAbsentFromAwayFromCutOff) {
  std::string body;
  EXPECT_THAT(Get(HttpServer::NotFound(), 5, body), StatusIs(Code::kNotFound));
  EXPECT_THAT(Get("HTTP/1.0 503 Busy\r\n\r\n", 5, body), StatusIs(Code::kUnavailable));
  EXPECT_THAT(Get("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n123", 5, body),
              StatusIs(Code::kUnavailable, HasSubstr("cut off after 3 of 5")));
  EXPECT_THAT(Get("HTTP/1.0 200 O", 5, body), StatusIs(Code::kUnavailable));
  EXPECT_THAT(Get("", 5, body), StatusIs(Code::kUnavailable));
  const auto drop = [](std::string_view) { return absl::OkStatus(); };
  EXPECT_THAT(HttpGet("http://127.0.0.1:1/x", 5, drop), StatusIs(Code::kUnavailable, HasSubstr("connect")));
  EXPECT_THAT(HttpGet("https://127.0.0.1/x", 5, drop), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(HttpGet("http://h:99999/x", 5, drop), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(HttpGet("http://h/x\r\nHost: y", 5, drop), StatusIs(Code::kInvalidArgument));
}

TEST(HttpClientTest, DropsAServerThatTrickles) {
  HttpServer server([](const std::string&) { return HttpServer::Ok(std::string(2000, 'x')); },
                    /*trickle_ms=*/2);
  const absl::Status status =
      HttpGet(server.Url("/"), 5000, [](std::string_view) { return absl::OkStatus(); },
              {.window = absl::Milliseconds(300), .least_bytes = 1024});
  EXPECT_THAT(status, StatusIs(Code::kUnavailable, HasSubstr("too slow")));
}

TEST(HttpClientTest, DropsAServerThatStallsWhereverItDoes) {
  const std::string answer = HttpServer::Ok(std::string(3000, 'x'));
  for (const size_t at :
       {size_t{0}, size_t{10}, answer.size() - 3000, answer.size() - 1500, answer.size() - 1}) {
    HttpServer server([&](const std::string&) { return answer; }, /*trickle_ms=*/0, at);
    const absl::Status status =
        HttpGet(server.Url("/"), 5000, [](std::string_view) { return absl::OkStatus(); },
                {.window = absl::Milliseconds(100), .least_bytes = 1});
    EXPECT_THAT(status, StatusIs(Code::kUnavailable, HasSubstr("too slow"))) << at;
  }
}

}  // namespace
}  // namespace linnet::tuf
