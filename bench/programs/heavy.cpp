// Heavy headers and many templates: what a compiler allocates for.
#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

template <int N>
struct Fibonacci {
  static constexpr long value = Fibonacci<N - 1>::value + Fibonacci<N - 2>::value;
};
template <>
struct Fibonacci<0> {
  static constexpr long value = 0;
};
template <>
struct Fibonacci<1> {
  static constexpr long value = 1;
};

template <int N>
struct Tagged {
  std::map<std::string, std::vector<std::tuple<int, long, Tagged<N - 1>*>>> members;
  std::variant<int, std::string, std::unique_ptr<Tagged<N - 1>>> content;
  long sum() const {
    long total = Fibonacci<N>::value;
    for (const auto& [name, list] : members) {
      total += std::accumulate(list.begin(), list.end(), static_cast<long>(name.size()),
                               [](long so_far, const auto& entry) {
                                 return so_far + std::get<1>(entry) + std::get<2>(entry)->sum();
                               });
    }
    return total + static_cast<long>(content.index());
  }
};
template <>
struct Tagged<0> {
  long sum() const { return 1; }
};

int main() {
  Tagged<4> tagged;
  std::unordered_map<std::string, std::function<long()>> table{
      {"sum", [&] { return tagged.sum(); }}};
  std::set<std::string> words{"abc12", "c345", "none"};
  for (const std::string& word : words) {
    std::cout << word << ' ' << table.at("sum")() << '\n';
  }
}
