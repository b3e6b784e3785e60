// Functions that are captured once and replayed.
#pragma once

// First, for it says in one sentence that C++20 is wanted.
#include "core.hpp"

#include "compile/compile.hpp"
