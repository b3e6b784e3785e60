// Derivatives as functions, gradient checks, checkpoints and operations of your own.
#pragma once

#include "derivatives/checkpoint.hpp"
#include "derivatives/custom_operation.hpp"
#include "derivatives/functions.hpp"
#include "derivatives/grad.hpp"
#include "derivatives/gradcheck.hpp"
#include "derivatives/jvp.hpp"
#include "derivatives/numerical_gradient.hpp"
