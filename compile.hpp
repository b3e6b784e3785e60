// Functions that are captured once and replayed.
#pragma once

#include "compile/compile.hpp"
