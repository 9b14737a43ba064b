#ifndef LINNET_DEPLOY_CLI_PRINT_H_
#define LINNET_DEPLOY_CLI_PRINT_H_

#include <google/protobuf/message.h>

#include <string>

namespace linnet::cli {

// A protocol message as JSON with its own field names; bytes as hex (not base64), so that hashes and ids read
// as elsewhere.
std::string ToJson(const google::protobuf::Message& message);

// To standard output.
void Print(const std::string& text);

}  // namespace linnet::cli

#endif  // LINNET_DEPLOY_CLI_PRINT_H_
