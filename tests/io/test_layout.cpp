#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/io/save.hpp>
#include <xgrad/nn/activation.hpp>
#include <xgrad/nn/attention.hpp>
#include <xgrad/nn/convolution.hpp>
#include <xgrad/nn/embedding.hpp>
#include <xgrad/nn/group_norm.hpp>
#include <xgrad/nn/linear.hpp>
#include <xgrad/nn/normalization.hpp>
#include <xgrad/nn/recurrent.hpp>
#include <xgrad/nn/sequential.hpp>
#include <xgrad/nn/transformer.hpp>
#include <xgrad/nn/two_layer_net.hpp>
#include <xgrad/optim/adam.hpp>

#include "../message_of.hpp"
#include "pytorch_values.hpp"
#include "temporary_folder.hpp"

namespace {

using xgrad::Array;
using xgrad::IoError;
using xgrad::Shape;
using xgrad::ShapeError;
using xgrad::ValueError;
using xgrad::Variable;
using namespace xgrad::nn;
using xgrad::io::Layout;
using xgrad::io::load;
using xgrad::io::load_arrays;
using xgrad::io::LoadReport;
using xgrad::io::save;
using xgrad::io::save_arrays;
using xgrad::testing::message_of;
using xgrad::testing::pytorch_cases;
using xgrad::testing::PyTorchCase;
using xgrad::testing::PyTorchTensor;
using xgrad::testing::TemporaryFolder;
using xgrad::testing::write_bytes;
using Names = std::vector<std::string>;

template <class X>
std::string bytes_of(const std::vector<double>& values) {
  std::string bytes;
  for (const double value : values) {
    const X number = static_cast<X>(value);
    char raw[sizeof(X)];
    std::memcpy(raw, &number, sizeof(X));
    bytes.append(raw, sizeof(X));
  }
  return bytes;
}

/// A file as safetensors.torch.save_file() writes a state_dict(), by the format's page.
std::string file_of(const std::vector<PyTorchTensor>& state, const std::string& prefix = "",
                    const std::string& metadata = R"("__metadata__":{"format":"pt"})") {
  std::string header = "{" + metadata, data;
  for (const PyTorchTensor& tensor : state) {
    // PyTorch counts batches in 64 bits.
    const bool is_count = tensor.name.ends_with("num_batches_tracked");
    const std::string bytes =
        is_count ? bytes_of<std::int64_t>(tensor.values) : bytes_of<float>(tensor.values);
    std::string shape = to_string(tensor.shape);
    std::erase(shape, ' ');
    if (header.size() > 1) header += ",";
    header += "\"" + prefix + tensor.name + "\":{\"dtype\":\"" + (is_count ? "I64" : "F32") +
              "\",\"shape\":" + shape + ",\"data_offsets\":[" + std::to_string(data.size()) + "," +
              std::to_string(data.size() + bytes.size()) + "]}";
    data += bytes;
  }
  header += "}";
  std::string length;
  for (int i = 0; i < 8; ++i) length += static_cast<char>(header.size() >> 8 * i & 255);
  return length + header + data;
}

const PyTorchCase& case_of(const std::string& name) {
  for (const PyTorchCase& each : pytorch_cases())
    if (each.name == name) return each;
  FAIL("no case " << name);
  return pytorch_cases()[0];
}

template <class T>
Variable<T> variable_of(const PyTorchTensor& tensor) {
  Array<T> array(tensor.shape);
  for (std::size_t i = 0; i < tensor.values.size(); ++i)
    array.storage()[i] = static_cast<T>(tensor.values[i]);
  return Variable<T>(xgrad::to_dense(array));
}

/// The module that PyTorch's values were computed with.
template <class T>
std::unique_ptr<Module<T>> module_of(const std::string& name) {
  if (name == "linear") return std::make_unique<Linear<T>>(3, 3);
  if (name == "conv1d") return std::make_unique<Conv1d<T>>(2, 2, 2);
  if (name == "conv2d") {
    xgrad::Conv2dOptions options;
    options.padding = {1, 0};
    return std::make_unique<Conv2d<T>>(2, 3, xgrad::Pair{2, 3}, options);
  }
  if (name == "conv_transpose2d") {
    xgrad::ConvTranspose2dOptions options;
    options.stride = 2;
    options.padding = {1, 0};
    options.output_padding = 1;
    options.groups = 2;
    return std::make_unique<ConvTranspose2d<T>>(2, 4, xgrad::Pair{2, 3}, options);
  }
  if (name == "group_norm") return std::make_unique<GroupNorm<T>>(2, 4);
  if (name == "embedding") return std::make_unique<Embedding<T>>(4, 3);
  if (name == "layer_norm") return std::make_unique<LayerNorm<T>>(4);
  if (name == "batch_norm") return std::make_unique<BatchNorm2d<T>>(2);
  RecurrentOptions two;
  two.layers = 2;
  if (name == "rnn") return std::make_unique<RNN<T>>(2, 3, two);
  if (name == "lstm") return std::make_unique<LSTM<T>>(2, 3, two);
  if (name == "gru") return std::make_unique<GRU<T>>(2, 3, two);
  if (name == "attention") return std::make_unique<MultiheadAttention<T>>(4, 2);
  if (name == "sequential")
    return std::make_unique<Sequential<T>>(Linear<T>(2, 3), xgrad::nn::Tanh<T>(), Linear<T>(3, 2));
  TransformerEncoderLayerOptions options;
  options.feedforward = 3;
  return std::make_unique<TransformerEncoderLayer<T>>(4, 2, options);
}

/// What the module gives for the case's inputs: its output, and then its state.
template <class T>
std::vector<Variable<T>> outputs_of(Module<T>& module, const PyTorchCase& each) {
  const Variable<T> x = variable_of<T>(each.inputs[0]);
  if (auto* attention = dynamic_cast<MultiheadAttention<T>*>(&module)) {
    const Variable<T> key = variable_of<T>(each.inputs[1]);
    return {(*attention)(x, key, key)};
  }
  if (auto* lstm = dynamic_cast<LSTM<T>*>(&module)) {
    auto [output, state] = (*lstm)(x, {});
    return {output, state.hidden, state.cell};
  }
  if (auto* gru = dynamic_cast<GRU<T>*>(&module)) {
    auto [output, state] = (*gru)(x, {});
    return {output, state};
  }
  if (auto* rnn = dynamic_cast<RNN<T>*>(&module)) {
    auto [output, state] = (*rnn)(x, {});
    return {output, state};
  }
  return {module(x)};
}

template <class T>
bool same_state(const Module<T>& module, const std::vector<typename Module<T>::NamedArray>& before) {
  const auto now = module.state();
  for (std::size_t i = 0; i < now.size(); ++i)
    if (now[i].second != before[i].second) return false;
  return now.size() == before.size();
}

}  // namespace

