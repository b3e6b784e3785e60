// The header of a safetensors file, taken by the letter of the format's text.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "element_type.hpp"
#include "input_file.hpp"

namespace xgrad::io {

/// A type of element that the format has.
struct TensorType {
  std::string_view name;
  std::optional<ElementType> type;  ///< none for what is no real number known here
  unsigned bits;
};

struct Tensor {
  std::string name;
  const TensorType* type = nullptr;
  std::vector<std::size_t> shape;
  std::size_t begin = 0, end = 0;  ///< of its bytes, after the header
};

struct SafetensorsHeader {
  std::vector<Tensor> tensors;  ///< in the order of their bytes, which fill the file without a gap
  std::string format;           ///< what the metadata call "format"
};

/// Of the header's text, in a file with `data_size` bytes after it. Fails as `file` does.
SafetensorsHeader read_safetensors_header(const InputFile& file, std::string_view text,
                                          std::size_t data_size);

}  // namespace xgrad::io
