// What a thread's operations cost while a Profile lives: times, work, memory; as a table and as a trace.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "../core/array/number.hpp"
#include "machine.hpp"

namespace xgrad {

class Profile;
namespace detail {
std::string profile_data(const Profile& profile, std::size_t most_events);
void let_make_way(Profile& profile) noexcept;
}  // namespace detail

/// What the rows of a profile's table stand for.
enum class ProfileBy {
  operation,  ///< an operation's name
  scope,      ///< where it ran: the Scopes' path and the module's, "training/Net.encoder.layer1"
};

struct ProfileTableOptions {
  ProfileBy by = ProfileBy::operation;
  Count rows = 40;  ///< those that took the most time; the others are one row together
};

/// Sums over a profile's activities; printed, it is a table.
struct ProfileTable {
  struct Row {
    std::string name;
    std::size_t calls = 0;
    double forward = 0;   ///< seconds in operations, less what ran within them and is told by itself
    double backward = 0;  ///< likewise, in their derivatives
    double other = 0;     ///< likewise, in optimizers' steps, waits for loaders, sweeps between operations
    double flops = 0;     ///< floating-point operations, counted from shapes
    double bytes = 0;     ///< read and written
    double roof = 0;      ///< the seconds that these take at least, by machine_peaks()
    double seconds() const noexcept { return forward + backward + other; }
    Row& operator+=(const Row& more) noexcept;
  };
  ProfileBy by = ProfileBy::operation;
  std::vector<Row> rows;  ///< from the longest to the shortest; their seconds add up to those of the profile
  double seconds = 0;     ///< that the profile has looked on
  double outside = 0;     ///< of these, in the program's own code, which is the last row
  std::size_t peak_bytes = 0;  ///< the most that was live meanwhile, as memory_stats() counts
  friend std::ostream& operator<<(std::ostream& out, const ProfileTable& table);
};

/// What was live when a profile's thread held the most; printed, it is a table.
struct PeakMemory {
  struct Row {
    std::string name;        ///< of the operation or derivative in which it was taken, and its output's shape
    std::string scope;       ///< where that ran
    std::size_t pieces = 0;  ///< buffers and nodes of the graph
    std::size_t bytes = 0;   ///< rounded up to size classes, as memory_stats() counts
  };
  std::size_t bytes = 0;   ///< all together, without what other threads took meanwhile
  std::size_t before = 0;  ///< of these, from before the profile began
  std::vector<Row> rows;   ///< from the most bytes to the least; with `before` they add up to all
  friend std::ostream& operator<<(std::ostream& out, const PeakMemory& peak);
};

struct ProfileOptions {
  /// Whether peak_memory() is wanted. Each piece of memory is then written down as it is taken and given
  /// back, and the thread goes without its cache of pieces: times are longer than without.
  Flag memory = false;
};

/// While it lives, this thread's operations are timed, forward and backward, and so are calls of modules,
/// optimizers' steps and waits for loaders. What an operation computes with in turn belongs to it. Other
/// threads' operations are not seen. What was seen is kept to its end, some 150 bytes an activity, and what
/// operations were told. GraphError where this thread has a Profile already.
///
/// ```cpp
/// xg::Profile profile;
/// train_one_epoch();
/// std::cout << profile.table();
/// profile.save_trace("trace.json");
/// ```
class [[nodiscard("give it a name: without one it ends with the statement")]] Profile {
 public:
  [[nodiscard("give it a name: without one it ends with the statement")]] explicit Profile(
      const ProfileOptions& options = {});
  ~Profile();
  Profile(const Profile&) = delete;
  Profile& operator=(const Profile&) = delete;

  /// Looks away from here on; the figures so far stay. Called again, it does nothing.
  void stop() noexcept;
  /// Of what has ended so far. The first one measures machine_peaks(), in time that counts for nothing.
  ProfileTable table(const ProfileTableOptions& options = {}) const;
  /// Who held what when this thread held the most, summed by operation, shape and scope; as much as `rows` of
  /// them, and the others together. What other threads give back counts as held on. ValueError unless the
  /// profile was made with {.memory = true}.
  PeakMemory peak_memory(const Count& rows = 20) const;
  /// To a .json file in the Trace Event Format, which Perfetto and chrome://tracing open: nested intervals
  /// with shapes and attributes, an arrow from each operation to its derivative, live memory. IoError if it
  /// cannot be written or has another ending.
  void save_trace(const std::string& path) const;
  /// To a .html file for a browser, which needs no server and no network: tables that sort, the activities
  /// one inside another over time, and live memory. IoError likewise.
  void save_report(const std::string& path) const;

 private:
  friend std::string detail::profile_data(const Profile& profile, std::size_t most_events);
  friend void detail::let_make_way(Profile & profile) noexcept;
  class Recorder;
  std::unique_ptr<Recorder> recorder_;
};

}  // namespace xgrad
