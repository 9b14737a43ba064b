#include "runtime/base/tpm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/tpm_connection.h"
#include "runtime/base/tpm_key.h"
#include "tests/support/status_matchers.h"
#include "tests/support/swtpm.h"
#include "tests/support/temp_dir.h"

namespace linnet::base {
namespace {

using linnet::testing::IsOk;
using linnet::testing::StatusIs;
using linnet::testing::Swtpm;
using ::testing::HasSubstr;
using ::testing::Not;
using Code = absl::StatusCode;

constexpr uint32_t kGetRandomOfOwner = 0x17b;  // a command that has no such handle: refused, at once

// The last byte of a base64 line, say, changed: PEM that is still PEM.
std::string Changed(std::string text, size_t at) {
  text[at] = text[at] == 'A' ? 'B' : 'A';
  return text;
}

class TpmTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!Swtpm::IsInstalled()) GTEST_SKIP() << Swtpm::kMissing;
    chip_ = std::make_unique<Swtpm>();
    tpm_ = std::make_shared<const Tpm>(chip_->path());
  }
  std::unique_ptr<Swtpm> chip_;
  std::shared_ptr<const Tpm> tpm_;
};

TEST_F(TpmTest, WhatItsKeySignsTheKeysPublicHalfVerifies) {
  EXPECT_THAT(tpm_->Probe(), IsOk());
  const auto pem = MakeTpmKey(*tpm_);
  ASSERT_THAT(pem, IsOk());
  EXPECT_TRUE(IsTpmKey(*pem));
  EXPECT_FALSE(PrivateKey::FromPem(*pem).ok()) << "there is no key in it";
  const auto key = OpenTpmKey(*pem, tpm_);
  ASSERT_THAT(key, IsOk());
  EXPECT_NE(key->hardware(), nullptr);
  for (int i = 0; i < 30; ++i) {  // now and then a number begins with a zero
    const std::string message = absl::StrCat("message ", i);
    const auto signature = key->Sign(message);
    ASSERT_THAT(signature, IsOk());
    EXPECT_THAT(key->public_key().Verify(message, *signature), IsOk());
    EXPECT_FALSE(key->public_key().Verify("another", *signature).ok());
    const auto raw = key->SignRaw(message);
    ASSERT_THAT(raw, IsOk());
    EXPECT_THAT(key->public_key().VerifyRaw(message, *raw), IsOk());
  }
  const auto other = OpenTpmKey(*MakeTpmKey(*tpm_), tpm_);
  ASSERT_THAT(other, IsOk());
  EXPECT_NE(other->public_key().Raw(), key->public_key().Raw());
}

TEST_F(TpmTest, ManyThreadsAndKeysFillNoSlot) {
  std::vector<PrivateKey> keys;
  for (int i = 0; i < 5; ++i) keys.push_back(*OpenTpmKey(*MakeTpmKey(*tpm_), tpm_));  // a TPM holds three
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (size_t i = 0; i < 10; ++i) {
        const PrivateKey& key = keys[(t + i) % keys.size()];
        const auto signature = key.Sign("x");
        good += signature.ok() && key.public_key().Verify("x", *signature).ok() ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 40);
}

TEST_F(TpmTest, ASealedSecretComesBackFromThisTpmOnly) {
  for (const std::string& secret : {std::string("k"), std::string(32, '\0'), std::string(128, '\xff')}) {
    const auto pem = SealWithTpm(*tpm_, secret);
    ASSERT_THAT(pem, IsOk());
    EXPECT_EQ(*UnsealWithTpm(*tpm_, *pem), secret);
    const Swtpm thief;
    EXPECT_THAT(UnsealWithTpm(Tpm(thief.path()), *pem),
                StatusIs(Code::kPermissionDenied, HasSubstr("not of this")));
    EXPECT_FALSE(OpenTpmKey(*pem, tpm_).ok()) << "it is no key";
  }
  EXPECT_FALSE(UnsealWithTpm(*tpm_, *MakeTpmKey(*tpm_)).ok());
}

TEST_F(TpmTest, AKeyIsOfNoUseInAnotherTpm) {
  const std::string pem = *MakeTpmKey(*tpm_);
  const Swtpm thief;
  const auto key = OpenTpmKey(pem, std::make_shared<const Tpm>(thief.path()));
  ASSERT_THAT(key, IsOk());
  const absl::Status status = key->Sign("x").status();
  EXPECT_THAT(status, StatusIs(Code::kPermissionDenied, HasSubstr("not of this TPM")));
  EXPECT_TRUE(Tpm::FailedAt(status));
}

TEST_F(TpmTest, ATpmThatIsGoneIsUnavailableUntilItIsBack) {
  const auto key = OpenTpmKey(*MakeTpmKey(*tpm_), tpm_);
  chip_->Stop();
  const absl::Status gone = key->Sign("x").status();
  EXPECT_THAT(gone, StatusIs(Code::kUnavailable, HasSubstr(chip_->path())));
  EXPECT_TRUE(Tpm::FailedAt(gone));
  EXPECT_THAT(tpm_->Probe(), StatusIs(Code::kUnavailable, HasSubstr("no TPM")));
  chip_->Start();
  EXPECT_THAT(key->Sign("x"), IsOk());
}

TEST_F(TpmTest, ABusyTpmIsWaitedForAndNotForEver) {
  // It serves one conversation at a time, and somebody else has it.
  std::optional<TpmConnection> other(*TpmConnection::Open(chip_->path(), absl::Seconds(10)));
  ASSERT_THAT(other->Run(kGetRandomOfOwner, 0x40000001, ""), Not(IsOk()));  // it has taken us
  EXPECT_THAT(Tpm(chip_->path(), absl::Milliseconds(200)).Probe(),
              StatusIs(Code::kUnavailable, HasSubstr("busy")));
  std::thread leaves([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    other.reset();
  });
  EXPECT_THAT(tpm_->Probe(), IsOk());
  leaves.join();
}

