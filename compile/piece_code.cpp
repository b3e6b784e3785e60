#include "piece_code.hpp"

#include <algorithm>
#include <numeric>

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

auto PieceCode::add_outside(bool is_column) -> Value {
  values_.push_back({no_step, outside_++, 0, is_column});
  return static_cast<Value>(values_.size() - 1);
}

auto PieceCode::add(Step step, std::span<const Value> operands, bool is_column) -> Value {
  const auto number = static_cast<std::uint32_t>(steps_.size());
  step.out = static_cast<Value>(values_.size());
  step.makes_column = is_column;
  step.count = static_cast<std::uint32_t>(operands.size());
  std::copy(operands.begin(), operands.end(), step.operands);
  for (const Value operand : operands)
    if (operand != unread) values_[operand].last_read = number;
  steps_.push_back(step);
  values_.push_back({number, no_place, number, is_column});
  has_columns_ = has_columns_ || is_column;
  return step.out;
}

auto PieceCode::add_step(kernels::Kernel kernel, std::span<const Value> operands, bool is_column) -> Value {
  return add({.kernel = kernel}, operands, is_column);
}

auto PieceCode::add_reduction(kernels::AxisKernel kernel, Value value, double divisor) -> Value {
  return add({.reduction = kernel, .divisor = divisor}, {&value, 1}, true);
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

std::uint32_t PieceCode::show(Value value, std::size_t rows) {
  Known& known = values_[value];
  if (!known.is_shown) {
    known.is_shown = true;
    known.place = static_cast<std::uint32_t>(parts_.size());
    parts_.push_back(rows);
  }
  return known.place;
}

std::size_t PieceCode::common_part() const noexcept {
  std::size_t common = 1;
  for (const std::size_t part : parts_) common = std::lcm(common, part);
  return common;
}

void PieceCode::seal() {
  std::vector<std::uint32_t> free[2];
  for (std::uint32_t s = 0; s < steps_.size(); ++s) {
    const Step& step = steps_[s];
    // Kernels read an element before they write it, so that the result may have an operand's place.
    for (std::uint32_t k = 0; k < step.count; ++k) {
      if (step.operands[k] == unread) continue;
      Known& read = values_[step.operands[k]];
      const bool is_first =
          std::find(step.operands, step.operands + k, step.operands[k]) == step.operands + k;
      if (read.step != no_step && !read.is_stored && !read.is_shown && read.last_read == s && is_first)
        free[read.is_column].push_back(read.place);
    }
    Known& made = values_[step.out];
    if (made.is_stored || made.is_shown) continue;
    std::vector<std::uint32_t>& places = free[made.is_column];
    if (places.empty()) places.push_back(scratch_[made.is_column]++);
    made.place = places.back();
    places.pop_back();
    if (made.last_read == s) places.push_back(made.place);
  }
  for (std::uint32_t s = 0; s < steps_.size(); ++s) {
    for (std::uint32_t k = 0; k < steps_[s].count; ++k)
      if (steps_[s].operands[k] != unread) add_patch(s, k, steps_[s].operands[k]);
    add_patch(s, Patch::out, steps_[s].out);
  }
  places_ = scratch_[false];
  for (const Known& value : values_)
    places_ += !value.is_column && (value.step == no_step || value.is_stored || value.is_shown);
}

void PieceCode::add_patch(std::uint32_t loop, std::uint32_t operand, Value value) {
  const Known& known = values_[value];
  std::vector<Patch>& patches = known.step == no_step ? at_outside_
                                : known.is_stored     ? at_stores_
                                : known.is_shown      ? at_shown_
                                                      : in_scratch_;
  patches.push_back({loop, operand, known.place, known.is_column, steps_[loop].makes_column});
}

std::size_t PieceCode::piece_elements(std::size_t item) const noexcept {
  const std::size_t bytes =
      std::clamp(all_bytes / std::max<std::size_t>(places_, 1), least_bytes, most_bytes);
  return bytes / 64 * 64 / item;
}

/// How a run goes through its elements.
struct PieceCode::Extents {
  std::size_t rows, columns, item;
  std::size_t tile_rows, tile_columns;  ///< of a tile, at most
  std::size_t unit;                     ///< elements of what parts are counted in
  std::size_t count;                    ///< of these that a thread goes through
};

/// What one thread does: tiles of some rows and columns, each through all steps.
class PieceCode::Run {
 public:
  Run(const PieceCode& code, const Extents& extents, std::span<const Elements> outside,
      std::span<void* const> stores)
      : code_(code),
        columns_(extents.columns),
        item_(extents.item),
        unit_(extents.unit),
        outside_(outside),
        stores_(stores) {
    const auto place_of = [&](std::size_t elements) { return (elements * item_ + 63) / 64 * 64; };
    const std::size_t place[2] = {place_of(extents.tile_rows * extents.tile_columns),
                                  place_of(extents.tile_rows)};
    const std::size_t first[2] = {0, code.scratch_[false] * place[false]};
    const std::size_t scratch = first[true] + code.scratch_[true] * place[true];
    memory_ = memory::Buffer(scratch + code.steps_.size() * (sizeof(kernels::Loop) + sizeof(bool)));
    auto* const start = static_cast<std::byte*>(memory_.mutable_data());
    loops_ = reinterpret_cast<kernels::Loop*>(start + scratch);
    by_rows_ = reinterpret_cast<bool*>(loops_ + code.steps_.size());
    for (std::size_t s = 0; s < code.steps_.size(); ++s) {
      kernels::Loop& loop = *new (loops_ + s) kernels::Loop;
      by_rows_[s] = false;
      loop.out_row_stride = static_cast<std::ptrdiff_t>(columns_);
      for (std::size_t k = 0; k < code.steps_[s].count; ++k) loop.in[k] = {&nothing, 0, 0};
    }
    for (const Patch& patch : code.in_scratch_)
      set(patch, start + first[patch.is_column] + patch.place * place[patch.is_column]);
    for (const Patch& patch : code.at_stores_) set(patch, nullptr);
    for (const Patch& patch : code.at_shown_) set(patch, nullptr);
    for (const Patch& patch : code.at_outside_) set(patch, outside[patch.place]);
    for (const std::size_t part : code.parts_)
      shown_.emplace_back(std::min(part, extents.count) * unit_ * item_);
  }

  void tile(std::size_t row, std::size_t rows, std::size_t column, std::size_t columns) {
    if (rows != tile_rows_ || columns != tile_columns_) set_extent(rows, columns);
    const std::size_t at = (row * columns_ + column) * item_;
    for (const Patch& patch : code_.at_shown_)
      put(patch, static_cast<std::byte*>(shown_[patch.place].mutable_data()) +
                     at % (code_.parts_[patch.place] * unit_ * item_));
    for (const Patch& patch : code_.at_stores_)
      put(patch, static_cast<std::byte*>(stores_[patch.place]) + (patch.is_column ? row * item_ : at));
    for (const Patch& patch : code_.at_outside_) {
      const Elements& elements = outside_[patch.place];
      const auto from = static_cast<std::ptrdiff_t>(row) * elements.row_stride +
                        static_cast<std::ptrdiff_t>(column) * elements.step;
      loops_[patch.loop].in[patch.operand].data =
          static_cast<const std::byte*>(elements.data) + from * static_cast<std::ptrdiff_t>(item_);
    }
    for (std::size_t s = 0; s < code_.steps_.size(); ++s) run_step(code_.steps_[s], loops_[s]);
  }

  /// After a tile that ends there: shows the parts that end with it.
  void show(std::size_t end, bool is_last, const Look& look) const {
    for (std::uint32_t i = 0; i < shown_.size(); ++i) {
      const std::size_t part = code_.parts_[i], first = (end - 1) / part * part;
      if (is_last || end - first == part) look(i, first, end - first, shown_[i]);
    }
  }

 private:
  void put(const Patch& patch, void* data) {
    if (patch.operand == Patch::out)
      loops_[patch.loop].out = data;
    else
      loops_[patch.loop].in[patch.operand].data = data;
  }
  static void run_step(const Step& step, const kernels::Loop& loop) {
    if (step.reduction == nullptr) return step.kernel(loop);
    step.reduction({{loop.in[0].data}, loop.out, loop.rows, loop.columns, 1, 1, step.divisor});
  }

  void set(const Patch& patch, void* data) {
    if (patch.operand == Patch::out)
      loops_[patch.loop].out = data;
    else if (patch.is_column)
      set(patch, Elements{data, 1, 0});
    else
      loops_[patch.loop].in[patch.operand] = {data, static_cast<std::ptrdiff_t>(columns_), 1};
  }
  void set(const Patch& patch, const Elements& elements) {
    kernels::Operand& operand = loops_[patch.loop].in[patch.operand];
    if (patch.in_column) {  // along the rows, or all that there is
      operand = {elements.data, 0, elements.row_stride};
      return;
    }
    operand = {elements.data, elements.row_stride, elements.step};
    const bool is_whole = elements.row_stride == static_cast<std::ptrdiff_t>(columns_) && elements.step == 1;
    const bool is_one = elements.row_stride == 0 && elements.step == 0;
    if (!is_whole && !is_one) by_rows_[patch.loop] = true;
  }
  /// Steps that read no row or column go through all elements at once.
  void set_extent(std::size_t rows, std::size_t columns) {
    tile_rows_ = rows;
    tile_columns_ = columns;
    for (std::size_t s = 0; s < code_.steps_.size(); ++s) {
      const Step& step = code_.steps_[s];
      if (step.reduction != nullptr || by_rows_[s]) {
        loops_[s].rows = rows;
        loops_[s].columns = columns;
      } else {
        loops_[s].rows = 1;
        loops_[s].columns = step.makes_column ? rows : rows * columns;
      }
    }
  }

  const PieceCode& code_;
  const std::size_t columns_, item_, unit_;
  std::span<const Elements> outside_;
  std::span<void* const> stores_;
  memory::Buffer memory_;
  std::vector<memory::Buffer> shown_;
  kernels::Loop* loops_;
  bool* by_rows_;
  std::size_t tile_rows_ = 0, tile_columns_ = 0;
};

void PieceCode::run(std::size_t rows, std::size_t columns, std::size_t item,
                    std::span<const Elements> outside, std::span<void* const> stores,
                    const Look& look) const {
  if (steps_.empty()) return;
  // A single row is taken apart as several rows are.
  const bool is_row = rows == 1 && !has_columns_;
  const std::size_t count = is_row ? columns : rows, unit = is_row ? 1 : columns;
  const std::size_t piece = piece_elements(item), together = std::max<std::size_t>(1, piece / unit);
  const std::size_t width = has_columns_ ? columns : std::min(piece, columns);
  const std::size_t at_once = shown() > 0 ? common_part() : together;
  const std::size_t grain = std::max<std::size_t>(1, worth_a_thread::computed_elements / unit / at_once);
  parallel_for(count, grain * at_once, [&](std::size_t begin, std::size_t end) {
    const std::size_t most = std::min(together, end - begin);
    Run run(*this, {rows, columns, item, is_row ? 1 : most, is_row ? most : width, unit, end - begin},
            outside, stores);
    for (std::size_t at = begin; at < end;) {
      std::size_t next = std::min(at + together, end);
      for (const std::size_t part : parts_) next = std::min(next, (at / part + 1) * part);
      if (is_row)
        run.tile(0, 1, at, next - at);
      else
        for (std::size_t column = 0; column < columns; column += width)
          run.tile(at, next - at, column, std::min(width, columns - column));
      run.show(next, next == end, look);
      at = next;
    }
  });
}

}  // namespace xgrad::detail
