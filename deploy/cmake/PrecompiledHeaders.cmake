# Half of what a file costs to compile is the headers of others. They are read once for all files that are compiled alike:
#
#   core    what everybody includes    runtime, storage, agent
#   rpc     and gRPC                   what speaks it
#   tests   core and GoogleTest        tests
#
# A folder chooses with set(LINNET_HEADERS rpc); libraries with flags of their own use none. Only headers that cost a file nothing
# when it does not use them: nlohmann-json (1 s) and CLI11 (7 s, its validators are objects in each file) are not among them.
# A file still includes what it names: the presets for clang and fuzzing, and clang-tidy, compile without.
option(LINNET_PRECOMPILED "Read the headers of other libraries once, not once a file" ON)

set(LINNET_HEADERS core)
set(_linnet_headers_core
  <algorithm> <array> <cmath> <cstdint> <cstring> <functional> <limits> <map> <memory> <optional> <set> <span> <string> <string_view>
  <unordered_map> <utility> <vector> <absl/status/statusor.h> <absl/strings/str_cat.h> <absl/time/time.h>)
set(_linnet_headers_rpc ${_linnet_headers_core} <grpcpp/grpcpp.h>)
set(_linnet_headers_tests ${_linnet_headers_core} <gmock/gmock.h> <gtest/gtest.h>)

# linnet_precompiled_headers(TARGET HEADERS): call it where LINNET_OPTIMIZE is what TARGET is compiled with.
function(linnet_precompiled_headers target headers)
  if(NOT LINNET_PRECOMPILED)
    return()
  endif()
  string(REPLACE ";" "" owner "linnet_headers_${headers}${LINNET_OPTIMIZE}")
  if(NOT TARGET ${owner})
    set(source ${CMAKE_BINARY_DIR}/headers/${owner}.cc)
    if(NOT EXISTS ${source})
      file(WRITE ${source} "")
    endif()
    add_library(${owner} OBJECT ${source})
    target_compile_options(${owner} PRIVATE ${LINNET_WARNINGS} ${LINNET_OPTIMIZE})
    target_include_directories(${owner} PRIVATE ${CMAKE_SOURCE_DIR})
    if(headers STREQUAL tests)
      target_link_libraries(${owner} PRIVATE GTest::gmock)  # its definitions
    endif()
    target_precompile_headers(${owner} PRIVATE ${_linnet_headers_${headers}})
  endif()
  target_precompile_headers(${target} REUSE_FROM ${owner})
endfunction()
