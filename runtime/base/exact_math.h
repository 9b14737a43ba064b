#ifndef LINNET_RUNTIME_BASE_EXACT_MATH_H_
#define LINNET_RUNTIME_BASE_EXACT_MATH_H_

namespace linnet::base {

// Elementary functions in double from + - * / only, so that every machine computes the same bits (libm's
// differ between CPUs). Errors are below 2e-15 relative (sin, cos: absolute) inside the stated ranges; they
// are for tables and probabilities, not for inner loops. runtime/NUMERICS.md relies on them.

// x in [-700, 700]; below 0, above exp(700).
double ExactExp(double x);
// x > 0 and finite.
double ExactLog(double x);
// base > 0.
double ExactPow(double base, double exponent);
// |x| <= 2^20; further out the error grows, the bits stay the same everywhere.
void ExactSinCos(double x, double* sine, double* cosine);

}  // namespace linnet::base

#endif  // LINNET_RUNTIME_BASE_EXACT_MATH_H_