TEST_CASE_TEMPLATE("with PyTorch's state, a layer computes what PyTorch's does", T, float, double) {
  const TemporaryFolder folder;
  const std::string path = folder / "x.safetensors", npz = folder / "x.npz";
  CHECK(pytorch_cases().size() == 14);
  for (const PyTorchCase& each : pytorch_cases()) {
    INFO(each.name);
    const auto module = module_of<T>(each.name);
    module->eval();
    write_bytes(path, file_of(each.state));
    const LoadReport report = load(*module, path, {.layout = Layout::pytorch});
    CHECK(report.missing.empty());
    CHECK(report.unexpected.empty());
    const auto outputs = outputs_of(*module, each);
    REQUIRE(outputs.size() == each.outputs.size());
    for (std::size_t k = 0; k < outputs.size(); ++k) {
      REQUIRE(outputs[k].shape() == each.outputs[k].shape);
      for (std::size_t i = 0; i < outputs[k].size(); ++i) {
        const double expected = each.outputs[k].values[i];
        CHECK(std::fabs(static_cast<double>(outputs[k].dense().data()[i]) - expected) <=
              2e-6 * std::fmax(1, std::fabs(expected)));
      }
    }
    // The way back, to the same values under the same names, in either format.
    for (const std::string& saved : {path, npz}) {
      save(*module, saved, {.layout = Layout::pytorch});
      const auto arrays = load_arrays<T>(saved);
      for (const PyTorchTensor& tensor : each.state)
        for (const auto& [name, array] : arrays)
          if (name == tensor.name) CHECK(array == variable_of<T>(tensor).value());
      CHECK(arrays.size() == module->state().size());
      const auto other = module_of<T>(each.name);
      load(*other, saved, {.layout = Layout::pytorch});
      CHECK(same_state(*other, module->state()));
    }
  }
}

