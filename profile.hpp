// How long models and operations take, forward and backward.
#pragma once

#include "profile/machine.hpp"
#include "profile/measure.hpp"
#include "profile/profile.hpp"
