// quipu_xtensor.hpp: views of xtensor's containers and views have the elements that xtensor says they have.
#include "arrays.hpp"

#include <quipu_xtensor.hpp>

#include <xtensor/xadapt.hpp>
#include <xtensor/xarray.hpp>
#include <xtensor/xmanipulation.hpp>
#include <xtensor/xstrided_view.hpp>
#include <xtensor/xtensor.hpp>

static_assert(!std::is_constructible_v<quipu::Array, const xt::xarray<float> &>, "quipu::array() is the only way");

namespace {

template <class E>
void check(int line, const E &values) {
  std::vector<double> expected;
  for (auto at = values.template cbegin<xt::layout_type::row_major>();
       at != values.template cend<xt::layout_type::row_major>(); ++at) {
    expected.push_back(static_cast<double>(*at));
  }
  check_elements(__FILE__, line, quipu::array(values), expected);
}

}  // namespace

TEST(test_xtensor__containers_and_views_are_read_as_xtensor_reads_them) {
  xt::xarray<float> array = xt::reshape_view(xt::arange<float>(24), {2, 3, 4});
  check(__LINE__, array);
  xt::xtensor<double, 2, xt::layout_type::column_major> columns = xt::reshape_view(xt::arange<double>(6), {2, 3});
  check(__LINE__, columns);
  const auto part = xt::view(array, xt::all(), xt::range(1, 3), 2);
  check(__LINE__, part);
  const auto stepped = xt::strided_view(array, {xt::all(), xt::range(0, 3, 2), xt::range(3, 0, -1)});
  check(__LINE__, stepped);
  const auto turned = xt::transpose(array);
  check(__LINE__, turned);
  std::vector<std::uint8_t> memory = {1, 2, 3, 4, 5, 6};
  const auto adapted = xt::adapt(memory, {2, 3});
  check(__LINE__, adapted);
  xt::xarray<int> scalar(5);
  check(__LINE__, scalar);
}
