#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <initializer_list>

#include "tests/support/status_matchers.h"
#include "tests/template/render.h"

// Whatever a template does, it ends soon, within its memory, with one line that says where.
namespace linnet::jinja {
namespace {

using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Repeated(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

void ExpectEnds(std::initializer_list<const char*> sources) {
  for (const char* source : sources) {
    const auto start = std::chrono::steady_clock::now();
    EXPECT_THAT(Render(source), StatusIs(absl::StatusCode::kResourceExhausted, StartsWith("line 1: ")))
        << source;
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    EXPECT_LT(took.count(), 20) << source;  // a second, but for sanitizers and emulators
  }
}

TEST(LimitsTest, EndlessLoopsEnd) {
  ExpectEnds({
      "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
      "{% macro m(x) %}{{ m(x + 1) }}{% endmacro %}{{ m(1) }}",
      "{% for t in [1] recursive %}{{ loop([1]) }}{% endfor %}",
      "{% for i in range(100000) %}{{ 'a' * 100000 }}{% endfor %}",
      "{% set x = ('a' * 30000000) %}{% for i in range(100000) %}{{ x.find('b') }}{% endfor %}",
  });
}

TEST(LimitsTest, EndlessGrowthEnds) {
  ExpectEnds({
      "{% set ns = namespace(x='ab') %}{% for i in range(100) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
      "{% set ns = namespace(x=[1, 2]) %}{% for i in range(100) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
      "{{ 'a' * 1000000000000 }}",
      "{{ [0] * 1000000000000 }}",
      "{{ ('a' * 10000000).replace('a', 'b' * 1000000) }}",
      "{{ ('a' * 1000000).replace('', 'b' * 1000000) }}",
      "{{ 'a'.center(1000000000000) }}",
      "{{ 'a'|indent(1000000000000, true) }}",
      "{{ '%1000000000d' % 1 }}",
      "{{ '{:1000000000}'.format(1) }}",
      "{{ ('a' * 50000).split('a')|join('b' * 1000000) }}",
  });
}

TEST(LimitsTest, EndlessNestingEnds) {
  ExpectEnds({
      "{% set ns = namespace(x=[]) %}{% for i in range(100000) %}{% set ns.x = [ns.x] %}{% endfor %}",
      "{% set ns = namespace(x='a') %}{% for i in range(100000) %}{% set ns.x = ns.x|map('upper') %}"
      "{% endfor %}",
      "{% set ns = namespace(x=1) %}{% set ns.x = namespace(y=ns) %}{{ ns }}",
  });
}

TEST(LimitsTest, ValuesThatHoldThemselvesManyTimesEnd) {
  ExpectEnds({
      "{% set d = [[[[[[[[1]]]]]]]] %}{% set ns = namespace(x=d) %}{% for i in range(60) %}"
      "{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x|tojson(indent=4096) }}",
      "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}"
      "{{ ns.x == ns.x }}{{ ns.x }}",
  });
}

TEST(LimitsTest, EachLimitSaysWhich) {
  const auto limited = [](const char* source, const Limits& limits) {
    return Render(source, Json::object(), limits);
  };
  EXPECT_THAT(limited("{% for i in range(1000) %}{% endfor %}", {.steps = 500}),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("more than 500 steps")));
  EXPECT_THAT(limited("{{ 'a' * 3000000 }}", {.output_bytes = 2u << 20}),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("beyond 2 MiB")));
  EXPECT_THAT(limited("{% set a = 'a' * 3000000 %}", {.memory_bytes = 1u << 20}),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("more than 1 MiB")));
  EXPECT_THAT(limited("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", {.depth = 50}),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("recurses")));
}

TEST(LimitsTest, SyntaxIsNestedOnlySoDeep) {
  for (const std::string& source :
       {"{{ " + Repeated("(", 100000), "{{ " + Repeated("[", 100000),
        "{{ " + Repeated("not ", 100000) + "1 }}", "{{ " + Repeated("-", 100000) + "1 }}",
        "{{ 1" + Repeated("+1", 100000) + " }}", "{{ 'a'" + Repeated("|upper", 100000) + " }}",
        "{{ a" + Repeated(".b", 100000) + " }}", "{{ a" + Repeated("()", 100000) + " }}",
        "{{ 1" + Repeated(" if 1 else 1", 50000) + " }}", Repeated("{% if 1 %}", 50000),
        Repeated("{% for x in y %}", 50000), Repeated("{% macro m() %}", 50000),
        "{{ " + Repeated("{1:", 100000), "{{ a" + Repeated("[b", 100000),
        "{{ 2" + Repeated("**2", 100000) + " }}", "{{ f(" + Repeated("a=f(", 100000)}) {
    EXPECT_THAT(Render(source), StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("line 1: ")))
        << source.substr(0, 40);
  }
  EXPECT_THAT(Render(std::string(2 << 20, 'x')),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("2097152")));
  Json deep = 1;
  for (int i = 0; i < 500; ++i) deep = Json::array({deep});
  EXPECT_THAT(Render("{{ x }}", {{"x", deep}}),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("nested")));
}

TEST(LimitsTest, ManyNamesAndConditionsCompileSoon) {
  std::string source;
  for (int i = 0; i < 20000; ++i) source += "{{ a" + std::to_string(i) + " }}";
  source += Repeated("{% if a %}{% endif %}", 20000);
  EXPECT_THAT(Render(source), IsOk());
}

TEST(LimitsTest, NamespacesMayHoldEachOther) {
  EXPECT_THAT(
      Render(
          "{% set a = namespace() %}{% set b = namespace(a=a) %}{% set a.b = b %}{{ a.b.a.b is defined }}"),
      IsOk());
  EXPECT_THAT(Render("{% set ns = namespace() %}{% for i in range(50000) %}{% set ns.x = namespace(y=ns.x) "
                     "%}{% endfor %}"),
              IsOk());
}

}  // namespace
}  // namespace linnet::jinja
