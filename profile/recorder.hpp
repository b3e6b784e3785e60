// The activities that a Profile has seen.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "../core/array/memory.hpp"
#include "../core/graph/activity.hpp"
#include "../core/graph/attribute.hpp"
#include "../core/graph/watch.hpp"
#include "forms.hpp"
#include "profile.hpp"
#include "ticks.hpp"

namespace xgrad {

class Profile::Recorder final : public detail::ActivityWatcher, public memory::PieceObserver {
 public:
  using Kind = detail::Activity::Kind;

  /// Small, and of a size, for memory that is met for the first time costs more than all else: what events
  /// have in common is kept apart, and what follows from others is found when it is asked for.
  struct Event {
    std::int64_t begin = 0, end = -1;  ///< ticks since the profile began; -1 before the end
    std::int64_t live_bytes = 0;       ///< at its end
    std::uint32_t name = 0, path = 0;  ///< numbers of texts; the path is that of Scopes and modules around it
    std::uint32_t form = 0;            ///< a number of `forms`, once it has ended
    std::uint32_t attributes = 0;      ///< a number counted from 1; 0 without any
    static constexpr std::uint64_t most_order = (std::uint64_t{1} << 48) - 1;
    /// Of the node that was recorded, or is differentiated; 0 without one.
    std::uint64_t order : 48 = 0;
    Kind kind = Kind::other;
    bool has_operations = false;  ///< a derivative, in which operations were told by themselves

    /// Its kind in words.
    const char* kind_name() const noexcept {
      constexpr const char* names[] = {"forward", "backward", "module", "other"};
      return names[static_cast<std::size_t>(kind)];
    }
    bool has_ended() const noexcept { return end >= 0; }
  };
  static_assert(sizeof(Event) == 48);

  /// A piece of memory that was taken, or, with negative bytes, given back.
  struct Change {
    const void* piece = nullptr;
    std::int64_t bytes = 0;
    std::size_t event = 0;  ///< in which; of none, nobody
  };
  static constexpr std::size_t nobody = std::numeric_limits<std::size_t>::max();

  /// GraphError if this thread is watched already.
  explicit Recorder(bool sees_memory);
  ~Recorder() { stop(); }
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  void begin(const detail::Activity& activity) override;
  void end(const detail::Activity& activity, const detail::Node* output) noexcept override;
  void took(const void* piece, std::size_t bytes) noexcept override;
  void gave_back(const void* piece, std::size_t bytes) noexcept override;
  void stop() noexcept;
  /// From here on another profile of this thread takes its place.
  void let_make_way() noexcept { makes_way_ = true; }
  /// Whether its thread, another one than that which ended it, still tells it what it does.
  bool is_told() const noexcept { return told_.load(); }

  /// One behind another, in pieces, for they do not move when there are more.
  class Events {
   public:
    std::size_t size() const noexcept { return size_; }
    Event& operator[](std::size_t i) noexcept { return pieces_[i / per_piece][i % per_piece]; }
    const Event& operator[](std::size_t i) const noexcept { return pieces_[i / per_piece][i % per_piece]; }
    /// The place of one more, which counts once it is filled.
    Event& make_room() {
      if (size_ / per_piece == pieces_.size()) [[unlikely]]
        pieces_.push_back(std::make_unique_for_overwrite<Event[]>(per_piece));
      return (*this)[size_];
    }
    void add() noexcept { ++size_; }
    struct Iterator {
      const Events* events;
      std::size_t i;
      const Event& operator*() const noexcept { return (*events)[i]; }
      Iterator& operator++() noexcept { return ++i, *this; }
      bool operator==(const Iterator& other) const noexcept = default;
    };
    Iterator begin() const noexcept { return {this, 0}; }
    Iterator end() const noexcept { return {this, size_}; }

