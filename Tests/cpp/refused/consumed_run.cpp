// Use of a moved-from run.
#include <quipu.hpp>

void record() {
  quipu::Run run{quipu::RunOptions()};
  quipu::Run other(std::move(run));
#ifdef MISUSE
  run.log("loss", 1);
#else
  other.log("loss", 1);
#endif
}
