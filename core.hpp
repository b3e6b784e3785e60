// Variables and what surrounds them: scopes, anomalies, memory, threads, random seeds.
#pragma once

#include "core/array/language.hpp"

#include "core/array/memory.hpp"
#include "core/array/threads.hpp"
#include "core/graph/anomaly.hpp"
#include "core/graph/scope.hpp"
#include "core/graph/variable.hpp"
#include "core/kernels/random.hpp"
