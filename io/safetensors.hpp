// The safetensors format: the length of a header, the header in JSON, and the elements.
// https://huggingface.co/docs/safetensors, "Format".
#pragma once

#include "element_type.hpp"

namespace xgrad::io {

/// Writes into the file `path`. IoError if that fails.
template <class T>
void write_safetensors(const NamedValues<T>& values, const std::string& path);

/// Every tensor of a file, in the order of their elements there. IoError as for load_arrays.
template <class T>
NamedValues<T> read_safetensors(const std::string& path);

extern template void write_safetensors(const NamedValues<float>&, const std::string&);
extern template void write_safetensors(const NamedValues<double>&, const std::string&);
extern template NamedValues<float> read_safetensors(const std::string&);
extern template NamedValues<double> read_safetensors(const std::string&);

}  // namespace xgrad::io
