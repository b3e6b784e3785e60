// The npz format: a zip archive of npy files.
#pragma once

#include "contents.hpp"

namespace xgrad::io {

/// Writes into the file `path`, uncompressed. IoError if that fails.
template <class T>
void write_npz(const NamedValues<T>& values, const std::string& path);

/// The names in an archive, plain or compressed, in its order, and the wanted arrays; the others are not
/// looked at. A file that is no .npy has its whole name. IoError as for load_arrays.
template <class T>
Contents<T> read_npz(const std::string& path, const Wanted& wanted);

extern template void write_npz(const NamedValues<float>&, const std::string&);
extern template void write_npz(const NamedValues<double>&, const std::string&);
extern template Contents<float> read_npz(const std::string&, const Wanted&);
extern template Contents<double> read_npz(const std::string&, const Wanted&);

}  // namespace xgrad::io