TEST_CASE("a file that says whose it is is not taken for the other's") {
  const TemporaryFolder folder;
  const std::string path = folder / "x.safetensors";
  const PyTorchCase& linear = case_of("linear");
  Linear<float> net(3, 3);
  const auto before = net.state();
  write_bytes(path, file_of(linear.state));
  CHECK(message_of<IoError>([&] { load(net, path); }) ==
        "load: " + path +
            " was written by PyTorch, as its metadata say; give .layout = xg::io::Layout::pytorch, or xgrad "
            "if its "
            "matrices are [in, out] as here");
  CHECK(same_state(net, before));
  load(net, path, {.layout = Layout::xgrad});
  CHECK(net.weight().value()(0, 1) == static_cast<float>(linear.state[0].values[1]));
  load(net, path, {.layout = Layout::pytorch});
  CHECK(net.weight().value()(1, 0) == static_cast<float>(linear.state[0].values[1]));
  // Others' metadata say nothing of the layout.
  for (const std::string metadata : {"", R"("__metadata__":{"by":"hand"})"}) {
    write_bytes(path, file_of(linear.state, "", metadata));
    load(net, path);
    CHECK(net.weight().value()(0, 1) == static_cast<float>(linear.state[0].values[1]));
  }

  save(net, path);
  CHECK(xgrad::testing::read_bytes(path).find(R"({"__metadata__":{"format":"xgrad"},"weight":)") == 8);
  const auto own = net.state();
  CHECK(message_of<IoError>([&] { load(net, path, {.layout = Layout::pytorch}); }) ==
        "load: " + path + " has xgrad's layout, as its metadata say; give no .layout");
  load(net, path);
  load(net, path, {.layout = Layout::xgrad});
  CHECK(same_state(net, own));
  save(net, path, {.layout = Layout::pytorch});
  CHECK(xgrad::testing::read_bytes(path).find(R"({"__metadata__":{"format":"pt"},"weight":)") == 8);
  CHECK_THROWS_AS(load(net, path), IoError);
  load(net, path, {.layout = Layout::pytorch});
  CHECK(same_state(net, own));
}

TEST_CASE("a value of another shape is named, with both shapes in their layouts, and nothing is changed") {
  const TemporaryFolder folder;
  const std::string path = folder / "x.safetensors", npz = folder / "x.npz";
  const PyTorchCase& sequential = case_of("sequential");  // weights [3, 2] and [2, 3] there
  write_bytes(path, file_of(sequential.state));
  Sequential<float> wide{Linear<float>(2, 4), Tanh<float>(), Linear<float>(4, 2)};
  const auto before = wide.state();
  const std::string sizes = "make the module with the sizes of the one that the values come from";
  CHECK(message_of<ShapeError>([&] { load(wide, path, {.layout = Layout::pytorch, .strict = false}); }) ==
        "load: " + path +
            ": load_state: the value for '0.weight' is [3, 2] in PyTorch's layout, and [2, 4] in the "
            "module is [4, 2] there; " +
            sizes);
  CHECK(same_state(wide, before));
  Linear<float> other(2, 4);
  save_arrays<float>({{"weight", Array<float>(Shape{4, 2})}, {"bias", Array<float>{1, 2}}}, npz);
  CHECK(message_of<ShapeError>([&] { load(other, npz, {.layout = Layout::pytorch}); }) ==
        "load: " + npz +
            ": load_state: the value for 'bias' is [2] in PyTorch's layout, and [4] in the module; " + sizes);
  // Without a word on the layout it is guessed at in the message only.
  CHECK(message_of<ShapeError>([&] { load(other, npz); }) ==
        "load: " + npz +
            ": load_state: the value for 'weight' is [4, 2], that of the module [2, 4]; if PyTorch "
            "wrote it, give .layout = xg::io::Layout::pytorch");
}

TEST_CASE("a prefix chooses a part of a file") {
  const TemporaryFolder folder;
  const std::string path = folder / "x.safetensors";
  const PyTorchCase& sequential = case_of("sequential");
  auto state = sequential.state;
  for (PyTorchTensor& tensor : state) tensor.name.insert(0, "model.");
  state.push_back({"loss.weight", {1}, {2}});
  write_bytes(path, file_of(state));
  const auto net = module_of<float>("sequential");
  CHECK(message_of<IoError>([&] { load(*net, path, {.layout = Layout::pytorch}); }) ==
        "load: " + path +
            " has none of the module's arrays, such as '0.weight'; it has 'model.0.weight': give "
            ".prefix = \"model.\"");
  CHECK(message_of<IoError>([&] {
          load(*net, path, {.layout = Layout::pytorch, .prefix = "net.", .strict = false});
        }) == "load: " + path +
                  " has none of the module's arrays, such as '0.weight', with the prefix 'net.'; it has "
                  "'model.0.weight': give .prefix = \"model.\"");
  const LoadReport report = load(*net, path, {.layout = Layout::pytorch, .prefix = "model."});
  CHECK(report.unexpected.empty());
  CHECK(net->state()[0].second(0, 1) == static_cast<float>(sequential.state[0].values[2]));

  save(*net, path, {.prefix = "best."});
  const auto other = module_of<float>("sequential");
  load(*other, path, {.prefix = "best."});
  CHECK(same_state(*other, net->state()));
  CHECK(xgrad::io::array_names(path)[0] == "best.0.weight");
}

