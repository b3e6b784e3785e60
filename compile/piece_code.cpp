#include "piece_code.hpp"

#include <algorithm>

#include "../core/array/memory.hpp"
#include "../core/array/threads.hpp"
#include "../core/array/worth_a_thread.hpp"
#include "../core/formula/broadcast_loop.hpp"

namespace xgrad::detail {
namespace {

/// Long pieces, since a step's call costs as much as hundreds of elements, as far as all places of a run fit
/// the second-level cache.
constexpr std::size_t most_bytes = 1 << 15, least_bytes = 1 << 12, all_bytes = 3 << 17;

}  // namespace

auto PieceCode::add_outside() -> Value {
  values_.push_back({no_step, outside_++, false, false, 0});
  return static_cast<Value>(values_.size() - 1);
}

auto PieceCode::add_step(kernels::Kernel kernel, std::span<const Value> operands) -> Value {
  const auto number = static_cast<std::uint32_t>(steps_.size());
  Step step{static_cast<Value>(values_.size()), static_cast<std::uint32_t>(operands.size()), {}};
  kernels_.push_back(kernel);
  std::copy(operands.begin(), operands.end(), step.operands);
  for (const Value operand : operands)
    if (operand != unread) values_[operand].last_read = number;
  steps_.push_back(step);
  values_.push_back({number, no_place, false, false, number});
  return step.out;
}

std::uint32_t PieceCode::store(Value value) {
  Known& known = values_[value];
  if (!known.is_stored) {
    known.is_stored = true;
    known.place = static_cast<std::uint32_t>(stored_.size());
    stored_.push_back(value);
  }
  return known.place;
}

std::uint32_t PieceCode::show(Value value) {
  values_[value].is_shown = true;
  return values_[value].place = shown_++;
}

void PieceCode::seal() {
  std::vector<std::uint32_t> free;
  for (std::uint32_t s = 0; s < steps_.size(); ++s) {
    const Step& step = steps_[s];
    // Kernels read an element before they write it, so that the result may have an operand's place.
    for (std::uint32_t k = 0; k < step.count; ++k) {
      if (step.operands[k] == unread) continue;
      Known& read = values_[step.operands[k]];
      const bool is_first =
          std::find(step.operands, step.operands + k, step.operands[k]) == step.operands + k;
      if (read.step != no_step && !read.is_stored && read.last_read == s && is_first)
        free.push_back(read.place);
    }
    Known& made = values_[step.out];
    if (made.is_stored || made.is_shown) continue;
    if (free.empty()) free.push_back(scratch_++);
    made.place = free.back();
    free.pop_back();
    if (made.last_read == s) free.push_back(made.place);
  }
  for (std::uint32_t s = 0; s < steps_.size(); ++s) {
    for (std::uint32_t k = 0; k < steps_[s].count; ++k)
      if (steps_[s].operands[k] != unread) add_patch(s, k, steps_[s].operands[k]);
    add_patch(s, Patch::out, steps_[s].out);
  }
}

void PieceCode::add_patch(std::uint32_t loop, std::uint32_t operand, Value value) {
  const Known& known = values_[value];
  std::vector<Patch>& patches = known.step == no_step ? at_outside_
                                : known.is_stored     ? at_stores_
                                : known.is_shown      ? at_shown_
                                                      : in_scratch_;
  patches.push_back({loop, operand, known.place});
}

std::size_t PieceCode::piece_elements(std::size_t item) const noexcept {
  const std::size_t places = scratch_ + outside_ + stored_.size() + shown_;
  const std::size_t bytes = std::clamp(all_bytes / std::max<std::size_t>(places, 1), least_bytes, most_bytes);
  return bytes / 64 * 64 / item;
}

/// What one thread does: tiles of some rows and columns, each through all steps.
class PieceCode::Run {
 public:
  /// For tiles of `most` elements at most, and parts of `part` that are shown.
  Run(const PieceCode& code, std::size_t rows, std::size_t columns, std::size_t item,
      std::span<const Elements> outside, std::span<void* const> stores, std::size_t most, std::size_t part)
      : code_(code), columns_(columns), item_(item), outside_(outside), stores_(stores) {
    const std::size_t place = (most * item + 63) / 64 * 64, scratch = code.scratch_ * place;
    memory_ = memory::Buffer(scratch + code.steps_.size() * (sizeof(kernels::Loop) + sizeof(bool)));
    auto* const start = static_cast<std::byte*>(memory_.mutable_data());
    loops_ = reinterpret_cast<kernels::Loop*>(start + scratch);
    by_rows_ = reinterpret_cast<bool*>(loops_ + code.steps_.size());
    const auto row = static_cast<std::ptrdiff_t>(columns);
    for (std::size_t s = 0; s < code.steps_.size(); ++s) {
      kernels::Loop& loop = *new (loops_ + s) kernels::Loop;
      by_rows_[s] = false;
      loop.out_row_stride = row;
      for (std::size_t k = 0; k < code.steps_[s].count; ++k) loop.in[k] = {&nothing, 0, 0};
    }
    for (const Patch& patch : code.in_scratch_) set(patch, start + patch.place * place, row);
    for (const Patch& patch : code.at_stores_) set(patch, nullptr, row);
    for (std::size_t i = 0; i < code.shown_; ++i) shown_.emplace_back(part * item);
    for (const Patch& patch : code.at_outside_) {
      const Elements& elements = outside[patch.place];
      loops_[patch.loop].in[patch.operand] = {elements.data, elements.row_stride, elements.step};
      const bool is_whole = elements.row_stride == row && elements.step == 1;
      const bool is_one = elements.row_stride == 0 && elements.step == 0;
      if (rows > 1 && !is_whole && !is_one) by_rows_[patch.loop] = true;
    }
  }

