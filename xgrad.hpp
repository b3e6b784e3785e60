// Everything a program needs: values, operations, derivatives, networks, optimizers, data, training, drawings,
// measurements.
#pragma once

#include "compile.hpp"
#include "core.hpp"
#include "data.hpp"
#include "derivatives.hpp"
#include "io.hpp"
#include "nn.hpp"
#include "ops.hpp"
#include "optim.hpp"
#include "profile.hpp"
#include "train.hpp"
