// A status may not be dropped by accident (with -Werror).
#include <quipu.hpp>

void record(quipu::Run &run) {
#ifdef MISUSE
  run.try_log("loss", 1);
#else
  run.try_log("loss", 1).ignore();
#endif
}
