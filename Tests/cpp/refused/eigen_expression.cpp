// An expression without memory of its own, and a matrix that is gone before its view.
#include <quipu_eigen.hpp>

quipu::Array view(const Eigen::MatrixXf &a, const Eigen::MatrixXf &b) {
#ifdef MISUSE
  return quipu::array(a + b);
#else
  static Eigen::MatrixXf sum;
  sum = a + b;
  return quipu::array(sum);
#endif
}
