// quipu_eigen.hpp: views of Eigen's matrices in every layout have the elements that Eigen says they have.
#include "arrays.hpp"

#include <quipu_eigen.hpp>

static_assert(!std::is_constructible_v<quipu::Array, const Eigen::MatrixXf &>,
              "the elements of a block need not be neighbours, so quipu::array() is the only way");

namespace {

template <class Derived>
void check(int line, const Eigen::DenseBase<Derived> &values) {
  std::vector<double> expected;
  for (Eigen::Index row = 0; row < values.rows(); row++) {
    for (Eigen::Index column = 0; column < values.cols(); column++) {
      expected.push_back(static_cast<double>(values.derived()(row, column)));
    }
  }
  check_elements(__FILE__, line, quipu::array(values), expected);
}

template <class T, int Options>
void check_layouts() {
  Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Options> matrix(4, 3);
  for (int row = 0; row < 4; row++) {
    for (int column = 0; column < 3; column++) matrix(row, column) = static_cast<T>(10 * row + column);
  }
  check(__LINE__, matrix);
  check(__LINE__, matrix.transpose());
  check(__LINE__, matrix.block(1, 1, 2, 2));
  check(__LINE__, matrix.row(2));
  check(__LINE__, matrix.col(1));
  check(__LINE__, matrix.col(2).segment(1, 2));
  check(__LINE__, matrix.diagonal());
  check(__LINE__, matrix.reverse().eval());
  check(__LINE__, matrix.array());
  const Eigen::Ref<const Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Options>> ref(matrix);
  check(__LINE__, ref);
  // Every second row of every second column.
  using Strides = Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>;
  const Eigen::Index outer = (Options & Eigen::RowMajor) ? 3 : 4;
  const Eigen::Map<const Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Options>, 0, Strides> sparse(
      matrix.data(), 2, 2, Strides(2 * outer, 2));
  if constexpr ((Options & Eigen::RowMajor) != 0) {
    check(__LINE__, sparse);
  } else {
    const Eigen::Map<const Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Options>, 0, Strides> halved(
        matrix.data(), 2, 2, Strides(outer, 2));
    check(__LINE__, halved);
  }
}

}  // namespace

TEST(test_eigen__matrices_blocks_maps_and_vectors_in_both_orders_are_read_as_eigen_reads_them) {
  check_layouts<float, Eigen::ColMajor>();
  check_layouts<float, Eigen::RowMajor>();
  check_layouts<double, Eigen::ColMajor>();
  check_layouts<std::uint8_t, Eigen::RowMajor>();
  check_layouts<int, Eigen::ColMajor>();
}

TEST(test_eigen__fixed_sizes_maps_and_half_precision_are_read) {
  Eigen::Matrix3d fixed;
  fixed << 1, 2, 3, 4, 5, 6, 7, 8, 9;
  check(__LINE__, fixed);
  const std::vector<float> memory = {1, 2, 3, 4, 5, 6};
  check(__LINE__, Eigen::Map<const Eigen::VectorXf, 0, Eigen::InnerStride<2>>(memory.data(), 3));
  check(__LINE__, Eigen::Map<const Eigen::Array<float, 2, 3, Eigen::RowMajor>>(memory.data()));
  const Eigen::Matrix<Eigen::half, 2, 2> half = Eigen::Matrix2f(fixed.topLeftCorner<2, 2>().cast<float>()).cast<Eigen::half>();
  check(__LINE__, half);
  const Eigen::Matrix<Eigen::bfloat16, Eigen::Dynamic, 1> brain = Eigen::VectorXf::LinSpaced(5, 0, 4).cast<Eigen::bfloat16>();
  check(__LINE__, brain);
}

TEST(test_eigen__empty_matrices_are_arrays_without_elements) {
  const Eigen::MatrixXd none(0, 3);
  check(__LINE__, none);
}

TEST(test_eigen__complex_matrices_are_seen_as_complex) {
  Eigen::Matrix2cf numbers;
  numbers << std::complex<float>(1, 2), 3, 4, 5;
  const quipu::Array array = quipu::array(numbers);
  const quipu_array view = array.view();
  CHECK_INT(view.dtype, QUIPU_DTYPE_COMPLEX64);
  CHECK_INT(view.shape[0], 2);
  CHECK_INT(view.strides[0], 8);
  CHECK_INT(view.strides[1], 16);
}
