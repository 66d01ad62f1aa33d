// A view of a temporary would outlive the memory.
#include <quipu.hpp>

std::vector<float> weights();

quipu::Array view() {
#ifdef MISUSE
  return quipu::Array(weights());
#else
  static const std::vector<float> kept = weights();
  return quipu::Array(kept);
#endif
}
