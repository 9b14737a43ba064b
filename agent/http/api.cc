#include "agent/http/api.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/http/errors.h"
#include "agent/http/openai_chat.h"
#include "runtime/base/hash.h"
#include "runtime/base/log.h"

namespace linnet::http {
namespace {

using nlohmann::ordered_json;

Response Json(const ordered_json& body) {
  return {200,
          {{"content-type", "application/json"}},
          body.dump(-1, ' ', false, ordered_json::error_handler_t::replace)};
}

// "%20" and so on; what is no escape stays.
std::string PercentDecoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    std::optional<std::string> byte;
    if (text[i] == '%' && text.size() - i > 2) byte = base::UnHex(text.substr(i + 1, 2));
    out += byte.has_value() ? (*byte)[0] : text[i];
    if (byte.has_value()) i += 2;
  }
  return out;
}

owner::Credential CredentialOf(const Request& request) {
  owner::Credential credential;
  const std::string_view header = request.Header("authorization");
  if (header.size() > 7 && absl::AsciiStrToLower(std::string(header.substr(0, 7))) == "bearer ") {
    credential.bearer_token = std::string(header.substr(7));
  }
  return credential;
}

absl::Time DeadlineOf(const Request& request, absl::Time now) {
  uint64_t number = 0;
  if (absl::SimpleAtoi(std::string(request.Header("x-linnet-deadline-ms")), &number) && number < (1u << 31)) {
    return now + absl::Milliseconds(static_cast<int64_t>(number));
  }
  if (absl::SimpleAtoi(std::string(request.Header("x-stainless-timeout")), &number) && number < (1u << 31)) {
    return now + absl::Seconds(static_cast<int64_t>(number));
  }
  return absl::InfiniteFuture();
}

// One chat completion under way. Its callbacks come on the engine's thread, one at a time.
class Completion {
 public:
  Completion(std::shared_ptr<Responder> responder, const ChatCompletion& chat, absl::Time now)
      : responder_(std::move(responder)), stream_(chat.stream), include_usage_(chat.include_usage) {
    head_.id = absl::StrCat("chatcmpl-", base::Hex(std::string_view(base::RandomBytes(12))));
    head_.created_unix_seconds = absl::ToUnixSeconds(now);
    responder_->OnGone([cancellation = cancellation_] { cancellation->Cancel(); });
  }

  std::string* model() { return &head_.model; }
  const std::shared_ptr<engine::Cancellation>& cancellation() const { return cancellation_; }

  void OnDelta(std::string_view delta) {
    if (!stream_) return;
    EnsureStarted();
    // A client that does not read has as good as gone.
    if (!responder_->Write(DeltaEvent(head_, delta))) cancellation_->Cancel();
  }

  void OnDone(const absl::StatusOr<engine::GenerateResult>& result) {
    if (!result.ok()) return Fail(FromStatus(result.status()));
    if (result->finish == engine::FinishReason::kDeadline) {
      return Fail(
          FromStatus(absl::DeadlineExceededError("the request's deadline passed before the answer was "
                                                 "complete")));
    }
    if (result->finish == engine::FinishReason::kCancelled) {
      return Fail(FromStatus(absl::CancelledError("the request was cancelled")));
    }
    if (!stream_) {
      responder_->Send({200, {{"content-type", "application/json"}}, CompletionJson(head_, *result)});
      return;
    }
    EnsureStarted();
    std::string end = FinishEvent(head_, *result);
    if (include_usage_) end += UsageEvent(head_, *result);
    responder_->Write(absl::StrCat(end, std::string(kDoneEvent)));
    responder_->Finish();
  }

  void Fail(const ApiError& error) {
    if (!started_) return responder_->Send(ErrorResponse(error));
    responder_->Write(absl::StrCat(ErrorEvent(error), std::string(kDoneEvent)));
    responder_->Finish();
  }

 private:
  void EnsureStarted() {
    if (started_) return;
    started_ = true;
    responder_->Start(200, {{"content-type", "text/event-stream; charset=utf-8"}});
    responder_->Write(RoleEvent(head_));
  }

  const std::shared_ptr<Responder> responder_;
  const bool stream_, include_usage_;
  const std::shared_ptr<engine::Cancellation> cancellation_ = std::make_shared<engine::Cancellation>();
  CompletionHead head_;
  bool started_ = false;
};

class Api {
 public:
  explicit Api(ApiParts parts) : parts_(std::move(parts)) {}

