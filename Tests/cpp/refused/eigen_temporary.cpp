// A view of a temporary would outlive the memory.
#include <quipu_eigen.hpp>

Eigen::MatrixXf weights();

quipu::Array view() {
#ifdef MISUSE
  return quipu::array(weights());
#else
  static const Eigen::MatrixXf kept = weights();
  return quipu::array(kept);
#endif
}