   private:
    static constexpr std::size_t per_piece = 1024;
    std::vector<std::unique_ptr<Event[]>> pieces_;
    std::size_t size_ = 0;
  };
  const Events& events() const noexcept { return events_; }
  const std::string& name(const Event& event) const noexcept { return texts_[event.name]; }
  const std::string& path(const Event& event) const noexcept { return texts_[event.path]; }
  /// Where operations ran; a derivative belongs to where its node was recorded.
  class Places {
   public:
    explicit Places(const Recorder& recorder) : recorder_(recorder) {
      for (const Event& event : recorder.events())
        if (event.kind == Kind::forward && event.order != 0) recorded_in_[event.order] = event.path;
    }
    const std::string& of(const Event& event) const {
      const auto place = recorded_in_.find(event.kind == Kind::backward ? event.order : 0);
      return recorder_.texts_[place == recorded_in_.end() ? event.path : place->second];
    }

   private:
    const Recorder& recorder_;
    std::unordered_map<std::uint64_t, std::uint32_t> recorded_in_;
  };
  /// What the operation was told; nothing for what is none.
  std::string attributes_text(const Event& event) const;
  const detail::Form& form(const Event& event) const noexcept { return forms_[event.form]; }
  /// For each event, in their order, the ticks that belong to no activity inside of it.
  std::vector<std::int64_t> own_ticks() const;

  /// Ticks until now, or until it stopped.
  std::int64_t duration() const noexcept { return stopped_ >= 0 ? stopped_.load() : now(); }
  /// Leaves out the ticks since `time`.
  void skip_since(std::int64_t time) noexcept {
    if (stopped_ < 0) start_ += now() - time;
  }
  /// The seconds of a tick; that it may have to wait for them counts for nothing.
  double tick();
  /// The most that was live while it looked on.
  std::size_t peak_bytes() noexcept;
  /// What was live when it began.
  std::size_t bytes_before() const noexcept { return bytes_before_; }
  bool sees_memory() const noexcept { return sees_memory_; }
  const std::vector<Change>& changes() const noexcept { return changes_; }
  /// Whether memory for `changes` ran out.
  bool lost_changes() const noexcept { return lost_changes_; }

 private:
  std::int64_t now() const noexcept { return detail::Ticks::now() - start_; }
  std::uint32_t number_of(std::string_view text);
  std::uint32_t number_of_path();
  struct PathMet;
  std::uint32_t find_path(PathMet& met, std::shared_ptr<const detail::Place> place, std::uint32_t module);
  std::uint32_t number_of_attributes(std::uint32_t name, const detail::Description& what);
  void note_bytes() noexcept;
  void note_operation() noexcept;
  void note_change(const void* piece, std::int64_t bytes) noexcept;
  void leave_thread() noexcept;

  std::int64_t start_ = 0;
  std::atomic<std::int64_t> stopped_{-1};
  Events events_;
  std::vector<std::size_t> open_;       ///< those that have not ended
  std::size_t open_derivatives_ = 0;    ///< among these
  std::vector<std::uint32_t> modules_;  ///< the path of each module that is being called
  detail::Forms forms_;
  std::deque<std::vector<detail::Attribute>> attributes_;
  std::unordered_map<std::uint32_t, std::uint32_t> last_attributes_;  ///< by the operation's name

  std::deque<std::string> texts_{""};
  std::unordered_map<std::string_view, std::uint32_t> numbers_{{"", 0}};
  /// Texts met lately, by their address; another one may have come to stand there.
  struct Met {
    const char* at = nullptr;
    std::string_view text = {};  ///< in `texts_`, where none moves
    std::uint32_t number = 0;
  };
  std::array<Met, 64> met_{};
  /// Paths met lately, by their place and module: a text is made only of what is another one. The first is
  /// that of no place and no module.
  struct PathMet {
    std::shared_ptr<const detail::Place> place = {};
    std::uint32_t module = 0, path = 0;
  };
  std::array<PathMet, 64> paths_met_{};

  std::size_t bytes_before_ = 0;
  std::int64_t peak_before_ = 0, peak_ = 0, live_ = 0;
  bool sees_memory_, makes_way_ = false;
  memory::PieceObserver* observer_before_ = nullptr;
  std::vector<Change> changes_;
  bool lost_changes_ = false;
  std::atomic<bool> told_{true};
};

}  // namespace xgrad
