// A step in oneDNN: primitives and memories that are made once, and run in order.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <oneapi/dnnl/dnnl.hpp>

#include "harness.hpp"

namespace onednn {

using dnnl::memory;
using Tag = memory::format_tag;
using Dims = memory::dims;
using Arguments = std::unordered_map<int, memory>;

inline float* data(const memory& m) { return static_cast<float*>(m.get_data_handle()); }
/// Of the whole buffer: a blocked layout is padded with zeros.
inline std::size_t count(const memory& m) { return m.get_desc().get_size() / sizeof(float); }
inline memory::dim dim(std::size_t n) { return static_cast<memory::dim>(n); }

inline memory::desc desc(const Dims& dims, Tag tag = Tag::any) { return {dims, memory::data_type::f32, tag}; }
inline memory::desc desc(const Dims& dims, const Dims& strides) {
  return {dims, memory::data_type::f32, strides};
}
/// The same values, in whichever layout a primitive likes best.
inline memory::desc any_of(const memory& m) { return desc(m.get_desc().dims()); }

/// What a row reports: a value and its gradient, of one shape, each in a layout of its own, and the layout in
/// which the other sides have them.
struct Leaf {
  memory value, gradient;
  Tag plain;
};

class Step {
 public:
  const dnnl::engine& engine() const { return engine_; }

  /// Memory of zeros.
  memory make(const memory::desc& layout) const;
  /// Now: numbers of workloads::fill, in the order of `plain`, in whichever layout the memory has.
  void fill(const memory& m, Tag plain, std::uint32_t seed, float scale, float centre = 0);
  memory filled(const memory::desc& layout, Tag plain, std::uint32_t seed, float scale, float centre = 0);
  /// Other memory's elements under another shape or strides, from element `offset` on.
  memory view(const memory& of, const memory::desc& as, std::size_t offset = 0) const;

  /// Appends to the step.
  void add(const dnnl::primitive& primitive, const Arguments& arguments);
  void add(std::function<void()> loop);
  /// `from` itself where it has that layout; otherwise memory to which each step reorders it.
  memory in_layout(const memory& from, const memory::desc& layout);

  void report(Leaf leaf) { leaves_.push_back(std::move(leaf)); }
  double value = 0;  ///< of the loss, which a loop of the step sets

  void run();
  void results(harness::Results& all);

 private:
  /// Now, and not as a part of the step.
  void reorder(const memory& from, const memory& to);
  void add_plain(harness::Results& all, const std::string& name, const memory& from, Tag plain);

  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  struct Part {
    dnnl::primitive primitive;
    Arguments arguments;
    std::function<void()> loop;
  };
  std::vector<Part> parts_;
  std::vector<Leaf> leaves_;
};

/// The row that `build` makes of an empty step.
harness::Row row_of(const std::function<void(Step&)>& build);

}  // namespace onednn
