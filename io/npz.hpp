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

}  // namespace xgrad::io
