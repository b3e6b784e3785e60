// Modules, layers, losses and initialisers.
#pragma once

#include "nn/activation.hpp"
#include "nn/attention.hpp"
#include "nn/convolution.hpp"
#include "nn/dropout.hpp"
#include "nn/embedding.hpp"
#include "nn/flatten.hpp"
#include "nn/init.hpp"
#include "nn/linear.hpp"
#include "nn/loss.hpp"
#include "nn/module.hpp"
#include "nn/normalization.hpp"
#include "nn/pooling.hpp"
#include "nn/recurrent.hpp"
#include "nn/sequential.hpp"
#include "nn/transformer.hpp"
#include "nn/two_layer_net.hpp"
