#pragma once

// The functions of formulas, over packs. Found by argument-dependent lookup: call them unqualified. Errors in
// units in the last place, and the edges, are measured in tests/core/kernels/test_simd.cpp.

#include "error_function.hpp"
#include "exponential.hpp"
#include "inverse_trigonometric.hpp"
#include "logarithm.hpp"
#include "power.hpp"
#include "trigonometric.hpp"
