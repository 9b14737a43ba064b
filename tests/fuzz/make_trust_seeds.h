#ifndef LINNET_TESTS_FUZZ_MAKE_TRUST_SEEDS_H_
#define LINNET_TESTS_FUZZ_MAKE_TRUST_SEEDS_H_

#include <string>

namespace linnet::testing {

// Seeds of plan_fuzz, lift_fuzz and bundle_fuzz: what people sign and carry, and the mistakes in it.
void WriteTrustSeeds(const std::string& folder);

}  // namespace linnet::testing

#endif  // LINNET_TESTS_FUZZ_MAKE_TRUST_SEEDS_H_
