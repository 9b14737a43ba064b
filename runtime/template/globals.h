#ifndef LINNET_RUNTIME_TEMPLATE_GLOBALS_H_
#define LINNET_RUNTIME_TEMPLATE_GLOBALS_H_

#include <string_view>

#include "runtime/template/runtime.h"
#include "runtime/template/value.h"

namespace linnet::jinja {

// range, dict, namespace, cycler, joiner, raise_exception, strftime_now; missing for any other name.
Value FindGlobal(Runtime& rt, std::string_view name);

// How a template's own refusal begins in the status message, after "line N: ".
inline constexpr std::string_view kRaised = "the template says: ";

}  // namespace linnet::jinja

#endif  // LINNET_RUNTIME_TEMPLATE_GLOBALS_H_
