#include "lbfgs.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <sstream>

#include "../core/graph/activity.hpp"
#include "sgd_kernels.hpp"
#include "update.hpp"
#include "wolfe_search.hpp"

namespace xgrad::optim {
namespace {

template <class T>
double dot(const Dense<T>& a, const Dense<T>& b) {
  return optim::dot(a.data(), b.data(), a.size());
}

template <class T>
double largest_size(const Dense<T>& x) {
  return optim::largest_size(x.data(), x.size());
}

template <class T>
Dense<T> copy_of(const Dense<T>& x) {
  Dense<T> copy(x.shape);
  std::copy_n(x.data(), x.size(), copy.mutable_data());
  return copy;
}

/// y + factor * x, into y.
template <class T>
void add_multiple(Dense<T>& y, double factor, const Dense<T>& x) {
  const kernels::SgdStep step{-factor, 0, false, 0};
  run_update<T>({y.mutable_data(), x.data(), {}, x.size()}, step);
}

template <class T>
void scale(Dense<T>& x, double factor) {
  T* const data = x.mutable_data();
  run_update<T>({data, data, {}, x.size()}, kernels::ScaleStep{factor});
}

template <class T>
std::size_t total_size(const std::vector<Variable<T>>& parameters) {
  std::size_t size = 0;
  for (const Variable<T>& parameter : parameters) size += parameter.size();
  return size;
}

std::string pair_name(std::size_t i, const char* which) {
  return "history." + std::to_string(i) + "." + which;
}

}  // namespace

/// One call of step(): the parameters as one vector, and the history as it grows. Unless keep() was called
/// the parameters are what they were when it ends.
template <class T>
class LBFGS<T>::Iteration {
 public:
  Iteration(const LBFGS& optimizer, const Closure& closure, std::vector<Pair> history)
      : optimizer_(optimizer),
        closure_(closure),
        options_(optimizer.options()),
        history_(std::move(history)),
        parameters_(optimizer.parameters()),
        position_(Shape{total_size(parameters_)}) {
    for (const Variable<T>& parameter : parameters_) before_.push_back(parameter.dense());
    T* out = position_.mutable_data();
    for (const Dense<T>& value : before_) out = std::copy_n(value.data(), value.size(), out);
  }
  Iteration(const Iteration&) = delete;
  Iteration& operator=(const Iteration&) = delete;
  ~Iteration() {
    if (kept_) return;
    for (std::size_t i = 0; i < parameters_.size(); ++i) parameters_[i].exchange_value(std::move(before_[i]));
  }

  /// The loss at the start.
  double run() {
    SearchPoint<T> now = evaluate_here(0);
    check_start(now);
    if (remembers_what_stays()) history_.clear();
    const double first = now.loss;
    std::optional<LBFGSEnding> end;
    for (std::uint64_t i = 0; i < options_.max_iter && !end; ++i)
      end = i > 0 && out_of_evaluations() ? LBFGSEnding::max_eval : advance(now);
    ending_ = end.value_or(LBFGSEnding::max_iter);
    return first;
  }
  LBFGSEnding ending() const { return ending_; }

  /// The parameters stay where they are now; the history.
  std::vector<Pair> keep() noexcept {
    kept_ = true;
    return std::move(history_);
  }

 private:
  void check_start(const SearchPoint<T>& start) const {
    std::ostringstream text;
    text << optimizer_.name();
    if (!std::isfinite(start.loss)) {
      text << ": the closure's loss is " << start.loss << "; start where it is finite";
      throw ValueError(text.str());
    }
    const double largest = largest_size(start.gradient);
    if (std::isfinite(largest)) return;
    text << ": the largest element of the gradient is " << largest << "; start where the gradient is finite";
    throw ValueError(text.str());
  }

