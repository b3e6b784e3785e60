// The safetensors format: the length of a header, the header in JSON, and the elements.
// https://huggingface.co/docs/safetensors, "Format".
#pragma once

#include "contents.hpp"

namespace xgrad::io {

/// Writes into the file `path`, with the metadata "format" unless that is empty. IoError if that fails.
template <class T>
void write_safetensors(const NamedValues<T>& values, const std::string& path, const std::string& format);

/// The names of a file's tensors, in the order of their elements there, and the wanted ones. IoError as for
/// load_arrays.
template <class T>
Contents<T> read_safetensors(const std::string& path, const Wanted& wanted);

}  // namespace xgrad::io
