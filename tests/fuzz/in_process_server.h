#ifndef LINNET_TESTS_FUZZ_IN_PROCESS_SERVER_H_
#define LINNET_TESTS_FUZZ_IN_PROCESS_SERVER_H_

#include <google/protobuf/descriptor.h>
#include <grpcpp/channel.h>
#include <grpcpp/server.h>
#include <grpcpp/support/status.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "runtime/base/mutex.h"
#include "tests/fuzz/fuzzed_call.h"

namespace linnet::testing {

// Who calls: what a handshake would have found out, and what the call's headers say.
struct Caller {
  std::string certificate_pem;  // empty: none was shown
  std::string bearer_token;     // of "authorization: Bearer ..."; empty: none
};

struct CallOutcome {
  bool well_formed = true;  // every message sent is one of the method's type
  grpc::Status status;
  std::vector<std::string> answers;  // serialized
};

// Of a caller who may not: no answer, and a code that says so (or gRPC's own, for what is no call at all).
void CheckTurnedAway(const CallOutcome& outcome);

// How many calls the server has not put away yet. Thread-safe.
class CallsUnderWay {
 public:
  void Begin();
  void End();
  void AwaitNone();  // stops the program when it takes longer than a call may

 private:
  base::Mutex mutex_;
  base::CondVar none_;
  int count_ ABSL_GUARDED_BY(mutex_) = 0;
};

// A real service in a real gRPC server, reached through gRPC's own channel within the process: no socket and
// no TLS. Only the handshake's finding is put in its place: the certificate stands in the call's AuthContext
// as our credentials leave it there (runtime/net, PeerPem), whether a handshake would have let it pass or
// not.
class InProcessServer {
 public:
  struct Options {
    const google::protobuf::ServiceDescriptor& descriptor;
    std::vector<Caller> callers;
    int max_request_bytes;                  // as the real server has it
    std::set<grpc::StatusCode> documented;  // beside OK
    std::set<std::string> endless;          // methods that are left after their first answer
    size_t most_answers = 300;              // of the others
  };
  InProcessServer(grpc::Service& service, Options options);
  ~InProcessServer();

  const google::protobuf::MethodDescriptor& Method(const FuzzedCall& call) const;
  size_t CallerOf(const FuzzedCall& call) const { return call.caller % options_.callers.size(); }

  // Calls, and stops the program where an answer breaks what holds for all calls: it ends in seconds, at the
  // server too; bytes that are no message are UNIMPLEMENTED (gRPC's word for it; in a stream the service's
  // own code) and never OK, above the size RESOURCE_EXHAUSTED, and all else has a documented code and a
  // message of one line; what is answered are messages of the method's type.
  CallOutcome Call(const FuzzedCall& call);

 private:
  size_t MessagesOf(const FuzzedCall& call) const;
  bool WellFormed(const FuzzedCall& call) const;
  void Check(const FuzzedCall& call, const CallOutcome& outcome) const;

  const Options options_;
  CallsUnderWay under_way_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace linnet::testing

#endif  // LINNET_TESTS_FUZZ_IN_PROCESS_SERVER_H_