  void tile(std::size_t row, std::size_t rows, std::size_t column, std::size_t columns) {
    if (rows != tile_rows_ || columns != tile_columns_) set_extent(rows, columns);
    const std::size_t at = (row * columns_ + column) * item_;
    for (const Patch& patch : code_.at_shown_)
      loops_[patch.loop].out =
          static_cast<std::byte*>(shown_[patch.place].mutable_data()) + (at - part_begin_ * item_);
    for (const Patch& patch : code_.at_stores_) {
      std::byte* const data = static_cast<std::byte*>(stores_[patch.place]) + at;
      if (patch.operand == Patch::out)
        loops_[patch.loop].out = data;
      else
        loops_[patch.loop].in[patch.operand].data = data;
    }
    for (const Patch& patch : code_.at_outside_) {
      const Elements& elements = outside_[patch.place];
      const auto from = static_cast<std::ptrdiff_t>(row) * elements.row_stride +
                        static_cast<std::ptrdiff_t>(column) * elements.step;
      loops_[patch.loop].in[patch.operand].data =
          static_cast<const std::byte*>(elements.data) + from * static_cast<std::ptrdiff_t>(item_);
    }
    for (std::size_t s = 0; s < code_.kernels_.size(); ++s) code_.kernels_[s](loops_[s]);
  }

  /// From element `first` on, what is shown is that of another part.
  void begin_part(std::size_t first) noexcept { part_begin_ = first; }
  std::span<const memory::Buffer> shown() const noexcept { return shown_; }

 private:
  void set(const Patch& patch, void* data, std::ptrdiff_t row) {
    if (patch.operand == Patch::out)
      loops_[patch.loop].out = data;
    else
      loops_[patch.loop].in[patch.operand] = {data, row, 1};
  }
  /// Steps that read no row or column go through all elements at once.
  void set_extent(std::size_t rows, std::size_t columns) {
    tile_rows_ = rows;
    tile_columns_ = columns;
    for (std::size_t s = 0; s < code_.kernels_.size(); ++s) {
      loops_[s].rows = by_rows_[s] ? rows : 1;
      loops_[s].columns = by_rows_[s] ? columns : rows * columns;
    }
  }

  const PieceCode& code_;
  const std::size_t columns_, item_;
  std::span<const Elements> outside_;
  std::span<void* const> stores_;
  memory::Buffer memory_;
  std::vector<memory::Buffer> shown_;
  kernels::Loop* loops_;
  bool* by_rows_;
  std::size_t tile_rows_ = 0, tile_columns_ = 0, part_begin_ = 0;
};

void PieceCode::run(std::size_t rows, std::size_t columns, std::size_t item,
                    std::span<const Elements> outside, std::span<void* const> stores, std::size_t part,
                    const Look& look) const {
  if (steps_.empty()) return;
  const std::size_t grain = worth_a_thread::computed_elements;
  if (rows == 1) {
    const std::size_t piece = piece_elements(item);
    return parallel_for(columns, shown_ > 0 ? part : grain, [&](std::size_t begin, std::size_t end) {
      const std::size_t count = end - begin;
      Run run(*this, rows, columns, item, outside, stores, std::min(piece, count), count);
      run.begin_part(begin);
      for (std::size_t at = begin; at < end; at += piece) run.tile(0, 1, at, std::min(piece, end - at));
      if (shown_ > 0) look(begin, count, run.shown());
    });
  }
  const std::size_t piece = shown_ > 0 ? part : piece_elements(item);
  const std::size_t together = std::max<std::size_t>(1, piece / columns);
  const std::size_t tiles = std::max<std::size_t>(1, grain / columns / together);
  parallel_for(rows, tiles * together, [&](std::size_t begin, std::size_t end) {
    const std::size_t most = std::min(piece, (end - begin) * columns);
    Run run(*this, rows, columns, item, outside, stores, most, most);
    for (std::size_t row = begin; row < end; row += together) {
      const std::size_t count = std::min(together, end - row);
      run.begin_part(row * columns);
      for (std::size_t at = 0; at < columns; at += piece)
        run.tile(row, count, at, std::min(piece, columns - at));
      if (shown_ > 0) look(row * columns, count * columns, run.shown());
    }
  });
}

}  // namespace xgrad::detail