TEST_F(TpmTest, DamagedFilesAreRefusedAndNeverMakeAnotherKey) {
  const std::string pem = *MakeTpmKey(*tpm_);
  const auto key = OpenTpmKey(pem, tpm_);
  ASSERT_THAT(key, IsOk());
  int refused = 0;
  const size_t body = pem.find('\n') + 1;
  for (size_t at = body; at < pem.find("-----END"); ++at) {
    const auto opened = OpenTpmKey(Changed(pem, at), tpm_);
    if (!opened.ok()) {
      EXPECT_THAT(opened.status(), StatusIs(Code::kDataLoss, HasSubstr("key of a TPM")));
      ++refused;
    } else if (at % 8 == 0) {  // a byte of the sealed half, or of the point: the TPM refuses, or we do
      EXPECT_FALSE(opened->Sign("x").ok()) << at;
    }
  }
  EXPECT_GT(refused, 30);
  for (size_t size = 0; size < pem.size() - 1; size += 7) {
    EXPECT_THAT(OpenTpmKey(pem.substr(0, size), tpm_), StatusIs(Code::kDataLoss, HasSubstr("key of a TPM")));
  }
  EXPECT_FALSE(OpenTpmKey(std::string(1 << 20, 'x'), tpm_).ok());
}

TEST(TpmPathTest, WhatIsNoTpmIsSaidToBeNone) {
  const linnet::testing::TempDir dir;
  for (const std::string& path : {dir / "none", dir.path(), std::string("/etc/passwd")}) {
    const absl::Status status = Tpm(path).Probe();
    EXPECT_THAT(status, StatusIs(Code::kUnavailable, HasSubstr(path)));
    EXPECT_TRUE(Tpm::FailedAt(status));
  }
  EXPECT_FALSE(Tpm::FailedAt(absl::UnavailableError("no network")));
}

// Answers every command with the same bytes.
class Liar {
 public:
  explicit Liar(std::string answer) : answer_(std::move(answer)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string at = path();
    std::copy(at.begin(), at.end(), address.sun_path);
    listening_ = socket(AF_UNIX, SOCK_STREAM, 0);
    EXPECT_EQ(bind(listening_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(listening_, 4), 0);
    thread_ = std::thread([this] {
      int connection = -1;
      while ((connection = accept(listening_, nullptr, nullptr)) >= 0) {
        char command[4096];
        while (read(connection, command, sizeof command) > 0) {
          if (answer_.empty() || send(connection, answer_.data(), answer_.size(), MSG_NOSIGNAL) < 0) break;
        }
        close(connection);
      }
    });
  }
  ~Liar() {
    shutdown(listening_, SHUT_RDWR);
    thread_.join();
    close(listening_);
  }
  std::string path() const { return dir_ / "tpm"; }

 private:
  const linnet::testing::TempDir dir_;
  const std::string answer_;
  int listening_ = -1;
  std::thread thread_;
};

TEST(TpmAnswerTest, AnswersThatMakeNoSenseAreErrorsInBoundedTime) {
  const std::string good = TpmU16(0x8002) + TpmU32(18) + TpmU32(0) + TpmU32(0x80000000) + TpmU32(0);
  const auto answer_with = [](uint32_t code) { return TpmU16(0x8001) + TpmU32(10) + TpmU32(code); };
  const std::pair<std::string, Code> kAnswers[] = {
      {"", Code::kUnavailable},                                            // hangs up
      {"\x80\x02", Code::kUnavailable},                                    // and never more
      {TpmU16(0x8002) + TpmU32(4096) + TpmU32(0), Code::kUnavailable},     // less than it says
      {TpmU16(0x8002) + TpmU32(9) + TpmU32(0), Code::kInternal},           // shorter than a header
      {TpmU16(0x8002) + TpmU32(0xffffffff) + TpmU32(0), Code::kInternal},  // 4 GiB
      {good + "more", Code::kInternal},                                    // longer than it says
      {std::string(4096, '\xff'), Code::kInternal},                        //
      {"HTTP/1.1 400 Bad Request\r\n\r\n", Code::kInternal},               //
      {good.substr(0, 2) + TpmU32(10) + TpmU32(0), Code::kInternal},       // no handle
      {TpmU16(0x8002) + TpmU32(18) + TpmU32(0) + TpmU32(1) + TpmU32(999), Code::kInternal},
      {good, Code::kInternal},                   // a primary key, and then no key
      {answer_with(0x922), Code::kUnavailable},  // RETRY, for ever
      {answer_with(0x902), Code::kUnavailable},  // no room
      {answer_with(0x9a2), Code::kPermissionDenied},
      {answer_with(0x1df), Code::kPermissionDenied},
      {answer_with(0x921), Code::kUnavailable},
      {answer_with(0x143), Code::kInternal},
  };
  for (const auto& [answer, code] : kAnswers) {
    const Liar liar(answer);
    const auto begin = std::chrono::steady_clock::now();
    const auto made = MakeTpmKey(Tpm(liar.path(), absl::Milliseconds(300)));
    EXPECT_EQ(made.status().code(), code) << made.status() << " for an answer of " << answer.size();
    EXPECT_TRUE(Tpm::FailedAt(made.status())) << made.status();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  }
}

}  // namespace
}  // namespace linnet::base
