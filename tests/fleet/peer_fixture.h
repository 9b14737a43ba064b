#ifndef LINNET_TESTS_FLEET_PEER_FIXTURE_H_
#define LINNET_TESTS_FLEET_PEER_FIXTURE_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "linnet/peer/v1/peer.grpc.pb.h"
#include "runtime/net/grpc_server.h"
#include "tests/fleet/member_fixture.h"

namespace linnet::fleet {

// Serves as a peer would, with a real member's certificate, but not what it should.
class BadPeer final : public peer::v1::Peer::Service {
 public:
  enum class Kind { kLies, kSaysNothing };
  BadPeer(Kind kind, const net::TlsIdentity& identity);
  ~BadPeer() override;

  grpc::Status GetChunks(grpc::ServerContext* context, const peer::v1::GetChunksRequest* request,
                         grpc::ServerWriter<peer::v1::GetChunksResponse>* writer) override;
  // Says `head`, and counts.
  grpc::Status ExchangeHeads(grpc::ServerContext*, const peer::v1::ExchangeHeadsRequest* request,
                             peer::v1::ExchangeHeadsResponse* response) override;
  peer::v1::LogHead head;  // set before anybody calls
  int exchanges() const { return exchanges_; }
  int port() const { return port_; }
  int calls() const { return calls_; }

 private:
  const Kind kind_;
  std::atomic<int> calls_ = 0, exchanges_ = 0;
  std::atomic<bool> ending_ = false;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

// Members that serve each other on free ports of loopback.
class PeerFixture : public MemberFixture {
 protected:
  static peers::PeerOptions Peering();
  std::unique_ptr<Member> NewPeer(const std::string& name, peers::PeerOptions options = Peering()) {
    return NewMember(name, std::move(options));
  }
  // What the coordinator names to `asker` as peers that run this file.
  std::set<std::string> PeersThatRun(const coordinator::TestDevice& asker, const std::string& sha256);
  // Says, as the device, that it runs this model and serves peers there.
  void Claim(const coordinator::TestDevice& device, const Model& model, int port);
  // Published, rolled out, running on `member`, and known to the coordinator. Its door's address.
  std::string Seed(Member& member, const Model& model);

  struct Fetched {
    grpc::Status status;
    std::vector<std::string> chunks;
  };
  static std::shared_ptr<grpc::Channel> Door(const std::string& address,
                                             std::optional<net::TlsIdentity> identity);
  static Fetched Fetch(const std::shared_ptr<grpc::Channel>& door, const std::vector<std::string>& sha256);
  static std::vector<std::string> ChunksOf(const Model& model);
  static std::string ModelHash(const Model& model);
};

}  // namespace linnet::fleet

#endif  // LINNET_TESTS_FLEET_PEER_FIXTURE_H_
