// Images with labels from IDX files, the format of MNIST and of the data sets that follow it.
#pragma once

#include <string>

#include "../core/array/array.hpp"
#include "package.hpp"

namespace xgrad::data {

/// Grey images, and the class of each.
template <class T>
struct LabelledImages {
  Array<T> images;  ///< [n, height, width]: bytes / 255, so 0 to 1
  Indices labels;   ///< [n]: 0 to 255
};

/// Two IDX files of unsigned bytes, plain or gzip: images of 3 axes, and as many labels of 1 axis. IoError
/// that names the file if one cannot be read, is of another type or number of axes, or holds more or fewer
/// bytes than its header says; ShapeError if there are not as many labels as images. T is float or double.
/// The format: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
template <class T>
LabelledImages<T> load_idx(const std::string& images, const std::string& labels);

/// Fashion-MNIST in miniature: [500, 28, 28], 50 images of each class, the first ones among the 10,000 of the
/// test part, in its order. The classes from 0 to 9: T-shirt or top, trouser, pullover, dress, coat, sandal,
/// shirt, sneaker, bag, ankle boot. H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a novel image dataset for
/// benchmarking machine learning algorithms", 2017; data/files/NOTICE.md has its licence. IoError if the
/// files are not found (see find_data_file) or damaged.
template <class T>
LabelledImages<T> load_fashion_sample();

/// A data set in two parts.
template <class T>
struct TrainAndTest {
  LabelledImages<T> train, test;
};

/// All of Fashion-MNIST, 60,000 images to train on and 10,000 to test with, from a folder that holds the four
/// files under their published names, train-images-idx3-ubyte.gz and so on, or the same without .gz. Debian's
/// package dataset-fashion-mnist puts them into /usr/share/datasets/fashion-mnist. MNIST's own files have the
/// same names. Errors as for load_idx, and an IoError for a file that is not there.
template <class T>
TrainAndTest<T> load_fashion_mnist(const std::string& folder);

}  // namespace xgrad::data
