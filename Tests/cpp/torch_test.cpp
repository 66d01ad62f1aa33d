// quipu_torch.hpp: views of tensors have the elements that torch says they have; what has no host memory is refused.
#include <quipu_torch.hpp>

// After torch: its macro CHECK is not ours.
#undef CHECK
#include "arrays.hpp"

namespace {

void check(int line, const at::Tensor &tensor) {
  const at::Tensor flat = tensor.to(at::kDouble).contiguous().view({-1});
  const double *first = flat.data_ptr<double>();
  check_elements(__FILE__, line, quipu::array(tensor), std::vector<double>(first, first + flat.numel()));
}

}  // namespace

TEST(test_torch__tensors_of_every_type_and_layout_are_read_as_torch_reads_them) {
  const at::Tensor numbers = at::arange(24).view({2, 3, 4});
  for (const at::ScalarType type : {at::kByte, at::kChar, at::kShort, at::kInt, at::kLong, at::kHalf, at::kBFloat16,
                                    at::kFloat, at::kDouble}) {
    const at::Tensor tensor = numbers.to(type);
    check(__LINE__, tensor);
    const at::Tensor turned = tensor.permute({2, 0, 1});
    check(__LINE__, turned);
    const at::Tensor part = tensor.slice(2, 1, 4, 2).select(0, 1);
    check(__LINE__, part);
    const at::Tensor wide = tensor.select(0, 0).unsqueeze(0).expand({2, 3, 4});
    check(__LINE__, wide);
    const at::Tensor one = tensor.select(0, 1).select(0, 1).select(0, 1);
    check(__LINE__, one);
  }
  const at::Tensor flags = numbers > 5;
  check(__LINE__, flags);
  const at::Tensor learned = at::arange(6).to(at::kFloat).requires_grad_();
  check(__LINE__, learned);
}

TEST(test_torch__tensors_without_host_memory_are_refused_with_the_way_to_bring_them_over) {
  quipu::Array out;
  const at::Tensor undefined;
  CHECK_INT(quipu::try_array(out, undefined).code(), QUIPU_ERROR_VALUE);
  const at::Tensor elsewhere = at::empty({3}, at::TensorOptions().device(at::kMeta));
  const quipu::Status status = quipu::try_array(out, elsewhere);
  CHECK_INT(status.code(), QUIPU_ERROR_DEVICE);
  CHECK(std::string(status.message()).find("tensor.cpu()") != std::string::npos);
  CHECK_INT(out.view().ndim, -1);
  const at::Tensor sparse = at::arange(3).to(at::kFloat).to_sparse();
  CHECK_INT(quipu::try_array(out, sparse).code(), QUIPU_ERROR_VALUE);
  const at::Tensor conjugate = at::arange(3).to(at::kComplexFloat).conj();
  CHECK_INT(quipu::try_array(out, conjugate).code(), QUIPU_ERROR_VALUE);
}
