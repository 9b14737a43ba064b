#include "tests/fleet/peer_fixture.h"

#include <chrono>
#include <thread>

#include "runtime/base/hash.h"
#include "runtime/base/string_view.h"
#include "runtime/net/tls.h"
#include "storage/chunks/chunk_store.h"

namespace linnet::fleet {

BadPeer::BadPeer(Kind kind, const net::TlsIdentity& identity) : kind_(kind) {
  const auto credentials =
      net::ServerCredentials(identity, [](const auto&) { return absl::OkStatus(); }, true);
  EXPECT_TRUE(credentials.ok()) << credentials.status();
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", *credentials, &port_);
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
  EXPECT_NE(server_, nullptr);
}

BadPeer::~BadPeer() {
  ending_ = true;
  server_->Shutdown(std::chrono::system_clock::now());
}

grpc::Status BadPeer::GetChunks(grpc::ServerContext* context, const peer::v1::GetChunksRequest* request,
                                grpc::ServerWriter<peer::v1::GetChunksResponse>* writer) {
  ++calls_;
  for (const std::string& sha256 : request->sha256()) {
    while (kind_ == Kind::kSaysNothing && !context->IsCancelled() && !ending_) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    peer::v1::GetChunksResponse response;
    response.set_sha256(sha256);
    response.set_data(std::string(4096, 'x'));
    if (!writer->Write(response)) break;
  }
  return grpc::Status::OK;
}

grpc::Status BadPeer::ExchangeHeads(grpc::ServerContext*, const peer::v1::ExchangeHeadsRequest*,
                                    peer::v1::ExchangeHeadsResponse* response) {
  ++exchanges_;
  if (head.size() > 0) *response->mutable_head() = head;
  return grpc::Status::OK;
}

peers::PeerOptions PeerFixture::Peering() {
  peers::PeerOptions options;
  options.listen = "127.0.0.1:0";
  return options;
}

std::set<std::string> PeerFixture::PeersThatRun(const coordinator::TestDevice& asker,
                                                const std::string& sha256) {
  coordinator::Context context;
  fleet::v1::GetPeersRequest request;
  request.set_protocol(1);
  request.set_file_sha256(sha256);
  fleet::v1::GetPeersResponse response;
  const grpc::Status status = As(asker)->GetPeers(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  std::set<std::string> addresses;
  for (const auto& peer : response.peers()) {
    if (peer.complete()) addresses.insert(peer.address());
  }
  return addresses;
}

void PeerFixture::Claim(const coordinator::TestDevice& device, const Model& model, int port) {
  fleet::v1::CheckInRequest request;
  request.set_model_sha256(ModelHash(model));
  request.set_peer_port(static_cast<uint32_t>(port));
  fleet::v1::CheckInResponse response;
  const grpc::Status status = CheckIn(device, &response, request);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_TRUE(response.peers());
}

std::string PeerFixture::Seed(Member& member, const Model& model) {
  EXPECT_TRUE(Publish(model).ok());
  EXPECT_TRUE(Start(PublishPlan(model, {})).ok());
  const auto asker = NewDevice("asker");
  std::set<std::string> doors;
  EXPECT_TRUE(RunUntil([&] {
    doors = PeersThatRun(*asker, ModelHash(model));
    return member.Committed() && !doors.empty();
  })) << member.agent->status().update_state
      << " " << member.agent->status().last_update_error;
  return doors.empty() ? "" : *doors.begin();
}

std::shared_ptr<grpc::Channel> PeerFixture::Door(const std::string& address,
                                                 std::optional<net::TlsIdentity> identity) {
  const auto credentials =
      net::ClientCredentials(std::move(identity), [](const auto&) { return absl::OkStatus(); });
  EXPECT_TRUE(credentials.ok()) << credentials.status();
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);  // who does not read takes 64 KiB ahead, and no more
  return grpc::CreateCustomChannel(address, *credentials, arguments);
}

PeerFixture::Fetched PeerFixture::Fetch(const std::shared_ptr<grpc::Channel>& door,
                                        const std::vector<std::string>& sha256) {
  coordinator::Context context;
  peer::v1::GetChunksRequest request;
  request.set_protocol(1);
  for (const std::string& hash : sha256) request.add_sha256(hash);
  const auto stub = peer::v1::Peer::NewStub(door);
  const auto reader = stub->GetChunks(&context, request);
  Fetched out;
  peer::v1::GetChunksResponse response;
  while (reader->Read(&response)) {
    EXPECT_EQ(base::AsView(base::Sha256(response.data())), response.sha256());
    out.chunks.push_back(response.sha256());
  }
  out.status = reader->Finish();
  return out;
}

std::vector<std::string> PeerFixture::ChunksOf(const Model& model) {
  std::vector<std::string> hashes;
  const auto index = chunks::ChunkIndex::FromJson(model.index_json);
  for (const chunks::Chunk& chunk : index->chunks) hashes.push_back(chunk.sha256);
  return hashes;
}

std::string PeerFixture::ModelHash(const Model& model) {
  return std::string(base::AsView(base::Sha256(model.bytes)));
}

}  // namespace linnet::fleet
