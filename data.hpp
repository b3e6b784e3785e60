// Datasets, readers and loaders.
#pragma once

#include "data/csv.hpp"
#include "data/dataset.hpp"
#include "data/digits.hpp"
#include "data/files.hpp"
#include "data/idx.hpp"
#include "data/loader.hpp"
#include "data/normalise.hpp"
#include "data/scaler.hpp"
#include "data/synthetic.hpp"
