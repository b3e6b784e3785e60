// Saving, loading and drawings.
#pragma once

#include "io/dot.hpp"
#include "io/save.hpp"
