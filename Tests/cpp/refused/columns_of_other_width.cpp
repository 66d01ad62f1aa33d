// One value for each column.
#include <quipu.hpp>

void record(quipu::Run &run, const quipu::Columns<2> &columns) {
#ifdef MISUSE
  run.log(columns, {1.0, 2.0, 3.0});
#else
  run.log(columns, {1.0, 2.0});
#endif
}
