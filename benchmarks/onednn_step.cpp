#include "onednn_step.hpp"

#include <algorithm>
#include <memory>

#include "workloads.hpp"

namespace onednn {

memory Step::make(const memory::desc& layout) const {
  memory m(layout, engine_);
  std::fill_n(data(m), count(m), 0.f);
  return m;
}

void Step::fill(const memory& m, Tag plain, std::uint32_t seed, float scale, float centre) {
  const memory from = make(desc(m.get_desc().dims(), plain));
  workloads::fill(data(from), count(from), seed, scale, centre);
  reorder(from, m);
}

memory Step::filled(const memory::desc& layout, Tag plain, std::uint32_t seed, float scale, float centre) {
  const memory m = make(layout);
  fill(m, plain, seed, scale, centre);
  return m;
}

memory Step::view(const memory& of, const memory::desc& as, std::size_t offset) const {
  return {as, engine_, data(of) + offset};
}

void Step::add(const dnnl::primitive& primitive, const Arguments& arguments) {
  parts_.push_back({primitive, arguments, nullptr});
}

void Step::add(std::function<void()> loop) { parts_.push_back({{}, {}, std::move(loop)}); }

memory Step::in_layout(const memory& from, const memory::desc& layout) {
  if (from.get_desc() == layout) return from;
  const memory to = make(layout);
  add(dnnl::reorder(from, to), {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
  return to;
}

void Step::run() {
  // A stream of the processor's runs in order, and execute() returns when the work is done.
  for (const Part& part : parts_)
    if (part.loop)
      part.loop();
    else
      part.primitive.execute(stream_, part.arguments);
  stream_.wait();
}

void Step::reorder(const memory& from, const memory& to) {
  dnnl::reorder(from, to).execute(stream_, {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
  stream_.wait();
}

void Step::add_plain(harness::Results& all, const std::string& name, const memory& from, Tag plain) {
  const memory to = make(desc(from.get_desc().dims(), plain));
  reorder(from, to);
  all.add(name, data(to), count(to));
}

void Step::results(harness::Results& all) {
  const auto loss = static_cast<float>(value);
  all.add("value", &loss, 1);
  for (std::size_t i = 0; i < leaves_.size(); ++i) {
    add_plain(all, "gradient " + std::to_string(i), leaves_[i].gradient, leaves_[i].plain);
    add_plain(all, "leaf " + std::to_string(i), leaves_[i].value, leaves_[i].plain);
  }
}

harness::Row row_of(const std::function<void(Step&)>& build) {
  const auto step = std::make_shared<Step>();
  build(*step);
  return {[step] { step->run(); }, [step](harness::Results& all) { step->results(all); }};
}

}  // namespace onednn
