// A run has one owner.
#include <quipu.hpp>

quipu::Run take(quipu::Run &run) {
#ifdef MISUSE
  return quipu::Run(run);
#else
  return quipu::Run(std::move(run));
#endif
}
