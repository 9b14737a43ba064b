#ifndef LINNET_TESTS_ENGINE_ENGINE_FIXTURE_H_
#define LINNET_TESTS_ENGINE_ENGINE_FIXTURE_H_

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <utility>

#include "runtime/engine/engine.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_model.h"

namespace linnet::engine {

// One submitted request, waited for.
class Pending {
 public:
  OnDone Done() {
    return [promise = promise_](absl::StatusOr<GenerateResult> result) {
      promise->set_value(std::move(result));
    };
  }
  absl::StatusOr<GenerateResult> Wait() { return future_.get(); }
  bool done() const { return future_.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }

 private:
  std::shared_ptr<std::promise<absl::StatusOr<GenerateResult>>> promise_ =
      std::make_shared<std::promise<absl::StatusOr<GenerateResult>>>();
  std::future<absl::StatusOr<GenerateResult>> future_ = promise_->get_future();
};

class EngineFixture : public ::testing::Test {
 protected:
  void SetUp() override { linnet::testing::WriteTinyModel(path_); }

  std::unique_ptr<Engine> Load(EngineOptions options = {.threads = 1}) {
    auto engine = Engine::Load(base::FileSystem::Real(), path_, options);
    EXPECT_TRUE(engine.ok()) << engine.status();
    return *std::move(engine);
  }

  static GenerateRequest Request(std::string_view prompt, uint32_t max_tokens) {
    GenerateRequest request;
    for (const char c : prompt)
      request.prompt.push_back(static_cast<unsigned char>(c));  // ids 0-255 are bytes
    request.max_tokens = max_tokens;
    return request;
  }

  static absl::StatusOr<GenerateResult> Run(Engine& engine, GenerateRequest request, OnDelta on_delta,
                                            std::shared_ptr<Cancellation> cancellation = nullptr) {
    Pending pending;
    if (auto status =
            engine.Submit(std::move(request), std::move(on_delta), pending.Done(), std::move(cancellation));
        !status.ok()) {
      return status;
    }
    return pending.Wait();
  }

  linnet::testing::TempDir folder_;
  const std::string path_ = folder_ / "tiny.gguf";
};

}  // namespace linnet::engine

#endif  // LINNET_TESTS_ENGINE_ENGINE_FIXTURE_H_
