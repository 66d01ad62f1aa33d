// A run that is a temporary ends with the statement.
#include <quipu.hpp>

void record() {
#ifdef MISUSE
  quipu::Run(quipu::RunOptions()).log("loss", 1);
#else
  quipu::Run run{quipu::RunOptions()};
  run.log("loss", 1);
#endif
}
