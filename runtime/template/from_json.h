#ifndef LINNET_RUNTIME_TEMPLATE_FROM_JSON_H_
#define LINNET_RUNTIME_TEMPLATE_FROM_JSON_H_

#include <nlohmann/json_fwd.hpp>

#include "runtime/template/runtime.h"
#include "runtime/template/value.h"

namespace linnet::jinja {

// Keys keep their order. Fails for texts that are not UTF-8, and for what is nested too deeply.
Value FromJson(Runtime& rt, const nlohmann::ordered_json& json, bool trusted);
// A list of chat messages, not trusted but for their roles: see Variable::messages.
Value MessagesFromJson(Runtime& rt, const nlohmann::ordered_json& json);

}  // namespace linnet::jinja

#endif  // LINNET_RUNTIME_TEMPLATE_FROM_JSON_H_
