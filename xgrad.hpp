// Everything a program needs: values, operations, derivatives, networks, optimizers, data.
#pragma once

#include "core/variable.hpp"
#include "ops/arithmetic.hpp"
#include "ops/comparison.hpp"
#include "ops/elementwise.hpp"
#include "ops/exponential.hpp"
#include "ops/operators.hpp"