  // On the server's thread.
  void Handle(const std::shared_ptr<Api>& self, Request request,
              const std::shared_ptr<Responder>& responder) {
    if (request.path == "/health") {
      if (request.method != "GET" && request.method != "HEAD") return responder->Send(WrongMethod("GET"));
      return responder->Send(Health());
    }
    auto held = std::make_shared<Request>(std::move(request));
    if (!parts_.workers.Post([self, held, responder] { self->Route(*held, responder); })) {
      responder->Send(
          ErrorResponse(FromStatus(absl::ResourceExhaustedError("this device is busy; try again"))));
    }
  }

 private:
  void Route(const Request& request, const std::shared_ptr<Responder>& responder) {
    const absl::Status allowed = parts_.owner.Authorize(CredentialOf(request), owner::Scope::kAsk);
    if (!allowed.ok()) return responder->Send(ErrorResponse(FromStatus(allowed)));
    if (request.path == "/v1/chat/completions") {
      if (request.method != "POST") return responder->Send(WrongMethod("POST"));
      return Chat(request, responder);
    }
    if (request.path == "/v1/models" || request.path.starts_with("/v1/models/")) {
      if (request.method != "GET") return responder->Send(WrongMethod("GET"));
      return responder->Send(Models(request.path));
    }
    responder->Send(ErrorResponse({404,
                                   "there is nothing at this path; see /v1/chat/completions, /v1/models and "
                                   "/health",
                                   "invalid_request_error", "", "unknown_url"}));
  }

  static Response WrongMethod(std::string_view expected) {
    Response response = ErrorResponse({405, absl::StrCat("use ", std::string(expected), " here"),
                                       "invalid_request_error", "", "method_not_allowed"});
    response.headers.emplace_back("allow", std::string(expected));
    return response;
  }

  static ApiError NoSuchModel(std::string_view asked, const std::string& serving) {
    return {404,
            absl::StrCat("model \"", std::string(asked.substr(0, 64)), "\" is not on this device",
                         serving.empty() ? "; none is installed"
                                         : absl::StrCat("; it answers with \"", serving, "\"")),
            "invalid_request_error", "model", "model_not_found"};
  }

  Response Health() const {
    const std::shared_ptr<engine::Engine> engine = parts_.models.engine();
    return Json({{"status", "ok"},
                 {"version", parts_.version},
                 {"model", engine == nullptr ? ordered_json() : ordered_json(engine->info().name)}});
  }

  Response Models(const std::string& path) const {
    const std::shared_ptr<engine::Engine> engine = parts_.models.engine();
    ordered_json list = ordered_json::array();
    if (engine != nullptr) {
      list.push_back({{"id", engine->info().name},
                      {"object", "model"},
                      {"created", 0},
                      {"owned_by", "linnet"},
                      {"context_window", engine->info().context_tokens},
                      {"license", engine->info().license}});
    }
    if (path == "/v1/models") return Json({{"object", "list"}, {"data", list}});
    const std::string asked =
        PercentDecoded(std::string_view(path).substr(std::string_view("/v1/models/").size()));
    if (engine != nullptr && asked == engine->info().name) return Json(list[0]);
    return ErrorResponse(NoSuchModel(asked, engine == nullptr ? "" : engine->info().name));
  }

  void Chat(const Request& request, const std::shared_ptr<Responder>& responder) {
    ChatCompletion chat;
    if (const std::optional<ApiError> problem = ParseChatCompletion(request.body, &chat)) {
      return responder->Send(ErrorResponse(*problem));
    }
    const std::shared_ptr<engine::Engine> engine = parts_.models.engine();
    if (engine != nullptr && !chat.model.empty() && chat.model != "linnet" &&
        chat.model != engine->info().name) {
      return responder->Send(ErrorResponse(NoSuchModel(chat.model, engine->info().name)));
    }
    const absl::Time now = parts_.clock.Now();
    chat.generation.deadline = DeadlineOf(request, now);
    auto completion = std::make_shared<Completion>(responder, chat, now);
    const absl::Status started = parts_.generator.Start(
        std::move(chat.generation), [completion](std::string_view delta) { completion->OnDelta(delta); },
        [completion](const absl::StatusOr<engine::GenerateResult>& result) { completion->OnDone(result); },
        completion->cancellation(), completion->model());
    if (!started.ok()) {
      ApiError error = FromStatus(started);
      if (error.message.starts_with("json_schema: ")) {
        error.param = "response_format.json_schema.schema";
        error.code = "unsupported_schema";
      }
      completion->Fail(error);
    }
  }

  const ApiParts parts_;
};

}  // namespace

Handler MakeApi(ApiParts parts) {
  auto api = std::make_shared<Api>(std::move(parts));
  return [api](Request request, const std::shared_ptr<Responder>& responder) {
    api->Handle(api, std::move(request), responder);
  };
}

}  // namespace linnet::http