TEST_CASE("without strict, what has no partner is reported and left alone") {
  const TemporaryFolder folder;
  const std::string path = folder / "x.safetensors";
  auto state = case_of("sequential").state;
  state.erase(state.begin() + 1);  // "0.bias"
  state.push_back({"4.weight", {1}, {2}});
  write_bytes(path, file_of(state));
  const auto net = module_of<float>("sequential");
  const auto before = net->state();
  CHECK(message_of<IoError>([&] { load(*net, path, {.layout = Layout::pytorch}); }) ==
        "load: " + path +
            ": load_state: there is no value for '0.bias'; every parameter and buffer of the module "
            "needs one, unless .strict = false");
  CHECK(same_state(*net, before));
  const LoadReport report = load(*net, path, {.layout = Layout::pytorch, .strict = false});
  CHECK(report.missing == Names{"0.bias"});
  CHECK(report.unexpected == Names{"4.weight"});
  CHECK(net->state()[1].second == before[1].second);
  CHECK(net->state()[2].second != before[2].second);

  state.insert(state.begin(), case_of("sequential").state[1]);
  write_bytes(path, file_of(state));
  CHECK(message_of<IoError>([&] { load(*net, path, {.layout = Layout::pytorch}); }) ==
        "load: " + path +
            ": load_state: the module has no parameter or buffer '4.weight'; see state() for those "
            "that it has, or give .strict = false");
  // An array that cannot be read is no matter as long as nobody wants it.
  std::string text = file_of(state);
  const std::size_t at = text.find("F32", text.find("4.weight"));
  text.replace(at, 3, "F33");
  write_bytes(path, text);
  CHECK_THROWS_AS(load(*net, path, {.layout = Layout::pytorch, .strict = false}), IoError);
}

TEST_CASE("the batches that PyTorch's BatchNorm counts are passed over in its layout alone") {
  const TemporaryFolder folder;
  const std::string path = folder / "x.safetensors";
  write_bytes(path, file_of(case_of("batch_norm").state, "", R"("__metadata__":{})"));
  BatchNorm2d<float> layer(2);
  load(layer, path, {.layout = Layout::pytorch});
  CHECK(layer.running_mean().value()(0) == 0.171875f);
  CHECK(message_of<IoError>([&] { load(layer, path); }).find("'num_batches_tracked'") != std::string::npos);
  CHECK(load(layer, path, {.strict = false}).unexpected == Names{"num_batches_tracked"});
}

namespace {

/// A module of a user's own, whose matrix PyTorch has the other way round.
struct Own : Module<double> {
  Own() : weight(register_parameter("weight", Array<double>{{1, 2, 3}, {4, 5, 6}}, InPyTorch::transposed)) {}
  Variable<double> forward(const Variable<double>& x) override { return x; }
  void wrong_axes() { register_parameter("other", Array<double>{1, 2}, InPyTorch::transposed); }
  void taken() { register_in_pytorch_only("weight"); }
  Variable<double>& weight;
};

}  // namespace

TEST_CASE("a module of one's own says how PyTorch stores its parameters") {
  const TemporaryFolder folder;
  const std::string path = folder / "x.npz";
  Own own;
  save(own, path, {.layout = Layout::pytorch});
  CHECK(load_arrays<double>(path)[0].second == Array<double>{{1, 4}, {2, 5}, {3, 6}});
  own.weight.set_value(Array<double>(Shape{2, 3}, 0.0));
  load(own, path, {.layout = Layout::pytorch});
  CHECK(own.weight.value() == Array<double>{{1, 2, 3}, {4, 5, 6}});
  CHECK(message_of<ValueError>([&] { own.wrong_axes(); }) ==
        "register_parameter: 'other' is [2]; only a matrix can be transposed in PyTorch");
  CHECK(message_of<ValueError>([&] { own.taken(); }) ==
        "register_in_pytorch_only: the name 'weight' is taken by a parameter; choose another");
  CHECK(own.named_parameters().size() == 1);
  CHECK(own.in_pytorch().size() == 1);
}

TEST_CASE("an optimizer has no layout in PyTorch, and its state is whole") {
  const TemporaryFolder folder;
  const std::string path = folder / "adam.npz";
  xgrad::optim::Adam<double> adam({xgrad::parameter(xt::xarray<double>{1, 2})});
  CHECK(message_of<ValueError>([&] { save(adam, path, {.layout = Layout::pytorch}); }) ==
        "save: only a module has a layout in PyTorch; leave out .layout");
  save(adam, path, {.prefix = "adam."});
  load(adam, path, {.prefix = "adam."});
  CHECK(message_of<ValueError>([&] { load(adam, path, {.layout = Layout::pytorch}); }) ==
        "load: only a module has a layout in PyTorch, or parts to leave out; leave out .layout");
  CHECK(message_of<ValueError>([&] { load(adam, path, {.strict = false}); }) ==
        "load: only a module has a layout in PyTorch, or parts to leave out; leave out .strict");
}
