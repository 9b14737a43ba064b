#ifndef LINNET_TESTS_ENGINE_BATCH_FIXTURE_H_
#define LINNET_TESTS_ENGINE_BATCH_FIXTURE_H_

#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/engine/engine_fixture.h"
#include "tests/engine/gate.h"
#include "tests/engine/script_constraint.h"

namespace linnet::engine {

using Make = std::function<GenerateRequest()>;

// Requests that decode together, beside the same ones alone.
class BatchFixture : public EngineFixture {
 protected:
  // Shows a letter for each token, without an end.
  static GenerateRequest Letters(std::string_view prompt, uint32_t max_tokens,
                                 Priority priority = Priority::kInteractive) {
    GenerateRequest request = Request(prompt, max_tokens);
    request.priority = priority;
    request.constraint = std::make_unique<LettersOnly>();
    return request;
  }

  // Of lengths, ends and ways to choose that differ; the first may be held at a delta.
  static std::vector<Make> Mix() {
    return {
        [] { return Letters("on and on and on and on", 40); },
        [] {
          GenerateRequest request = Request("a prompt of more than one stretch of tokens", 25);
          request.sampling = {.temperature = 0.9f, .seed = 7};
          return request;
        },
        [] {
          GenerateRequest request = Request("say ", 50);
          request.constraint = std::make_unique<Script>("{\"on\":", "}");
          return request;
        },
        [] {
          GenerateRequest request = Request("x", 1);
          request.sampling = {.temperature = 1.5f, .top_k = 0, .top_p = 1, .min_p = 0, .seed = 9};
          return request;
        },
        [] {
          GenerateRequest request = Letters("on and on and on", 30);
          request.sampling = {.temperature = 0.6f, .top_k = 3, .repetition_penalty = 1.2f, .seed = 3};
          return request;
        },
    };
  }

  static std::vector<GenerateResult> EachAlone(Engine& engine, const std::vector<Make>& requests) {
    std::vector<GenerateResult> results;
    for (const Make& make : requests) {
      auto result = engine.Generate(make());
      EXPECT_THAT(result, linnet::testing::IsOk());
      results.push_back(*std::move(result));
    }
    return results;
  }

  // The first is held at its `delta`th delta until the others wait, so that they come to one that decodes.
  static std::vector<GenerateResult> Together(Engine& engine, const std::vector<Make>& requests,
                                              int delta = 1) {
    Gate gate(delta);
    std::vector<Pending> pending(requests.size());
    for (size_t i = 0; i < requests.size(); ++i) {
      EXPECT_THAT(engine.Submit(requests[i](), i == 0 ? gate.Delta() : nullptr, pending[i].Done(), nullptr),
                  linnet::testing::IsOk());
      if (i == 0) gate.AwaitReached();
    }
    gate.Open();
    std::vector<GenerateResult> results;
    for (Pending& p : pending) {
      auto result = p.Wait();
      EXPECT_THAT(result, linnet::testing::IsOk());
      results.push_back(*std::move(result));
    }
    return results;
  }

  static void ExpectSame(const std::vector<GenerateResult>& found,
                         const std::vector<GenerateResult>& expected) {
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); ++i) {
      EXPECT_EQ(found[i].ids, expected[i].ids) << "request " << i;
      EXPECT_EQ(found[i].text, expected[i].text) << "request " << i;
      EXPECT_EQ(found[i].finish, expected[i].finish) << "request " << i;
      EXPECT_EQ(found[i].forced_tokens, expected[i].forced_tokens) << "request " << i;
      EXPECT_EQ(found[i].context_shifts, expected[i].context_shifts) << "request " << i;
    }
  }
};

}  // namespace linnet::engine

#endif  // LINNET_TESTS_ENGINE_BATCH_FIXTURE_H_
