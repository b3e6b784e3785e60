// The training loop.
#pragma once

#include "train/fit.hpp"
