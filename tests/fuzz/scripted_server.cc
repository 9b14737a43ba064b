#include "tests/fuzz/scripted_server.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <utility>

#include "runtime/base/status_macros.h"

namespace linnet::testing {

class ScriptedServer::Service final : public grpc::CallbackGenericService {
 public:
  Service(Say say, CallsUnderWay& under_way) : say_(std::move(say)), under_way_(under_way) {}

  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    const std::string& path = context->method();
    return new Call(*this, path.substr(path.find_last_of('/') + 1));
  }

 private:
  class Call final : public grpc::ServerGenericBidiReactor {
   public:
    Call(Service& service, std::string method) : service_(service), method_(std::move(method)) {
      service_.under_way_.Begin();
      StartRead(&request_);
    }
    void OnReadDone(bool ok) override {
      if (!ok) return Finish({grpc::StatusCode::INVALID_ARGUMENT, "there was no request"});
      answer_ = service_.Answer(method_, TextOf(request_));
      Next();
    }
    void OnWriteDone(bool ok) override {
      if (!ok) return Finish(grpc::Status::CANCELLED);  // the client has gone
      Next();
    }
    void OnDone() override {
      CallsUnderWay& under_way = service_.under_way_;
      delete this;
      under_way.End();
    }

   private:
    static std::string TextOf(const grpc::ByteBuffer& buffer) {
      std::vector<grpc::Slice> slices;
      LINNET_CHECK(buffer.Dump(&slices).ok());
      std::string text;
      for (const grpc::Slice& slice : slices)
        text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
      return text;
    }
    void Next() {
      const size_t last = answer_.messages.size() - 1;
      if (answer_.messages.empty() || (at_ == last && said_ == answer_.repeats)) {
        return Finish(answer_.status);
      }
      if (at_ < last && said_ == 1) {
        ++at_;
        said_ = 0;
      }
      ++said_;
      const grpc::Slice slice(answer_.messages[at_]);
      message_ = grpc::ByteBuffer(&slice, 1);
      StartWrite(&message_);
    }

    Service& service_;
    const std::string method_;
    grpc::ByteBuffer request_, message_;
    ServerAnswer answer_;
    size_t at_ = 0, said_ = 0;  // which message, how often
  };

  ServerAnswer Answer(const std::string& method, const std::string& request) {
    const base::MutexLock lock(mutex_);
    ServerAnswer answer = say_(method, request);
    LINNET_CHECK(answer.repeats > 0);
    return answer;
  }

  base::Mutex mutex_;
  const Say say_;
  CallsUnderWay& under_way_;
};

ScriptedServer::ScriptedServer(const std::string& address,
                               const std::shared_ptr<grpc::ServerCredentials>& credentials, Say say)
    : service_(std::make_unique<Service>(std::move(say), under_way_)) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, credentials, &port_);
  builder.RegisterCallbackGenericService(service_.get());
  server_ = builder.BuildAndStart();
  LINNET_CHECK(server_ != nullptr);
}

ScriptedServer::~ScriptedServer() {
  server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
  server_->Wait();
}

}  // namespace linnet::testing
