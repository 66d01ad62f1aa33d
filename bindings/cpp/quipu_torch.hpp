// libtorch's tensors as views for Quipu, without a copy: any strides, bool to complex128, half and bfloat16, also while
// they take part in differentiation.
//
//   torch::Tensor loss_map = ...;
//   run.log({{"loss_map", quipu::Histogram(quipu::array(loss_map))}});
//
// A tensor on a device is refused: bring it over with tensor.cpu() and give the result a name.
#ifndef QUIPU_TORCH_HPP
#define QUIPU_TORCH_HPP

#include <quipu.hpp>

#include <ATen/ATen.h>

namespace quipu {

namespace detail {

inline quipu_dtype torch_dtype(at::ScalarType type) noexcept {
  switch (type) {
    case at::kBool: return QUIPU_DTYPE_BOOL;
    case at::kByte: return QUIPU_DTYPE_UINT8;
    case at::kChar: return QUIPU_DTYPE_INT8;
    case at::kShort: return QUIPU_DTYPE_INT16;
    case at::kInt: return QUIPU_DTYPE_INT32;
    case at::kLong: return QUIPU_DTYPE_INT64;
    case at::kHalf: return QUIPU_DTYPE_FLOAT16;
    case at::kBFloat16: return QUIPU_DTYPE_BFLOAT16;
    case at::kFloat: return QUIPU_DTYPE_FLOAT32;
    case at::kDouble: return QUIPU_DTYPE_FLOAT64;
    case at::kComplexFloat: return QUIPU_DTYPE_COMPLEX64;
    case at::kComplexDouble: return QUIPU_DTYPE_COMPLEX128;
    default: return 0;
  }
}

}  // namespace detail

// A view of the memory of `tensor`, which must outlive it.
// Errors: DEVICE (not on the host), DTYPE (quantized types and others without a number type here), SHAPE (more than 32
// axes), VALUE (undefined, sparse, or a lazy conjugate or negation).
inline Status try_array(Array &out, const at::Tensor &tensor) {
  out = Array();
  if (!tensor.defined()) return Status(QUIPU_ERROR_VALUE, "tensor: is undefined");
  if (tensor.layout() != at::kStrided) {
    return Status(QUIPU_ERROR_VALUE, "tensor: is sparse; pass tensor.to_dense()");
  }
  if (!tensor.device().is_cpu()) {
    return Status(QUIPU_ERROR_DEVICE, "tensor: its memory is on a device; bring it to the host first: tensor.cpu()");
  }
  if (tensor.is_conj() || tensor.is_neg()) {
    return Status(QUIPU_ERROR_VALUE, "tensor: is a lazy conjugate or negation; pass tensor.resolve_conj().resolve_neg()");
  }
  const quipu_dtype dtype = detail::torch_dtype(tensor.scalar_type());
  if (dtype == 0) return Status(QUIPU_ERROR_DTYPE, "tensor: this element type is not supported; convert it, e.g. to float");
  const auto axes = static_cast<std::size_t>(tensor.dim());
  if (axes > QUIPU_ARRAY_MAX_DIMENSIONS) return Status(QUIPU_ERROR_SHAPE, "tensor: has more than 32 axes");
  std::int64_t strides[QUIPU_ARRAY_MAX_DIMENSIONS] = {};
  for (std::size_t axis = 0; axis < axes; axis++) {
    strides[axis] = tensor.strides()[axis] * static_cast<std::int64_t>(tensor.element_size());
  }
  out = Array::raw(tensor.data_ptr(), dtype, tensor.sizes().data(), axes, strides);
  return Status();
}

#if QUIPU_HAS_EXCEPTIONS
inline Array array(const at::Tensor &tensor) {
  Array result;
  try_array(result, tensor).or_throw();
  return result;
}
#endif
// The view would outlive the memory: give the tensor a name.
Status try_array(Array &, at::Tensor &&) = delete;
Array array(at::Tensor &&) = delete;

}  // namespace quipu

#endif
