// Saving, loading and drawings.
#pragma once

#include "io/dot.hpp"
#include "io/events.hpp"
#include "io/save.hpp"