  /// Whether the history knows of a parameter without a gradient, such as one that is frozen by now: its
  /// direction would move that one.
  bool remembers_what_stays() const {
    std::size_t first = 0;
    for (const Variable<T>& parameter : parameters_) {
      const std::size_t end = first + parameter.size();
      const auto knows = [&](const Dense<T>& difference) {
        return std::any_of(difference.data() + first, difference.data() + end, [](T x) { return x != 0; });
      };
      if (!parameter.has_grad() && std::any_of(history_.begin(), history_.end(), [&](const Pair& pair) {
            return knows(pair.s) || knows(pair.y);
          }))
        return true;
      first = end;
    }
    return false;
  }

  /// One iteration from `now`, which becomes where it ended; why it was the last, if it was.
  std::optional<LBFGSEnding> advance(SearchPoint<T>& now) {
    if (largest_size(now.gradient) <= options_.tolerance_grad) return LBFGSEnding::tolerance_grad;
    Dense<T> direction = quasi_newton_direction(now.gradient);
    SearchPoint<T> next = search_along(direction, now);
    if (next.t == 0 && !history_.empty()) {  // of noise, or of another loss
      history_.clear();
      if (out_of_evaluations()) return LBFGSEnding::max_eval;
      direction = quasi_newton_direction(now.gradient);
      next = search_along(direction, now);
    }
    if (next.t == 0) return LBFGSEnding::no_decrease;
    const double move = next.t * largest_size(direction), change = std::abs(next.loss - now.loss);
    add_multiple(position_, next.t, direction);
    learn(std::move(direction), next, now.gradient);
    now = std::move(next);
    if (move <= options_.tolerance_change || change < options_.tolerance_change)
      return LBFGSEnding::tolerance_change;
    return {};
  }

  bool out_of_evaluations() const {
    return evaluations_ >=
           (options_.max_eval > 0 ? std::size_t{options_.max_eval} : options_.max_iter * 5 / 4);
  }

  /// Where the line search along `direction` ends, with the parameters there; `now`, at t = 0, if it finds no
  /// lower loss.
  SearchPoint<T> search_along(const Dense<T>& direction, SearchPoint<T>& now) {
    now.t = 0;
    now.slope = dot(direction, now.gradient);
    if (!(now.slope < 0)) return now;
    double first = options_.learning_rate;
    if (history_.empty()) first *= std::min(1.0, 1 / power_sum(now.gradient.data(), now.gradient.size(), 1));
    const double resolution = options_.tolerance_change / largest_size(direction);
    SearchPoint<T> next = wolfe_search(now, first, resolution, [&](double t) {
      move_to(t, direction);
      SearchPoint<T> point = evaluate_here(t);
      point.slope = dot(direction, point.gradient);
      if (!std::isfinite(point.slope)) point.loss = std::numeric_limits<double>::infinity();
      return point;
    });
    move_to(next.t, direction);
    return next;
  }

  /// -H g, by the recursion of two loops.
  Dense<T> quasi_newton_direction(const Dense<T>& gradient) const {
    Dense<T> q = copy_of(gradient);
    std::vector<double> alpha(history_.size());
    for (std::size_t i = history_.size(); i-- > 0;) {
      alpha[i] = dot(history_[i].s, q) / history_[i].s_y;
      add_multiple(q, -alpha[i], history_[i].y);
    }
    if (!history_.empty()) scale(q, history_.back().s_y / dot(history_.back().y, history_.back().y));
    for (std::size_t i = 0; i < history_.size(); ++i) {
      const double beta = dot(history_[i].y, q) / history_[i].s_y;
      add_multiple(q, alpha[i] - beta, history_[i].s);
    }
    scale(q, -1);
    return q;
  }

  void learn(Dense<T> direction, const SearchPoint<T>& next, const Dense<T>& gradient) {
    scale(direction, next.t);
    Dense<T> y = copy_of(next.gradient);
    add_multiple(y, -1, gradient);
    const double s_y = dot(direction, y);
    if (!(s_y > 1e-10)) return;  // as PyTorch: the curvature must be surely positive
    if (history_.size() == options_.history_size) history_.erase(history_.begin());
    history_.push_back({std::move(direction), std::move(y), s_y});
  }

