// What fit looks at before anything runs, and the figure by which it judges an epoch.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "fit.hpp"
#include "position.hpp"

namespace xgrad::train::detail {

/// ValueError for a bad option, IoError for a file that cannot be written.
void check_options(const LoopOptions& options, std::size_t batches, bool has_empty_validation);

/// ValueError unless what is trained belongs together.
template <class T>
void check_trained(const Trained<T>& trained);

/// Where a column of the history stands in a record; ValueError if there is none of that name.
class Monitor {
 public:
  Monitor(const std::string& wanted, const std::vector<std::string>& metrics, bool has_validation);
  double operator()(const EpochRecord& record) const;

 private:
  bool in_validation_;
  std::ptrdiff_t metric_ = -1;  ///< -1: the loss
};

}  // namespace xgrad::train::detail
