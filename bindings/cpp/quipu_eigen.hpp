// Eigen's matrices, arrays, maps, blocks and vectors as views for Quipu, without a copy.
//
//   Eigen::MatrixXf weights = ...;
//   run.log({{"weights", quipu::Histogram(quipu::array(weights))}});
//   run.log({{"row", quipu::Histogram(quipu::array(weights.row(3)))}});
//
// A matrix has the shape [rows, cols] whatever its storage order, a vector one axis. An expression that has no memory
// of its own (a + b) does not compile: evaluate it into a variable first.
#ifndef QUIPU_EIGEN_HPP
#define QUIPU_EIGEN_HPP

#include <quipu.hpp>

#include <Eigen/Core>

namespace quipu {

namespace detail {

template <class T>
constexpr quipu_dtype eigen_dtype() noexcept {
  if constexpr (std::is_same_v<T, Eigen::half>) return QUIPU_DTYPE_FLOAT16;
  else if constexpr (std::is_same_v<T, Eigen::bfloat16>) return QUIPU_DTYPE_BFLOAT16;
  else return dtype_of<T>();
}

}  // namespace detail

// A view of the memory of `values`, which must outlive it.
template <class Derived>
Array array(const Eigen::DenseBase<Derived> &values) noexcept {
  static_assert((Derived::Flags & Eigen::DirectAccessBit) != 0,
                "this Eigen expression has no memory to look at: evaluate it into a variable first");
  using Scalar = std::remove_cv_t<typename Derived::Scalar>;
  constexpr auto item = static_cast<std::int64_t>(sizeof(Scalar));
  const Derived &x = values.derived();
  const std::int64_t inner = static_cast<std::int64_t>(x.innerStride()) * item;
  const std::int64_t outer = static_cast<std::int64_t>(x.outerStride()) * item;
  if constexpr (Derived::IsVectorAtCompileTime) {
    const std::int64_t shape[] = {static_cast<std::int64_t>(x.size())};
    return Array::raw(x.data(), detail::eigen_dtype<Scalar>(), shape, 1, &inner);
  } else {
    const std::int64_t shape[] = {static_cast<std::int64_t>(x.rows()), static_cast<std::int64_t>(x.cols())};
    const std::int64_t strides[] = {Derived::IsRowMajor ? outer : inner, Derived::IsRowMajor ? inner : outer};
    return Array::raw(x.data(), detail::eigen_dtype<Scalar>(), shape, 2, strides);
  }
}

// The view would outlive the memory: give the matrix a name.
template <class T, int Rows, int Columns, int Options, int MaxRows, int MaxColumns>
Array array(Eigen::Matrix<T, Rows, Columns, Options, MaxRows, MaxColumns> &&) = delete;
template <class T, int Rows, int Columns, int Options, int MaxRows, int MaxColumns>
Array array(Eigen::Array<T, Rows, Columns, Options, MaxRows, MaxColumns> &&) = delete;

}  // namespace quipu

#endif
