// The handwritten digits that come with the library.
#pragma once

#include "../core/array/array.hpp"
#include "package.hpp"

namespace xgrad::data {

/// Images of handwritten digits, and what they show.
template <class T>
struct Digits {
  Array<T> images;  ///< [1797, 64]: 8 x 8 pixels, row by row, 0 (paper) to 1 (ink)
  Indices labels;   ///< [1797]: 0 to 9
};

/// Optical Recognition of Handwritten Digits, the test part: E. Alpaydin, C. Kaynak, UCI Machine Learning
/// Repository, 1998; data/files/NOTICE.md has its licence. IoError if the file digits.csv.gz is not found
/// (see find_data_file) or damaged. T is float or double.
template <class T>
Digits<T> load_digits();

}  // namespace xgrad::data