  /// Puts the parameters at position + t * direction.
  void move_to(double t, const Dense<T>& direction) {
    Dense<T> there = copy_of(position_);
    if (t != 0) add_multiple(there, t, direction);
    const T* from = there.data();
    for (Variable<T>& parameter : parameters_) {
      std::copy_n(from, parameter.size(), parameter.mutable_data());
      from += parameter.size();
    }
  }

  /// Loss and gradient where the parameters are.
  SearchPoint<T> evaluate_here(double t) {
    ++evaluations_;
    SearchPoint<T> point{t, optimizer_.loss_of(closure_), 0, Dense<T>(position_.shape)};
    T* out = point.gradient.mutable_data();
    for (const Variable<T>& parameter : parameters_) {
      const Dense<T> gradient = parameter.dense_grad();
      out = gradient.defined() ? std::copy_n(gradient.data(), gradient.size(), out)
                               : std::fill_n(out, parameter.size(), T(0));
    }
    return point;
  }

  const LBFGS& optimizer_;
  const Closure& closure_;
  LBFGSOptions options_;
  std::vector<Pair> history_;
  std::vector<Variable<T>> parameters_;
  std::vector<Dense<T>> before_;
  Dense<T> position_;
  std::uint64_t evaluations_ = 0;
  LBFGSEnding ending_ = LBFGSEnding::none;
  bool kept_ = false;
};

template <class T>
LBFGS<T>::LBFGS(std::vector<Variable<T>> parameters, const LBFGSOptions& options)
    : Optimizer<T>("LBFGS", {std::move(parameters)}, {options.learning_rate}), options_(options) {
  const OptionCheck check = this->check();
  check.at_least_one("max_iter", options.max_iter);
  check.at_least_zero("max_eval", options.max_eval);
  check.at_least_one("history_size", options.history_size);
  check.at_least_zero("tolerance_grad", options.tolerance_grad);
  check.at_least_zero("tolerance_change", options.tolerance_change);
}

template <class T>
double LBFGS<T>::step(const Closure& closure) {
  Iteration iteration(*this, closure, history_);
  const double loss = xgrad::detail::as_activity(this->name(), [&] { return iteration.run(); });
  ending_ = iteration.ending();
  history_ = iteration.keep();
  return loss;
}

template <class T>
LBFGSOptions LBFGS<T>::options() const {
  LBFGSOptions now = options_;
  now.learning_rate = this->learning_rate();
  return now;
}

template <class T>
std::vector<NamedArray<T>> LBFGS<T>::state() const {
  std::vector<NamedArray<T>> state;
  this->write_learning_rates(state);
  state.emplace_back("history.count", number_array<T>(static_cast<double>(history_.size())));
  for (std::size_t i = 0; i < history_.size(); ++i) {
    state.emplace_back(pair_name(i, "s"), to_array(history_[i].s));
    state.emplace_back(pair_name(i, "y"), to_array(history_[i].y));
  }
  return state;
}

template <class T>
void LBFGS<T>::load_state(const std::vector<NamedArray<T>>& state) {
  StateReader<T> reader(this->name(), state);
  std::vector<double> rates = this->read_learning_rates(reader);
  const std::uint64_t count = reader.count("history.count");
  this->check()(count <= options_.history_size, "history.count of the state", static_cast<double>(count),
                "at most history_size");
  const Shape shape{total_size(this->parameters())};
  std::vector<Pair> history;
  for (std::size_t i = 0; i < count; ++i) {
    Dense<T> s = reader.array(pair_name(i, "s"), shape), y = reader.array(pair_name(i, "y"), shape);
    const double s_y = dot(s, y);
    this->check()(s_y > 0, "s . y of the state", s_y, "above 0");
    history.push_back({std::move(s), std::move(y), s_y});
  }
  reader.finish();
  this->set_own_learning_rates(std::move(rates));
  history_ = std::move(history);
}

template class LBFGS<float>;
template class LBFGS<double>;

}  // namespace xgrad::optim
