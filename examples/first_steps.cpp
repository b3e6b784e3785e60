#include <iostream>
#include <xgrad/xgrad.hpp>

namespace xg = xgrad;

int main() {
  auto [images, labels] = xg::data::load_digits<float>();
  auto [train, test] =
      xg::data::random_split(xg::data::TensorDataset(images, labels), {1437, 360}, /*seed=*/0);
  xg::nn::Sequential<float> net{xg::nn::Linear<float>(64, 100), xg::nn::ReLU<float>(),
                                xg::nn::Linear<float>(100, 10)};
  xg::optim::SGD<float> sgd(net.parameters(), {.learning_rate = 0.1, .momentum = 0.9, .weight_decay = 0.001});
  xg::data::DataLoader loader(train, {.batch_size = 100, .shuffle = true});
  for (int epoch = 0; epoch < 100; ++epoch)
    for (const auto& [x, y] : loader) {
      auto loss = xg::nn::cross_entropy(net(x), y);
      sgd.zero_grad();
      loss.backward();
      sgd.step();
    }
  auto [x, y] = xg::data::whole(test);
  auto right = xg::constant(xt::cast<float>(xt::equal(xg::argmax(net(x), 1), y)));
  std::cout << "test accuracy " << xg::mean(right).item() << '\n';
}
