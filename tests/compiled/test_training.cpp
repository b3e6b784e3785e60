// Whole trainings: two programs are captured, no more, and the parameters are those of a training without.
#include <doctest/doctest.h>

#include <algorithm>
#include <xgrad/xtensor.hpp>

#include "beside_eager.hpp"

namespace xg = xgrad;
namespace nn = xgrad::nn;
using namespace xgrad::testing;
using Float = xg::Variable<float>;

namespace {

struct Trained {
  std::vector<std::pair<std::string, xg::Array<float>>> state;
  std::size_t programs = 0;
};

/// 1000 steps of Adam with a cosine schedule on batches of 16, the last of 4.
Trained trained(bool compiles) {
  xg::manual_seed(21);
  nn::Sequential<float> net(nn::Linear<float>(5, 12), nn::BatchNorm1d<float>(12), nn::ReLU<float>(),
                            nn::Dropout<float>(0.2), nn::Linear<float>(12, 3));
  const auto inputs = xg::randn<float>({84, 5});
  const xg::Indices labels = xg::randint(0, 3, {84});
  xg::optim::Adam<float> adam(net.parameters(), {.learning_rate = 1e-2});
  xg::optim::CosineAnnealingLR schedule(adam, {.t_max = 1000});
  const auto function = [&](const Float& x, const xg::Indices& t) { return xg::cross_entropy(net(x), t); };
  const auto loss = xg::compile(function);
  for (std::size_t step = 0; step < 1000; ++step) {
    const std::size_t begin = 16 * (step % 6), end = std::min<std::size_t>(begin + 16, 84);
    const Float x = xg::constant(xt::eval(xt::view(inputs, xt::range(begin, end))));
    const xg::Indices t = xt::view(labels, xt::range(begin, end));
    adam.zero_grad();
    (compiles ? loss(x, t) : function(x, t)).backward();
    adam.step();
    schedule.step();
  }
  return {net.state(), loss.programs()};
}

}  // namespace

TEST_CASE("1000 steps of Adam with a schedule, dropout, batch norm and a smaller last batch") {
  const Trained with = trained(true), without = trained(false);
  CHECK(with.programs == 2);
  CHECK(without.programs == 0);
  REQUIRE(with.state.size() == without.state.size());
  for (std::size_t i = 0; i < with.state.size(); ++i) {
    CAPTURE(with.state[i].first);
    CHECK(same_bits<float>(with.state[i].second, without.state[i].second));
  }
}
