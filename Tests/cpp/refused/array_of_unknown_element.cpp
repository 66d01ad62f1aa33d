// An element type that has no dtype.
#include <quipu.hpp>

struct Pair {
  int a, b;
};

quipu::Array view(const std::vector<Pair> &pairs, const std::vector<int> &numbers) {
#ifdef MISUSE
  static_cast<void>(numbers);
  return quipu::Array(pairs);
#else
  static_cast<void>(pairs);
  return quipu::Array(numbers);
#endif
}
