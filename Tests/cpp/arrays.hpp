// Compares the elements that the library reads through a view with those expected, in row-major order.
#ifndef ARRAYS_HPP
#define ARRAYS_HPP

#include "../c/harness.h"

#include <quipu.hpp>

// Up to 32 elements are logged as they are; more than these tests use would become a histogram.
inline void check_elements(const char *file, int line, const quipu::Array &array, const std::vector<double> &expected) {
  quipu::ArrayValue value;
  const quipu::Status made = quipu::ArrayValue::try_make(value, array);
  if (!made) {
    harness_fail(file, line, "refused: %s", made.message());
    return;
  }
  quipu_str json = {nullptr, 0};
  if (expected.size() > 32 || quipu_media_json(value.handle(), &json, nullptr) != QUIPU_OK) {
    harness_fail(file, line, "%zu elements cannot be read back", expected.size());
    return;
  }
  std::vector<double> found;
  for (const char *at = json.data; *at;) {
    char *end = nullptr;
    const bool is_true = std::strncmp(at, "true", 4) == 0, is_false = std::strncmp(at, "false", 5) == 0;
    const double number = std::strtod(at, &end);
    if (is_true || is_false) {
      found.push_back(is_true ? 1 : 0);
      at += is_true ? 4 : 5;
    } else if (end != at) {
      found.push_back(number);
      at = end;
    } else {
      at++;
    }
  }
  if (found != expected) harness_fail(file, line, "the view reads %s", json.data);
  quipu_text_free(json);
}

#endif
