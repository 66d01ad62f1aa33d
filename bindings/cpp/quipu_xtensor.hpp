// xtensor's arrays, tensors, adaptors and strided views as views for Quipu, without a copy.
//
//   xt::xarray<float> field = ...;
//   run.log({{"field", quipu::Histogram(quipu::array(field))}});
//   auto column = xt::view(field, xt::all(), 1);
//   run.log({{"column", quipu::Histogram(quipu::array(column))}});
//
// An expression that has no memory of its own (a + b) does not compile: evaluate it into a variable first.
#ifndef QUIPU_XTENSOR_HPP
#define QUIPU_XTENSOR_HPP

#include <quipu.hpp>

#include <xtensor/xcontainer.hpp>
#include <xtensor/xexpression.hpp>
#include <xtensor/xview.hpp>

namespace quipu {

// A view of the memory of `values`, which must outlive it.
template <class E>
Array array(const xt::xexpression<E> &values) {
  static_assert(xt::has_data_interface<E>::value && xt::has_strides<E>::value,
                "this xtensor expression has no memory to look at: evaluate it into a variable first");
  using Value = std::remove_cv_t<typename E::value_type>;
  const E &x = values.derived_cast();
  const std::size_t axes = x.dimension();
  if (axes > QUIPU_ARRAY_MAX_DIMENSIONS) return Array();  // refused with QUIPU_ERROR_SHAPE by the call that reads it
  std::int64_t shape[QUIPU_ARRAY_MAX_DIMENSIONS] = {};
  std::int64_t strides[QUIPU_ARRAY_MAX_DIMENSIONS] = {};
  for (std::size_t axis = 0; axis < axes; axis++) {
    shape[axis] = static_cast<std::int64_t>(x.shape()[axis]);
    strides[axis] = static_cast<std::int64_t>(x.strides()[axis]) * static_cast<std::int64_t>(sizeof(Value));
  }
  return Array::raw(x.data() + x.data_offset(), dtype_of<Value>(), shape, axes, strides);
}

// The view would outlive the memory: give the container a name.
template <class E>
Array array(xt::xcontainer<E> &&) = delete;

}  // namespace quipu

#endif
