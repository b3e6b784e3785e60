// The npz format: a zip archive of npy files.
#pragma once

#include "element_type.hpp"

namespace xgrad::io {

/// Writes into the file `path`, uncompressed. IoError if that fails.
template <class T>
void write_npz(const NamedValues<T>& values, const std::string& path);

/// Every array of an archive, plain or compressed, in its order. IoError as for load_arrays.
template <class T>
NamedValues<T> read_npz(const std::string& path);

extern template void write_npz(const NamedValues<float>&, const std::string&);
extern template void write_npz(const NamedValues<double>&, const std::string&);
extern template NamedValues<float> read_npz(const std::string&);
extern template NamedValues<double> read_npz(const std::string&);

}  // namespace xgrad::io
