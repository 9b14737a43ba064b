// The table of delegation graphs that TUF clients are held to: which roles are asked for, in which order.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/trust/updater_fixture.h"

namespace linnet::trust {
namespace {

using linnet::testing::IsOk;

struct Edge {
  std::string from, to;
  std::vector<std::string> paths = {"*"};
  bool terminating = false;
};

struct Graph {
  const char* name;
  std::vector<Edge> edges;
  std::vector<std::string> visited;  // in the search for "f", which no role has
};

void PrintTo(const Graph& graph, std::ostream* out) { *out << graph.name; }

class GraphCase : public UpdaterTest, public ::testing::WithParamInterface<Graph> {};

TEST_P(GraphCase, AsksForTheRolesInOrder) {
  for (const Edge& edge : GetParam().edges) {
    repository_.Delegate(edge.from, edge.to, edge.paths, edge.terminating);
  }
  for (const auto& [name, json] : repository_.targets_json) {
    if (name != "targets") repository_.PublishTargets(name);
  }
  repository_.PublishAll();
  ASSERT_THAT(Refresh(), IsOk());
  repository_.requests.clear();
  ASSERT_OK_AND_ASSIGN(const auto found, Find("f"));
  EXPECT_FALSE(found.has_value());
  std::vector<std::string> roles;
  for (const std::string& request : repository_.requests) roles.push_back(request.substr(2));
  EXPECT_EQ(roles, GetParam().visited);
}

const std::vector<std::string> kOther = {"*.py"};

INSTANTIATE_TEST_SUITE_P(
    Cases, GraphCase,
    ::testing::Values(
        Graph{"one", {{"targets", "A"}}, {"A"}},
        Graph{"one level", {{"targets", "A"}, {"targets", "B"}}, {"A", "B"}},
        Graph{"two levels", {{"targets", "A"}, {"targets", "B"}, {"B", "C"}}, {"A", "B", "C"}},
        Graph{"two levels, depth first",
              {{"targets", "A"}, {"targets", "B"}, {"A", "C"}, {"A", "D"}},
              {"A", "C", "D", "B"}},
        Graph{"three levels, depth first",
              {{"targets", "A"}, {"targets", "B"}, {"A", "C"}, {"C", "D"}},
              {"A", "C", "D", "B"}},
        Graph{"terminating, two levels",
              {{"targets", "A"}, {"targets", "B"}, {"A", "C", {"*"}, true}, {"A", "D"}},
              {"A", "C"}},
        Graph{"terminating, three levels",
              {{"targets", "A"}, {"targets", "B"}, {"A", "C", {"*"}, true}, {"C", "D"}},
              {"A", "C", "D"}},
        Graph{"other paths, two levels", {{"targets", "A", kOther}, {"targets", "B"}, {"A", "C"}}, {"B"}},
        Graph{"other paths, three levels",
              {{"targets", "A"}, {"targets", "B"}, {"A", "C", kOther}, {"C", "D"}},
              {"A", "B"}},
        Graph{"a circle",
              {{"targets", "A"}, {"targets", "B"}, {"B", "C"}, {"C", "D"}, {"D", "B"}},
              {"A", "B", "C", "D"}},
        Graph{"two parents", {{"targets", "A"}, {"targets", "B"}, {"B", "C"}, {"A", "C"}}, {"A", "C", "B"}},
        Graph{"two parents, other paths",
              {{"targets", "A"}, {"targets", "B"}, {"A", "C", kOther}, {"B", "C"}},
              {"A", "B", "C"}}));

}  // namespace
}  // namespace linnet::trust
