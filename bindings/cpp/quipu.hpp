// Quipu for C++17: RAII over quipu.h, header only. No standard type crosses the library's border, so any compiler and
// standard library will do. quipu.h says what each call does, blocks on and refuses; this page says how it is spelled.
//
//   quipu::Run run({.project = "digits"});              // C++20 spelling; in C++17 fill a quipu::RunOptions
//   run.log({{"loss", 0.25}, {"sample", image}}, step);
//   run.finish();                                       // or let the destructor do it
//
// Every call that can fail has two forms. `try_x(...)` returns a Status that may not be ignored. `x(...)` throws
// quipu::Error; it is absent when exceptions are off. Arguments are copied before a call returns.
#ifndef QUIPU_HPP
#define QUIPU_HPP

#if !(__cplusplus >= 201703L || (defined(_MSVC_LANG) && _MSVC_LANG >= 201703L))
#error "quipu.hpp needs C++17; quipu.h alone serves C99 and C++11"
#endif

#include <quipu.h>

#include <array>
#include <charconv>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <functional>
#include <initializer_list>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
#define QUIPU_HAS_EXCEPTIONS 1
#else
#define QUIPU_HAS_EXCEPTIONS 0
#endif

// clang's -Wconsumed then finds the use of a moved-from object at compile time; elsewhere such a use is answered with
// QUIPU_ERROR_NULL at run time.
#if defined(__clang__)
#define QUIPU_CONSUMABLE [[clang::consumable(unconsumed)]]
#define QUIPU_LIVE [[clang::callable_when("unconsumed", "unknown")]]
// What a function made through a reference: clang does not follow it there.
#define QUIPU_MADE [[clang::return_typestate(unknown)]]
#else
#define QUIPU_CONSUMABLE
#define QUIPU_LIVE
#define QUIPU_MADE
#endif

namespace quipu {

// ---------------------------------------------------------------------------------------------------------------------
// Constants

inline constexpr std::int64_t auto_step = -1;  // QUIPU_STEP_AUTO without its C cast
inline constexpr std::int64_t wait_forever = QUIPU_WAIT_FOREVER;
// The longest that a destructor waits for the disk.
inline constexpr std::int64_t close_timeout_ms = 5000;

enum class Mode : std::int32_t {
  unset = QUIPU_MODE_DEFAULT,
  online = QUIPU_MODE_ONLINE,
  offline = QUIPU_MODE_OFFLINE,
  disabled = QUIPU_MODE_DISABLED,
  shared = QUIPU_MODE_SHARED
};
enum class Resume : std::int32_t {
  unset = QUIPU_RESUME_DEFAULT,
  allow = QUIPU_RESUME_ALLOW,
  must = QUIPU_RESUME_MUST,
  never = QUIPU_RESUME_NEVER,
  automatic = QUIPU_RESUME_AUTO
};
enum class LowSteps : std::int32_t { drop = QUIPU_LOW_STEPS_DROP, keep = QUIPU_LOW_STEPS_KEEP };
enum class Commit : std::int32_t { unset = QUIPU_COMMIT_DEFAULT, now = QUIPU_COMMIT_NOW, later = QUIPU_COMMIT_LATER };
enum class Toggle : std::int32_t { unset = QUIPU_TOGGLE_DEFAULT, on = QUIPU_TOGGLE_ON, off = QUIPU_TOGGLE_OFF };
enum class Policy : std::int32_t { live = QUIPU_POLICY_LIVE, now = QUIPU_POLICY_NOW, end = QUIPU_POLICY_END };
enum class Stream : std::int32_t {
  standard_output = QUIPU_STREAM_STDOUT,
  standard_error = QUIPU_STREAM_STDERR,
  lines = QUIPU_STREAM_LINES
};
enum class Level : std::int32_t {
  info = QUIPU_LEVEL_INFO,
  warning = QUIPU_LEVEL_WARNING,
  error = QUIPU_LEVEL_ERROR
};
enum class TableMode : std::int32_t {
  immutable = QUIPU_TABLE_IMMUTABLE,
  replaceable = QUIPU_TABLE_MUTABLE,
  incremental = QUIPU_TABLE_INCREMENTAL
};

// ---------------------------------------------------------------------------------------------------------------------
// Status and Error

#if QUIPU_HAS_EXCEPTIONS
// What the throwing forms throw. what() is one line that names the argument and the fix.
class Error : public std::runtime_error {
 public:
  Error(quipu_status code, const char *message, const char *kind)
      : std::runtime_error(message), kind_(kind), code_(code) {}

  quipu_status code() const noexcept { return code_; }
  // The constant's name, "QUIPU_ERROR_STEP".
  const char *name() const noexcept { return quipu_status_name(code_); }
  // A stable word, finer than the code; may be empty.
  const char *kind() const noexcept { return kind_.what(); }

 private:
  std::runtime_error kind_;  // for its text that copies without throwing
  quipu_status code_;
};
#endif

// The outcome of a call. Converts to true on success.
class [[nodiscard]] Status {
 public:
  Status() noexcept = default;
  Status(quipu_status code) noexcept : code_(code) {}  // NOLINT: as cheap as an int
  Status(quipu_status code, quipu_error *detail) noexcept : detail_(detail), code_(code) {}  // takes `detail`
  Status(quipu_status code, const char *fixed_text) noexcept : text_(fixed_text), code_(code) {}
  Status(Status &&other) noexcept
      : detail_(std::exchange(other.detail_, nullptr)), text_(other.text_), code_(other.code_) {}
  Status &operator=(Status &&other) noexcept {
    if (this != &other) {
      if (detail_) quipu_error_free(detail_);
      detail_ = std::exchange(other.detail_, nullptr);
      text_ = other.text_;
      code_ = other.code_;
    }
    return *this;
  }
  Status(const Status &) = delete;
  Status &operator=(const Status &) = delete;
  ~Status() {
    if (detail_) quipu_error_free(detail_);
  }

  bool ok() const noexcept { return code_ == QUIPU_OK; }
  explicit operator bool() const noexcept { return ok(); }
  quipu_status code() const noexcept { return code_; }
  const char *name() const noexcept { return quipu_status_name(code_); }
  // One line that names the argument and the fix where the call gave one, else the code's sentence.
  const char *message() const noexcept {
    if (detail_) return quipu_error_message(detail_);
    return text_ ? text_ : quipu_status_text(code_);
  }
  const char *kind() const noexcept { return quipu_error_kind(detail_); }

  // For the rare place where a failure does not matter.
  void ignore() const noexcept {}
#if QUIPU_HAS_EXCEPTIONS
  void or_throw() const {
    if (!ok()) throw Error(code_, message(), kind());
  }
#endif

 private:
  quipu_error *detail_ = nullptr;
  const char *text_ = nullptr;
  quipu_status code_ = QUIPU_OK;
};

// ---------------------------------------------------------------------------------------------------------------------
// Text in and out

// A NUL-terminated name, key, id or path for one call: borrows `const char *` and std::string, copies a string_view.
// Use it as a parameter only.
class Name {
 public:
  Name(const char *text) noexcept : text_(text) {}  // NOLINT: implicit on purpose, as are the next two
  Name(const std::string &text) : text_(checked(text, text.c_str())) {}
  Name(std::string_view text) : copy_(text) { text_ = checked(copy_, copy_.c_str()); }
  Name(std::nullptr_t) noexcept {}
  Name(const Name &) = delete;
  Name &operator=(const Name &) = delete;

  const char *c_str() const noexcept { return text_; }

 private:
  // A NUL inside would silently cut the name; a byte that is never UTF-8 makes the library refuse it instead.
  static const char *checked(const std::string &text, const char *pointer) noexcept {
    return text.find('\0') == std::string::npos ? pointer : "\xff";
  }

  std::string copy_;
  const char *text_ = nullptr;
};

namespace detail {

inline quipu_str str(std::string_view text) noexcept { return quipu_str{text.data(), text.size()}; }

// Moves text that a call returned into a std::string.
inline void take(quipu_str text, std::string &out) {
  struct Guard {
    quipu_str text;
    ~Guard() { quipu_text_free(text); }
  } guard{text};
  if (text.data) {
    out.assign(text.data, text.size);
  } else {
    out.clear();
  }
}

template <class T>
inline constexpr bool is_text =
    std::is_convertible_v<const T &, std::string_view> && !std::is_same_v<T, std::nullptr_t>;

template <class T, class = void>
struct is_list : std::false_type {};
template <class T>
struct is_list<T, std::void_t<decltype(std::begin(std::declval<const T &>())),
                              decltype(std::end(std::declval<const T &>())), typename T::value_type>>
    : std::bool_constant<!is_text<T>> {};
template <class T, class = void>
struct is_map : std::false_type {};
template <class T>
struct is_map<T, std::void_t<typename T::mapped_type>> : is_list<T> {};
// Containers whose elements need not lie one after the other: their adapters know how (quipu_eigen.hpp, ...).
template <class T, class = void>
struct has_strides : std::false_type {};
template <class T>
struct has_strides<T, std::void_t<decltype(std::declval<const T &>().strides())>> : std::true_type {};
template <class T, class = void>
struct has_inner_stride : std::false_type {};
template <class T>
struct has_inner_stride<T, std::void_t<decltype(std::declval<const T &>().innerStride())>> : std::true_type {};
template <class T>
using if_plain = std::enable_if_t<!has_strides<T>::value && !has_inner_stride<T>::value, int>;

template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};

inline void append_escaped(std::string &out, std::string_view text) {
  static constexpr char hex[] = "0123456789abcdef";
  out.push_back('"');
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte == '"' || byte == '\\') {
      out.push_back('\\');
      out.push_back(character);
    } else if (byte < 0x20) {
      out.append("\\u00");
      out.push_back(hex[byte >> 4]);
      out.push_back(hex[byte & 15]);
    } else {
      out.push_back(character);
    }
  }
  out.push_back('"');
}

inline void append_number(std::string &out, double value) {
  if (value != value) {
    out.append("NaN");
    return;
  }
  if (value > std::numeric_limits<double>::max() || value < std::numeric_limits<double>::lowest()) {
    out.append(value > 0 ? "Infinity" : "-Infinity");
    return;
  }
  char digits[40];
#if defined(__cpp_lib_to_chars)
  const auto result = std::to_chars(digits, digits + sizeof digits, value);
  std::string_view text(digits, static_cast<std::size_t>(result.ptr - digits));
#else
  const int length = std::snprintf(digits, sizeof digits, "%.17g", value);
  for (char &character : digits) {  // a locale may write a comma
    if (character == ',') character = '.';
  }
  std::string_view text(digits, static_cast<std::size_t>(length));
#endif
  out.append(text);
  if (text.find_first_of(".e") == std::string_view::npos) out.append(".0");  // stays a floating point number
}

}  // namespace detail

// ---------------------------------------------------------------------------------------------------------------------
// Arrays

// Half precision by its bits.
struct float16 {
  std::uint16_t bits;
};
struct bfloat16 {
  std::uint16_t bits;
};

// A borrowed range of elements.
template <class T>
class span {
 public:
  using value_type = std::remove_cv_t<T>;
  constexpr span() noexcept = default;
  constexpr span(T *data, std::size_t size) noexcept : data_(data), size_(size) {}
  // A vector, an array, another span: for the time of a call.
  template <class C, class = std::enable_if_t<
                         std::is_convertible_v<decltype(std::declval<const C &>().data()), T *> &&
                         std::is_convertible_v<decltype(std::declval<const C &>().size()), std::size_t>>>
  constexpr span(const C &items) noexcept : data_(items.data()), size_(items.size()) {}  // NOLINT: as in std
  constexpr T *data() const noexcept { return data_; }
  constexpr std::size_t size() const noexcept { return size_; }
  constexpr T *begin() const noexcept { return data_; }
  constexpr T *end() const noexcept { return data_ + size_; }

 private:
  T *data_ = nullptr;
  std::size_t size_ = 0;
};

template <class T>
constexpr quipu_dtype dtype_of() noexcept {
  if constexpr (std::is_same_v<T, bool>) return QUIPU_DTYPE_BOOL;
  else if constexpr (std::is_same_v<T, std::byte>) return QUIPU_DTYPE_UINT8;
  else if constexpr (std::is_same_v<T, float16>) return QUIPU_DTYPE_FLOAT16;
  else if constexpr (std::is_same_v<T, bfloat16>) return QUIPU_DTYPE_BFLOAT16;
  else if constexpr (std::is_same_v<T, float>) return QUIPU_DTYPE_FLOAT32;
  else if constexpr (std::is_same_v<T, double>) return QUIPU_DTYPE_FLOAT64;
  else if constexpr (std::is_same_v<T, std::complex<float>>) return QUIPU_DTYPE_COMPLEX64;
  else if constexpr (std::is_same_v<T, std::complex<double>>) return QUIPU_DTYPE_COMPLEX128;
  else if constexpr (std::is_integral_v<T>) {
    constexpr bool is_signed = std::is_signed_v<T>;
    if constexpr (sizeof(T) == 1) return is_signed ? QUIPU_DTYPE_INT8 : QUIPU_DTYPE_UINT8;
    else if constexpr (sizeof(T) == 2) return is_signed ? QUIPU_DTYPE_INT16 : QUIPU_DTYPE_UINT16;
    else if constexpr (sizeof(T) == 4) return is_signed ? QUIPU_DTYPE_INT32 : QUIPU_DTYPE_UINT32;
    else return is_signed ? QUIPU_DTYPE_INT64 : QUIPU_DTYPE_UINT64;
  } else {
    static_assert(!sizeof(T *), "no array element type of Quipu matches this C++ type");
    return 0;
  }
}

// A view of host memory that somebody else owns: shape in elements, strides in bytes, outermost axis first. A shape
// that does not fit its container, or has too many axes, is refused with QUIPU_ERROR_SHAPE by the call that reads it.
class Array {
 public:
  Array() noexcept {
    view_.dtype = QUIPU_DTYPE_FLOAT64;
    view_.ndim = -1;  // no array: refused with QUIPU_ERROR_SHAPE
  }

  template <class T>
  Array(const T *data, std::initializer_list<std::int64_t> shape) noexcept {
    set(data, dtype_of<T>(), shape.begin(), shape.size(), nullptr);
  }
  // A std::vector, std::array, span, std::span or anything else with data() and size(): one axis.
  template <class C, class T = std::remove_cv_t<std::remove_pointer_t<decltype(std::declval<const C &>().data())>>,
            detail::if_plain<C> = 0>
  Array(const C &elements) noexcept {  // NOLINT: implicit on purpose
    const auto count = static_cast<std::int64_t>(elements.size());
    set(elements.data(), dtype_of<T>(), &count, 1, nullptr);
  }
  // The same with a shape of your own; the product of the shape must be the number of elements.
  template <class C, class T = std::remove_cv_t<std::remove_pointer_t<decltype(std::declval<const C &>().data())>>,
            detail::if_plain<C> = 0>
  Array(const C &elements, std::initializer_list<std::int64_t> shape) noexcept {
    set(elements.data(), dtype_of<T>(), shape.begin(), shape.size(), nullptr);
    if (!holds(elements.size())) view_.ndim = -1;
  }
  // The view would outlive the memory: give the container a name.
  template <class T, class A>
  Array(std::vector<T, A> &&) = delete;
  template <class T, class A>
  Array(std::vector<T, A> &&, std::initializer_list<std::int64_t>) = delete;
  template <class T, std::size_t N>
  Array(std::array<T, N> &&) = delete;
  template <class T, std::size_t N>
  Array(std::array<T, N> &&, std::initializer_list<std::int64_t>) = delete;

  // C arrays of any rank: float pixels[28][28].
  template <class T, std::size_t N>
  Array(const T (&elements)[N]) noexcept {  // NOLINT: implicit on purpose
    using Element = std::remove_cv_t<std::remove_all_extents_t<T>>;
    constexpr std::size_t rank = 1 + std::rank_v<T>;
    std::int64_t shape[rank];
    extents<T[N]>(shape);
    set(&elements, dtype_of<Element>(), shape, rank, nullptr);
  }

  template <class T>
  static Array strided(const T *data, std::initializer_list<std::int64_t> shape,
                       std::initializer_list<std::int64_t> strides_bytes) noexcept {
    Array result;
    if (shape.size() == strides_bytes.size()) {
      result.set(data, dtype_of<T>(), shape.begin(), shape.size(), strides_bytes.begin());
    }
    return result;
  }
  // Everything by hand; `strides_bytes` may be null.
  static Array raw(const void *data, quipu_dtype dtype, const std::int64_t *shape, std::size_t axes,
                   const std::int64_t *strides_bytes, std::uint32_t flags = 0) noexcept {
    Array result;
    result.set(data, dtype, shape, axes, strides_bytes);
    result.view_.flags = flags;
    return result;
  }
  // A DLPack tensor; memory that is not on the host is refused with QUIPU_ERROR_DEVICE.
  static Status try_from_dlpack(Array &out, const DLTensor *tensor) {
    Array result;
    quipu_error *error = nullptr;
    const quipu_status code =
        quipu_array_from_dlpack(tensor, &result.view_, result.strides_, QUIPU_ARRAY_MAX_DIMENSIONS, &error);
    if (code == QUIPU_OK) {
      const auto axes = static_cast<std::size_t>(result.view_.ndim);
      for (std::size_t axis = 0; axis < axes; axis++) result.shape_[axis] = result.view_.shape[axis];
      result.has_strides_ = result.view_.strides != nullptr;
    }
    out = result;
    return Status(code, error);
  }
#if QUIPU_HAS_EXCEPTIONS
  static Array from_dlpack(const DLTensor *tensor) {
    Array result;
    try_from_dlpack(result, tensor).or_throw();
    return result;
  }
#endif

  quipu_array view() const noexcept {
    quipu_array result = view_;
    result.shape = shape_;
    result.strides = has_strides_ ? strides_ : nullptr;
    return result;
  }

 private:
  template <class T>
  static void extents(std::int64_t *shape) noexcept {
    if constexpr (std::rank_v<T> > 0) {
      *shape = static_cast<std::int64_t>(std::extent_v<T>);
      extents<std::remove_extent_t<T>>(shape + 1);
    }
  }

  void set(const void *data, quipu_dtype dtype, const std::int64_t *shape, std::size_t axes,
           const std::int64_t *strides_bytes) noexcept {
    view_.data = data;
    view_.dtype = dtype;
    view_.ndim = -1;
    if (axes > QUIPU_ARRAY_MAX_DIMENSIONS || (axes > 0 && !shape)) return;
    view_.ndim = static_cast<std::int32_t>(axes);
    for (std::size_t axis = 0; axis < axes; axis++) {
      shape_[axis] = shape[axis];
      if (strides_bytes) strides_[axis] = strides_bytes[axis];
    }
    has_strides_ = strides_bytes != nullptr;
  }

  bool holds(std::size_t count) const noexcept {
    std::uint64_t rest = count;
    bool empty = false;
    for (std::int32_t axis = 0; axis < view_.ndim; axis++) {
      const std::int64_t extent = shape_[axis];
      if (extent < 0) return true;  // the library says what is wrong with it
      if (extent == 0) empty = true;
      else if (rest % static_cast<std::uint64_t>(extent) != 0) return false;
      else rest /= static_cast<std::uint64_t>(extent);
    }
    return empty ? count == 0 : rest == 1;
  }

  quipu_array view_{};
  std::int64_t shape_[QUIPU_ARRAY_MAX_DIMENSIONS] = {};
  std::int64_t strides_[QUIPU_ARRAY_MAX_DIMENSIONS] = {};
  bool has_strides_ = false;
};

#if QUIPU_HAS_EXCEPTIONS
// The view of another library's array. quipu_eigen.hpp, quipu_torch.hpp and quipu_xtensor.hpp bring their overloads.
inline Array array(const DLTensor *tensor) { return Array::from_dlpack(tensor); }
#endif

// ---------------------------------------------------------------------------------------------------------------------
// Media

class Item;
class Json;

// A value that is more than a number. Owns its handle; may be logged any number of times and destroyed at any time.
class QUIPU_CONSUMABLE Media {
 public:
  Media() noexcept = default;
  explicit Media(quipu_media *handle) noexcept : handle_(handle) {}  // takes it
  Media(Media &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Media &operator=(Media &&other) noexcept {
    if (this != &other) {
      quipu_media_free(handle_);
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  Media(const Media &) = delete;
  Media &operator=(const Media &) = delete;
  ~Media() { quipu_media_free(handle_); }

  quipu_media *handle() const noexcept { return handle_; }

  // What a row holds for a value without a file (histogram, array), as JSON.
  QUIPU_LIVE Status try_json(std::string &out) const {
    quipu_str text = {nullptr, 0};
    quipu_error *error = nullptr;
    const quipu_status code = quipu_media_json(handle_, &text, &error);
    Status status(code, error);
    detail::take(text, out);
    return status;
  }
#if QUIPU_HAS_EXCEPTIONS
  QUIPU_LIVE std::string json() const {
    std::string result;
    try_json(result).or_throw();
    return result;
  }
#endif

 protected:
  // Runs `make(&handle, &error)` and keeps what it made.
  template <class F>
  Status adopt(F &&make) {
    quipu_media *made = nullptr;
    quipu_error *error = nullptr;
    const quipu_status code = make(&made, &error);
    quipu_media_free(std::exchange(handle_, made));
    return Status(code, error);
  }

  quipu_media *handle_ = nullptr;
};

struct ImageOptions {
  std::optional<std::string> mode{};       // "L", "LA", "RGB", "RGBA", "1", "I;16"
  std::optional<std::string> caption{};
  std::optional<std::string> file_type{};  // "png", "jpg", "jpeg" or "bmp"
  std::int64_t grouping = 0;
  bool channels_first = false;
  bool raw_values = false;  // the low 8 bits of each value instead of scaling and clipping
  int bit_depth = 0;        // of a PNG: 8 (0) or 16
  int quality = 0;          // of a JPEG: 1..100, 0 for 75
  bool any_layers = false;  // masks of another size and boxes outside the image are taken as they are
};

namespace detail {
inline const char *text_or_null(const std::optional<std::string> &text) noexcept {
  if (!text) return nullptr;
  return text->find('\0') == std::string::npos ? text->c_str() : "\xff";
}
inline quipu_image_options image_options(const ImageOptions &options) noexcept {
  quipu_image_options result = {};
  result.struct_size = sizeof result;
  result.channels_first = options.channels_first ? 1 : 0;
  result.mode = text_or_null(options.mode);
  result.caption = text_or_null(options.caption);
  result.file_type = text_or_null(options.file_type);
  result.grouping = options.grouping;
  result.raw_values = options.raw_values ? 1 : 0;
  result.bit_depth = options.bit_depth;
  result.quality = options.quality;
  result.any_layers = options.any_layers ? 1 : 0;
  return result;
}
}  // namespace detail

// Names of classes, shared by masks, boxes and images.
class Classes : public Media {
 public:
  Classes() noexcept = default;
  static Status try_make(Classes &out, const std::vector<std::pair<std::int64_t, std::string>> &classes) {
    std::vector<quipu_class> plain;
    for (const auto &item : classes) plain.push_back({item.first, item.second.c_str()});
    return out.adopt([&](quipu_media **made, quipu_error **e) {
      return quipu_classes_new(plain.data(), plain.size(), made, e);
    });
  }
  // [{"id": 1, "name": "road"}, ...] or {"1": "road"}.
  static Status try_from_json(Classes &out, std::string_view json) {
    return out.adopt([&](quipu_media **made, quipu_error **e) {
      return quipu_classes_from_json(detail::str(json), made, e);
    });
  }
#if QUIPU_HAS_EXCEPTIONS
  explicit Classes(const std::vector<std::pair<std::int64_t, std::string>> &classes) {
    try_make(*this, classes).or_throw();
  }
  static Classes from_json(std::string_view json) {
    Classes result;
    try_from_json(result, json).or_throw();
    return result;
  }
#endif
};

// What lies over an image: a mask or boxes. It may be added to any number of images.
class Mask : public Media {
 public:
  Mask() noexcept = default;
  // Class numbers [height, width], 0..255. Without classes each number that occurs is called "class_N".
  static Status try_make(Mask &out, const Array &numbers, const Classes *classes = nullptr) {
    const quipu_array view = numbers.view();
    return out.adopt([&](quipu_media **made, quipu_error **e) {
      return quipu_mask_new(&view, classes ? classes->handle() : nullptr, nullptr, made, e);
    });
  }
  // A picture file, copied unchanged.
  static Status try_open(Mask &out, const Name &path) {
    return out.adopt([&](quipu_media **made, quipu_error **e) { return quipu_mask_open(path.c_str(), made, e); });
  }
#if QUIPU_HAS_EXCEPTIONS
  explicit Mask(const Array &numbers, const Classes *classes = nullptr) {
    try_make(*this, numbers, classes).or_throw();
  }
  static Mask open(const Name &path) {
    Mask result;
    try_open(result, path).or_throw();
    return result;
  }
#endif
};

enum class BoxLayout : quipu_box_layout {
  corners = QUIPU_BOX_CORNERS,                   // left, top, right, bottom
  corner_and_size = QUIPU_BOX_CORNER_AND_SIZE,   // left, top, width, height
  middle_and_size = QUIPU_BOX_MIDDLE_AND_SIZE    // middle x, middle y, width, height
};

struct BoxesOptions {
  BoxLayout layout = BoxLayout::corners;
  bool in_pixels = false;             // else fractions of the image
  const Array *class_ids = nullptr;   // [n] integers
  const Array *scores = nullptr;      // [n] or [n, score_names.size()]
  std::vector<std::string> score_names{};  // default: "score"
  std::vector<std::string> captions{};     // one for each box, or none
  const Classes *classes = nullptr;   // default: "class_N"
};

class Boxes : public Media {
 public:
  Boxes() noexcept = default;
  // Boxes [n, 4].
  static Status try_make(Boxes &out, const Array &boxes, const BoxesOptions &options = {}) {
    const quipu_array view = boxes.view();
    const quipu_array ids = options.class_ids ? options.class_ids->view() : quipu_array{};
    const quipu_array scores = options.scores ? options.scores->view() : quipu_array{};
    std::vector<const char *> names, captions;
    for (const std::string &name : options.score_names) names.push_back(name.c_str());
    for (const std::string &caption : options.captions) captions.push_back(caption.c_str());
    if (!captions.empty() && (view.ndim < 1 || view.shape[0] != static_cast<std::int64_t>(captions.size())))
      captions.assign(1, nullptr);  // refused, and not read beyond
    quipu_boxes_options plain = QUIPU_BOXES_OPTIONS_INIT;
    plain.layout = static_cast<quipu_box_layout>(options.layout);
    plain.in_pixels = options.in_pixels ? 1 : 0;
    plain.class_ids = options.class_ids ? &ids : nullptr;
    plain.scores = options.scores ? &scores : nullptr;
    plain.score_names = names.data();
    plain.score_count = static_cast<std::uint32_t>(names.size());
    plain.captions = captions.empty() ? nullptr : captions.data();
    plain.classes = options.classes ? options.classes->handle() : nullptr;
    return out.adopt([&](quipu_media **made, quipu_error **e) { return quipu_boxes_new(&view, &plain, made, e); });
  }
  // {"box_data": [...], "class_labels": {...}}
  static Status try_from_json(Boxes &out, std::string_view json) {
    return out.adopt([&](quipu_media **made, quipu_error **e) {
      return quipu_boxes_from_json(detail::str(json), nullptr, made, e);
    });
  }
#if QUIPU_HAS_EXCEPTIONS
  explicit Boxes(const Array &boxes, const BoxesOptions &options = {}) { try_make(*this, boxes, options).or_throw(); }
  static Boxes from_json(std::string_view json) {
    Boxes result;
    try_from_json(result, json).or_throw();
    return result;
  }
#endif
};

class Image : public Media {
 public:
  Image() noexcept = default;
  // Pixels [height, width] or [height, width, channels]: floats in 0..1 are scaled, other values clipped to 0..255.
  static Status try_make(Image &out, const Array &pixels, const ImageOptions &options = {}) {
    const quipu_array view = pixels.view();
    const quipu_image_options plain = detail::image_options(options);
    return out.adopt([&](quipu_media **made, quipu_error **e) { return quipu_image_new(&view, &plain, made, e); });
  }
  // A PNG, JPEG, GIF, BMP, WebP or TIFF file, copied unchanged.
  static Status try_open(Image &out, const Name &path, const ImageOptions &options = {}) {
    const quipu_image_options plain = detail::image_options(options);
    return out.adopt(
        [&](quipu_media **made, quipu_error **e) { return quipu_image_open(path.c_str(), &plain, made, e); });
  }
  // The bytes of such a file.
  static Status try_from_bytes(Image &out, const void *data, std::size_t size, const ImageOptions &options = {}) {
    const quipu_image_options plain = detail::image_options(options);
    return out.adopt(
        [&](quipu_media **made, quipu_error **e) { return quipu_image_from_bytes(data, size, &plain, made, e); });
  }
  // Another image with the same picture and caption, without what was added.
  static Status try_copy(Image &out, const Image &other) {
    return out.adopt([&](quipu_media **made, quipu_error **e) {
      return quipu_image_copy(other.handle(), nullptr, made, e);
    });
  }
  // Lays a mask or boxes over the image, before it is logged.
  Status try_add(const Name &name, const Mask &mask) { return add_layer(name.c_str(), mask); }
  Status try_add(const Name &name, const Boxes &boxes) { return add_layer(name.c_str(), boxes); }
  Status try_set_classes(const Classes &classes) { return add_layer(nullptr, classes); }
#if QUIPU_HAS_EXCEPTIONS
  explicit Image(const Array &pixels, const ImageOptions &options = {}) { try_make(*this, pixels, options).or_throw(); }
  static Image open(const Name &path, const ImageOptions &options = {}) {
    Image result;
    try_open(result, path, options).or_throw();
    return result;
  }
  static Image from_bytes(const void *data, std::size_t size, const ImageOptions &options = {}) {
    Image result;
    try_from_bytes(result, data, size, options).or_throw();
    return result;
  }
  Image copy() const {
    Image result;
    try_copy(result, *this).or_throw();
    return result;
  }
  void add(const Name &name, const Mask &mask) { try_add(name, mask).or_throw(); }
  void add(const Name &name, const Boxes &boxes) { try_add(name, boxes).or_throw(); }
  void set_classes(const Classes &classes) { try_set_classes(classes).or_throw(); }
#endif

 private:
  Status add_layer(const char *name, const Media &layer) {
    quipu_error *error = nullptr;
    const quipu_status code = quipu_image_add(handle_, name, layer.handle(), &error);
    return Status(code, error);
  }
};

// Images of one size from one array [n, height, width] or [n, height, width, channels], logged as a list.
class ImageBatch : public Media {
 public:
  ImageBatch() noexcept = default;
  // captions: one for each, or none.
  static Status try_make(ImageBatch &out, const Array &pixels, const ImageOptions &options = {},
                         const std::vector<std::string> &captions = {}) {
    const quipu_array view = pixels.view();
    const quipu_image_options plain = detail::image_options(options);
    std::vector<const char *> texts;
    for (const std::string &caption : captions) texts.push_back(caption.c_str());
    if (!texts.empty() && (view.ndim < 1 || view.shape[0] != static_cast<std::int64_t>(texts.size())))
      texts.assign(1, nullptr);  // refused, and not read beyond
    return out.adopt([&](quipu_media **made, quipu_error **e) {
      return quipu_images_new(&view, texts.empty() ? nullptr : texts.data(), &plain, made, e);
    });
  }
#if QUIPU_HAS_EXCEPTIONS
  explicit ImageBatch(const Array &pixels, const ImageOptions &options = {},
                      const std::vector<std::string> &captions = {}) {
    try_make(*this, pixels, options, captions).or_throw();
  }
#endif
};

// An outer limit of a histogram's range. A C++ number is plain: it adapts to the data, as a Python number does.
// `Limit::typed(x)` brings its type and promotes the data, as a NumPy scalar does.
class Limit {
 public:
  template <class T, std::enable_if_t<std::is_arithmetic_v<T>, int> = 0>
  constexpr Limit(T value) noexcept : Limit(value, 0) {}  // NOLINT: implicit on purpose
  template <class T, std::enable_if_t<std::is_arithmetic_v<T>, int> = 0>
  static constexpr Limit typed(T value) noexcept {
    return Limit(value, dtype_of<T>());
  }
  constexpr quipu_limit plain() const noexcept { return limit_; }

 private:
  template <class T>
  constexpr Limit(T value, quipu_dtype dtype) noexcept
      : limit_{dtype, std::is_integral_v<T> ? 1u : 0u, std::is_integral_v<T> ? static_cast<std::int64_t>(value) : 0,
               std::is_integral_v<T> ? 0.0 : static_cast<double>(value)} {}

  quipu_limit limit_;
};

// At most one of bins, estimator and edges; none: 64 bins.
struct HistogramOptions {
  std::int64_t bins = 0;
  std::optional<std::string> estimator{};  // "auto", "fd", "doane", "scott", "stone", "rice", "sturges", "sqrt"
  std::optional<Array> edges{};
  std::optional<std::array<Limit, 2>> range{};
  std::optional<Array> weights{};
  bool density = false;
  bool skip_nonfinite = false;
};

namespace detail {

template <class F>
auto with_histogram_options(const HistogramOptions &options, F &&call) {
  quipu_histogram_options plain = {};
  plain.struct_size = sizeof plain;
  plain.bins = options.bins;
  plain.estimator = options.estimator ? Name(*options.estimator).c_str() : nullptr;
  plain.density = options.density ? 1 : 0;
  plain.skip_nonfinite = options.skip_nonfinite ? 1 : 0;
  quipu_array edges = {}, weights = {};
  if (options.edges) {
    edges = options.edges->view();
    plain.edges = &edges;
  }
  if (options.weights) {
    weights = options.weights->view();
    plain.weights = &weights;
  }
  quipu_limit range[2] = {};
  if (options.range) {
    range[0] = (*options.range)[0].plain();
    range[1] = (*options.range)[1].plain();
    plain.range = range;
  }
  return call(&plain);
}

}  // namespace detail

// What np.histogram returns. `counts<T>()` and `edges<T>()` are the numbers themselves; a span without data if they are
// of another type: counts are std::int64_t, of the weights' type, or double with density; edges float for float data.
class HistogramResult {
 public:
  HistogramResult() noexcept = default;
  explicit HistogramResult(const quipu_histogram_result *handle) noexcept : handle_(handle) {}  // takes it
  HistogramResult(HistogramResult &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  HistogramResult &operator=(HistogramResult &&other) noexcept {
    if (this != &other) {
      quipu_histogram_result_free(handle_);
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  HistogramResult(const HistogramResult &) = delete;
  HistogramResult &operator=(const HistogramResult &) = delete;
  ~HistogramResult() { quipu_histogram_result_free(handle_); }

  template <class T = std::int64_t>
  span<const T> counts() const noexcept {
    return handle_ ? numbers<T>(handle_->counts) : span<const T>();
  }
  template <class T = double>
  span<const T> edges() const noexcept {
    return handle_ ? numbers<T>(handle_->edges) : span<const T>();
  }
  std::int64_t skipped() const noexcept { return handle_ ? handle_->skipped : 0; }
  const quipu_histogram_result *handle() const noexcept { return handle_; }

 private:
  template <class T>
  static span<const T> numbers(const quipu_array &array) noexcept {
    if (array.dtype != dtype_of<T>()) return {};
    return {static_cast<const T *>(array.data), static_cast<std::size_t>(array.shape[0])};
  }

  const quipu_histogram_result *handle_ = nullptr;
};

// np.histogram by itself.
inline Status try_histogram(HistogramResult &out, const Array &values, const HistogramOptions &options = {}) {
  const quipu_array view = values.view();
  const quipu_histogram_result *made = nullptr;
  quipu_error *error = nullptr;
  const quipu_status code = detail::with_histogram_options(options, [&](const quipu_histogram_options *plain) {
    return quipu_histogram_compute(&view, plain, &made, &error);
  });
  out = HistogramResult(made);
  return Status(code, error);
}
#if QUIPU_HAS_EXCEPTIONS
inline HistogramResult histogram(const Array &values, const HistogramOptions &options = {}) {
  HistogramResult result;
  try_histogram(result, values, options).or_throw();
  return result;
}
#endif

class Histogram : public Media {
 public:
  Histogram() noexcept = default;
  static Status try_make(Histogram &out, const Array &values, const HistogramOptions &options) {
    const quipu_array view = values.view();
    return out.adopt([&](quipu_media **made, quipu_error **e) {
      return detail::with_histogram_options(options, [&](const quipu_histogram_options *plain) {
        return quipu_histogram_new(&view, plain, made, e);
      });
    });
  }
  // bins: 1..512, 0 for 64.
  static Status try_make(Histogram &out, const Array &values, std::int64_t bins = 0) {
    HistogramOptions options;
    options.bins = bins;
    return try_make(out, values, options);
  }
  static Status try_from_counts(Histogram &out, const Array &counts, const Array &edges) {
    const quipu_array c = counts.view();
    const quipu_array d = edges.view();
    return out.adopt([&](quipu_media **made, quipu_error **e) { return quipu_histogram_from_counts(&c, &d, made, e); });
  }
  static Status try_from_json(Histogram &out, std::string_view json) {
    return out.adopt(
        [&](quipu_media **made, quipu_error **e) { return quipu_histogram_from_json(detail::str(json), made, e); });
  }
#if QUIPU_HAS_EXCEPTIONS
  explicit Histogram(const Array &values, std::int64_t bins = 0) { try_make(*this, values, bins).or_throw(); }
  Histogram(const Array &values, const HistogramOptions &options) { try_make(*this, values, options).or_throw(); }
  static Histogram from_counts(const Array &counts, const Array &edges) {
    Histogram result;
    try_from_counts(result, counts, edges).or_throw();
    return result;
  }
  static Histogram from_json(std::string_view json) {
    Histogram result;
    try_from_json(result, json).or_throw();
    return result;
  }
#endif
};

// An array as a plain value: one element a number, up to 32 a list, more a histogram of 32 bins.
class ArrayValue : public Media {
 public:
  ArrayValue() noexcept = default;
  static Status try_make(ArrayValue &out, const Array &values) {
    const quipu_array view = values.view();
    return out.adopt([&](quipu_media **made, quipu_error **e) { return quipu_array_value_new(&view, made, e); });
  }
#if QUIPU_HAS_EXCEPTIONS
  explicit ArrayValue(const Array &values) { try_make(*this, values).or_throw(); }
#endif
};

// An array as a summary keeps it: up to 32 elements as above, more as statistics.
class ArrayStatistics : public Media {
 public:
  ArrayStatistics() noexcept = default;
  static Status try_make(ArrayStatistics &out, const Array &values, const Name &type_name = nullptr) {
    const quipu_array view = values.view();
    return out.adopt([&](quipu_media **made, quipu_error **e) {
      return quipu_array_statistics_new(&view, type_name.c_str(), made, e);
    });
  }
#if QUIPU_HAS_EXCEPTIONS
  explicit ArrayStatistics(const Array &values, const Name &type_name = nullptr) {
    try_make(*this, values, type_name).or_throw();
  }
#endif
};

// Points [n, 3] x y z, [n, 4] x y z category, or [n, 6] x y z r g b.
class PointCloud : public Media {
 public:
  PointCloud() noexcept = default;
  static Status try_make(PointCloud &out, const Array &points, const Name &caption = nullptr) {
    const quipu_array view = points.view();
    return out.adopt(
        [&](quipu_media **made, quipu_error **e) { return quipu_point_cloud_new(&view, caption.c_str(), made, e); });
  }
#if QUIPU_HAS_EXCEPTIONS
  explicit PointCloud(const Array &points, const Name &caption = nullptr) {
    try_make(*this, points, caption).or_throw();
  }
#endif
};

// A box of a scene; without a turn its corners are filled in by hand, with one by `turn`.
struct Box3D {
  std::array<std::array<double, 3>, 8> corners{};
  std::array<std::uint8_t, 3> color{};  // red, green, blue
  std::string label;                    // empty: none
  std::optional<double> score;

  // The corners of a box around a centre. orientation: a quaternion, real part first.
  Status turn(const std::array<double, 3> &center, const std::array<double, 3> &size,
              const std::array<double, 4> &orientation = {1, 0, 0, 0}) {
    quipu_box3d box{};
    quipu_error *error = nullptr;
    const quipu_status status = quipu_box3d_turn(center.data(), size.data(), orientation.data(), &box, &error);
    if (status == QUIPU_OK) {
      for (std::size_t at = 0; at < 24; at++) corners[at / 3][at % 3] = box.corners[at];
    }
    return Status(status, error);
  }
};

// An arrow of a scene.
struct Vector3D {
  std::array<double, 3> start{};
  std::array<double, 3> end{};
};

// Points with boxes and arrows; points as for a point cloud.
class Scene : public Media {
 public:
  Scene() noexcept = default;
  static Status try_make(Scene &out, const Array *points, span<const Box3D> boxes = {},
                         span<const Vector3D> vectors = {}, const Name &caption = nullptr) {
    quipu_scene_options options = QUIPU_SCENE_OPTIONS_INIT;
    quipu_array view{};
    if (points) {
      view = points->view();
      options.points = &view;
    }
    std::vector<quipu_box3d> plain;
    plain.reserve(boxes.size());
    for (const Box3D &box : boxes) {
      quipu_box3d one{};
      for (std::size_t at = 0; at < 24; at++) one.corners[at] = box.corners[at / 3][at % 3];
      for (std::size_t at = 0; at < 3; at++) one.color[at] = box.color[at];
      one.label = box.label.empty() ? nullptr : box.label.c_str();
      one.has_score = box.score ? 1 : 0;
      one.score = box.score.value_or(0);
      plain.push_back(one);
    }
    std::vector<double> ends;
    ends.reserve(vectors.size() * 6);
    for (const Vector3D &vector : vectors) {
      ends.insert(ends.end(), vector.start.begin(), vector.start.end());
      ends.insert(ends.end(), vector.end.begin(), vector.end.end());
    }
    options.boxes = plain.data();
    options.box_count = plain.size();
    options.vectors = ends.data();
    options.vector_count = vectors.size();
    options.caption = caption.c_str();
    return out.adopt([&](quipu_media **made, quipu_error **e) { return quipu_scene_new(&options, made, e); });
  }
#if QUIPU_HAS_EXCEPTIONS
  explicit Scene(const Array &points, span<const Box3D> boxes = {}, span<const Vector3D> vectors = {},
                 const Name &caption = nullptr) {
    try_make(*this, &points, boxes, vectors, caption).or_throw();
  }
#endif
};

// A 3-D model: obj, gltf, glb, babylon, stl, or points and scenes as JSON (pts.json).
class Object3D : public Media {
 public:
  Object3D() noexcept = default;
  static Status try_from_text(Object3D &out, std::string_view text, const Name &file_type,
                              const Name &caption = nullptr) {
    return out.adopt([&](quipu_media **made, quipu_error **e) {
      return quipu_object3d_from_text(detail::str(text), file_type.c_str(), caption.c_str(), made, e);
    });
  }
  static Status try_open(Object3D &out, const Name &path, const Name &caption = nullptr) {
    return out.adopt([&](quipu_media **made, quipu_error **e) {
      return quipu_object3d_open(path.c_str(), caption.c_str(), made, e);
    });
  }
#if QUIPU_HAS_EXCEPTIONS
  static Object3D from_text(std::string_view text, const Name &file_type, const Name &caption = nullptr) {
    Object3D result;
    try_from_text(result, text, file_type, caption).or_throw();
    return result;
  }
  static Object3D open(const Name &path, const Name &caption = nullptr) {
    Object3D result;
    try_open(result, path, caption).or_throw();
    return result;
  }
#endif
};

// A page. inject: links open in a new tab, the page gets W&B's style.
class Html : public Media {
 public:
  Html() noexcept = default;
  static Status try_make(Html &out, std::string_view page, bool inject = true) {
    return out.adopt(
        [&](quipu_media **made, quipu_error **e) {
          return quipu_html_new(detail::str(page), toggle(inject), made, e);
        });
  }
  static Status try_open(Html &out, const Name &path, bool inject = true) {
    return out.adopt(
        [&](quipu_media **made, quipu_error **e) { return quipu_html_open(path.c_str(), toggle(inject), made, e); });
  }
#if QUIPU_HAS_EXCEPTIONS
  explicit Html(std::string_view page, bool inject = true) { try_make(*this, page, inject).or_throw(); }
  static Html open(const Name &path, bool inject = true) {
    Html result;
    try_open(result, path, inject).or_throw();
    return result;
  }
#endif

 private:
  static quipu_toggle toggle(bool on) noexcept { return on ? QUIPU_TOGGLE_ON : QUIPU_TOGGLE_OFF; }
};

// A molecule: pdb, pqr, mmcif, mcif, cif, sdf, sd, gro, mol2 or mmtf.
class Molecule : public Media {
 public:
  Molecule() noexcept = default;
  static Status try_from_text(Molecule &out, std::string_view text, const Name &file_type,
                              const Name &caption = nullptr) {
    return out.adopt([&](quipu_media **made, quipu_error **e) {
      return quipu_molecule_from_text(detail::str(text), file_type.c_str(), caption.c_str(), made, e);
    });
  }
  static Status try_open(Molecule &out, const Name &path, const Name &caption = nullptr) {
    return out.adopt([&](quipu_media **made, quipu_error **e) {
      return quipu_molecule_open(path.c_str(), caption.c_str(), made, e);
    });
  }
  // Whether a text is a SMILES by its grammar.
  static Status check_smiles(std::string_view smiles) {
    quipu_error *error = nullptr;
    const quipu_status status = quipu_molecule_check_smiles(detail::str(smiles), &error);
    return Status(status, error);
  }
#if QUIPU_HAS_EXCEPTIONS
  static Molecule from_text(std::string_view text, const Name &file_type, const Name &caption = nullptr) {
    Molecule result;
    try_from_text(result, text, file_type, caption).or_throw();
    return result;
  }
  static Molecule open(const Name &path, const Name &caption = nullptr) {
    Molecule result;
    try_open(result, path, caption).or_throw();
    return result;
  }
#endif
};

// A recording. Samples [n] or [n, channels]: floats from -1 to 1, or integers over their whole range.
class Audio : public Media {
 public:
  Audio() noexcept = default;
  // sample_rate: Hz.
  static Status try_make(Audio &out, const Array &samples, std::int64_t sample_rate, const Name &caption = nullptr) {
    const quipu_array view = samples.view();
    return out.adopt([&](quipu_media **made, quipu_error **e) {
      return quipu_audio_new(&view, sample_rate, caption.c_str(), made, e);
    });
  }
  static Status try_open(Audio &out, const Name &path, const Name &caption = nullptr) {
    return out.adopt([&](quipu_media **made, quipu_error **e) {
      return quipu_audio_open(path.c_str(), caption.c_str(), made, e);
    });
  }
  // format: the extension the file gets, such as "flac".
  static Status try_from_bytes(Audio &out, std::string_view content, const Name &format,
                               const Name &caption = nullptr) {
    return out.adopt([&](quipu_media **made, quipu_error **e) {
      return quipu_audio_from_bytes(detail::str(content), format.c_str(), caption.c_str(), made, e);
    });
  }
#if QUIPU_HAS_EXCEPTIONS
  Audio(const Array &samples, std::int64_t sample_rate, const Name &caption = nullptr) {
    try_make(*this, samples, sample_rate, caption).or_throw();
  }
  static Audio open(const Name &path, const Name &caption = nullptr) {
    Audio result;
    try_open(result, path, caption).or_throw();
    return result;
  }
  static Audio from_bytes(std::string_view content, const Name &format, const Name &caption = nullptr) {
    Audio result;
    try_from_bytes(result, content, format, caption).or_throw();
    return result;
  }
#endif
};

struct VideoOptions {
  std::optional<std::string> format{};  // "gif" (default), "mp4", "webm", "ogg"
  double fps = 0;                       // frames per second; 0: 4
  std::optional<std::string> caption{};
  bool channels_last = false;           // axes are [time, height, width, channel]
};

// A video. Frames [time, channel, height, width] or [batch, time, channel, height, width], values 0..255.
class Video : public Media {
 public:
  Video() noexcept = default;
  static Status try_make(Video &out, const Array &frames, const VideoOptions &options = {}) {
    const quipu_array view = frames.view();
    quipu_video_options plain = QUIPU_VIDEO_OPTIONS_INIT;
    plain.channels_last = options.channels_last ? 1 : 0;
    plain.fps = options.fps;
    plain.format = detail::text_or_null(options.format);
    plain.caption = detail::text_or_null(options.caption);
    return out.adopt([&](quipu_media **made, quipu_error **e) { return quipu_video_new(&view, &plain, made, e); });
  }
  // A gif, mp4, webm or ogg file, copied unchanged.
  static Status try_open(Video &out, const Name &path, const Name &caption = nullptr) {
    return out.adopt([&](quipu_media **made, quipu_error **e) {
      return quipu_video_open(path.c_str(), caption.c_str(), made, e);
    });
  }
  static Status try_from_bytes(Video &out, std::string_view content, const Name &format,
                               const Name &caption = nullptr) {
    return out.adopt([&](quipu_media **made, quipu_error **e) {
      return quipu_video_from_bytes(detail::str(content), format.c_str(), caption.c_str(), made, e);
    });
  }
#if QUIPU_HAS_EXCEPTIONS
  explicit Video(const Array &frames, const VideoOptions &options = {}) { try_make(*this, frames, options).or_throw(); }
  static Video open(const Name &path, const Name &caption = nullptr) {
    Video result;
    try_open(result, path, caption).or_throw();
    return result;
  }
  static Video from_bytes(std::string_view content, const Name &format, const Name &caption = nullptr) {
    Video result;
    try_from_bytes(result, content, format, caption).or_throw();
    return result;
  }
#endif
};

// Several media as one value.
class MediaList : public Media {
 public:
  MediaList() noexcept = default;
  static Status try_make(MediaList &out, span<const Media *const> items) {
    std::vector<quipu_media *> handles;
    handles.reserve(items.size());
    for (const Media *item : items) handles.push_back(item ? item->handle() : nullptr);
    return try_make_handles(out, handles);
  }
  template <class M>
  static Status try_make(MediaList &out, const std::vector<M> &items) {
    static_assert(std::is_base_of_v<Media, M>, "a media list holds media");
    std::vector<quipu_media *> handles;
    handles.reserve(items.size());
    for (const M &item : items) handles.push_back(item.handle());
    return try_make_handles(out, handles);
  }
#if QUIPU_HAS_EXCEPTIONS
  explicit MediaList(std::initializer_list<const Media *> items) {
    try_make(*this, span<const Media *const>(items.begin(), items.size())).or_throw();
  }
  template <class M>
  explicit MediaList(const std::vector<M> &items) {
    try_make(*this, items).or_throw();
  }
#endif

 private:
  static Status try_make_handles(MediaList &out, const std::vector<quipu_media *> &handles) {
    return out.adopt([&](quipu_media **made, quipu_error **e) {
      return quipu_media_list_new(handles.data(), handles.size(), made, e);
    });
  }
};

// ---------------------------------------------------------------------------------------------------------------------
// JSON values and items

// A JSON value, built from numbers, texts, lists, maps, optionals and media. Media are borrowed: they must live until
// the call that takes the value has returned.
class Json {
 public:
  Json() : text_("null") {}
  Json(std::nullptr_t) : text_("null") {}  // NOLINT: implicit on purpose, as is the next
  template <class T, class D = std::decay_t<T>,
            std::enable_if_t<!std::is_same_v<D, Json> && !std::is_same_v<D, Item> && !std::is_null_pointer_v<D>,
                             int> = 0>
  Json(const T &value) {
    append(value);
  }

  // {"key": value, ...}; a value may again be such a list.
  static Json object(std::initializer_list<Item> members);
  // [value, ...]
  static Json list(std::initializer_list<Json> elements) {
    Json result{Empty()};
    result.append_list(elements);
    return result;
  }
  // JSON that you have already.
  static Json raw(std::string text) {
    Json result{Empty()};
    result.text_ = std::move(text);
    return result;
  }

  // The text; media stand in it as {"$quipu": i}, where i counts in media().
  std::string text() const {
    if (media_.empty()) return text_;
    std::string result;
    std::size_t index = 0;
    for (const char character : text_) {
      if (character == mark && index < media_.size()) {
        result.append("{\"$quipu\":").append(std::to_string(index++)).append("}");
      } else {
        result.push_back(character);
      }
    }
    return result;
  }
  const std::vector<quipu_media *> &media() const noexcept { return media_; }

 private:
  friend class Item;
  struct Empty {};
  explicit Json(Empty) {}
  // Control characters are escaped in JSON, so this one can stand for a medium until its number is known.
  static constexpr char mark = '\x01';

  void append(const Json &value) {
    text_ += value.text_;
    media_.insert(media_.end(), value.media_.begin(), value.media_.end());
  }
  template <class T>
  void append(const T &value) {
    using D = std::decay_t<T>;
    if constexpr (std::is_null_pointer_v<D>) {
      text_ += "null";
    } else if constexpr (std::is_same_v<D, bool>) {
      text_ += value ? "true" : "false";
    } else if constexpr (std::is_integral_v<D>) {
      text_ += std::to_string(value);
    } else if constexpr (std::is_floating_point_v<D>) {
      detail::append_number(text_, static_cast<double>(value));
    } else if constexpr (std::is_base_of_v<Media, D>) {
      text_.push_back(mark);
      media_.push_back(value.handle());
    } else if constexpr (std::is_pointer_v<T> && detail::is_text<D>) {
      if (value) detail::append_escaped(text_, value);
      else text_ += "null";
    } else if constexpr (detail::is_text<D>) {
      detail::append_escaped(text_, value);
    } else if constexpr (detail::is_optional<D>::value) {
      if (value) append(*value);
      else text_ += "null";
    } else if constexpr (detail::is_map<D>::value) {
      text_.push_back('{');
      bool first = true;
      for (const auto &[key, element] : value) {
        if (!std::exchange(first, false)) text_.push_back(',');
        detail::append_escaped(text_, key);
        text_.push_back(':');
        append(element);
      }
      text_.push_back('}');
    } else if constexpr (detail::is_list<D>::value) {
      append_list(value);
    } else {
      static_assert(!sizeof(T *), "this type has no JSON form");
    }
  }
  template <class L>
  void append_list(const L &elements) {
    text_.push_back('[');
    bool first = true;
    for (const auto &element : elements) {
      if (!std::exchange(first, false)) text_.push_back(',');
      append(static_cast<const typename L::value_type &>(element));
    }
    text_.push_back(']');
  }

  std::string text_;
  std::vector<quipu_media *> media_;
};

// A key and a value: {"loss", 0.1}, {"name", "x"}, {"image", image}, {"nested", {{"a", 1}}}. Meant to be written inside
// a call; texts and media given as lvalues are borrowed, everything else is kept in the item.
class Item {
 public:
  template <class K, class V, std::enable_if_t<detail::is_text<std::decay_t<K>>, int> = 0>
  Item(const K &key, V &&value) : key_(key) {
    set(std::forward<V>(value));
  }
  template <class K, std::enable_if_t<detail::is_text<std::decay_t<K>>, int> = 0>
  Item(const K &key, std::initializer_list<Item> members) : key_(key) {
    set(Json::object(members));
  }
  Item(const Item &) = delete;
  Item &operator=(const Item &) = delete;

  const char *key() const noexcept { return key_.c_str(); }
  bool has_nested_media() const noexcept { return json_ && !json_->media().empty(); }
  quipu_item plain() const noexcept {
    quipu_item item = {};
    item.key = key_.c_str();
    item.type = type_;
    item.integer = integer_;
    item.number = number_;
    item.text = type_ == QUIPU_TYPE_JSON && json_ ? detail::str(json_->text_) : detail::str(text_);
    item.media = media_;
    return item;
  }

 private:
  friend class Json;

  template <class V>
  void set(V &&value) {
    using D = std::decay_t<V>;
    if constexpr (std::is_null_pointer_v<D>) {
      type_ = QUIPU_TYPE_NULL;
    } else if constexpr (std::is_same_v<D, bool>) {
      type_ = QUIPU_TYPE_BOOL;
      integer_ = value ? 1 : 0;
    } else if constexpr (std::is_integral_v<D>) {
      if constexpr (std::is_unsigned_v<D> && sizeof(D) == 8) {
        if (value > static_cast<D>(std::numeric_limits<std::int64_t>::max())) return keep(Json(value));
      }
      type_ = QUIPU_TYPE_INT;
      integer_ = static_cast<std::int64_t>(value);
    } else if constexpr (std::is_floating_point_v<D>) {
      type_ = QUIPU_TYPE_DOUBLE;
      number_ = static_cast<double>(value);
    } else if constexpr (std::is_base_of_v<Media, D>) {
      // A temporary lives until the end of the statement that holds the call.
      type_ = QUIPU_TYPE_MEDIA;
      media_ = value.handle();
    } else if constexpr (std::is_same_v<D, std::string> && !std::is_lvalue_reference_v<V>) {
      type_ = QUIPU_TYPE_TEXT;
      owned_ = std::make_unique<std::string>(std::move(value));
      text_ = *owned_;
    } else if constexpr (std::is_pointer_v<std::remove_reference_t<V>> && detail::is_text<D>) {
      type_ = value ? QUIPU_TYPE_TEXT : QUIPU_TYPE_NULL;
      if (value) text_ = value;
    } else if constexpr (detail::is_text<D>) {
      type_ = QUIPU_TYPE_TEXT;
      text_ = value;
    } else if constexpr (std::is_same_v<D, Json>) {
      keep(std::forward<V>(value));
    } else {
      keep(Json(value));
    }
  }
  void keep(Json value) {
    type_ = QUIPU_TYPE_JSON;
    json_ = std::make_unique<Json>(std::move(value));
  }
  Json as_json() const {
    switch (type_) {
      case QUIPU_TYPE_BOOL: return Json(integer_ != 0);
      case QUIPU_TYPE_INT: return Json(integer_);
      case QUIPU_TYPE_DOUBLE: return Json(number_);
      case QUIPU_TYPE_TEXT: return Json(text_);
      case QUIPU_TYPE_JSON: return *json_;
      case QUIPU_TYPE_MEDIA: {
        Json result{Json::Empty()};
        result.text_.push_back(Json::mark);
        result.media_.push_back(media_);
        return result;
      }
      default: return Json();
    }
  }

  Name key_;
  quipu_type type_ = QUIPU_TYPE_NULL;
  std::int64_t integer_ = 0;
  double number_ = 0;
  std::string_view text_;
  quipu_media *media_ = nullptr;
  std::unique_ptr<std::string> owned_;
  std::unique_ptr<Json> json_;
};

inline Json Json::object(std::initializer_list<Item> members) {
  Json result{Empty()};
  result.text_.push_back('{');
  bool first = true;
  for (const Item &member : members) {
    if (!std::exchange(first, false)) result.text_.push_back(',');
    detail::append_escaped(result.text_, member.key() ? member.key() : "");
    result.text_.push_back(':');
    result.append(member.as_json());
  }
  result.text_.push_back('}');
  return result;
}

namespace detail {

// The plain items of a call, on the stack while there are few.
template <class F>
inline auto with_items(std::initializer_list<Item> items, F &&call) {
  constexpr std::size_t few = 16;
  if (items.size() <= few) {
    quipu_item plain[few];
    std::size_t count = 0;
    for (const Item &item : items) plain[count++] = item.plain();
    return call(plain, count);
  }
  std::vector<quipu_item> plain;
  plain.reserve(items.size());
  for (const Item &item : items) plain.push_back(item.plain());
  return call(plain.data(), plain.size());
}

}  // namespace detail

// ---------------------------------------------------------------------------------------------------------------------
// Tables

struct TableOptions {
  TableMode log_mode = TableMode::immutable;
  bool allow_mixed_types = false;
  bool required = false;
  std::optional<std::string> schema_json{};
};

// One cell of a row: any value an Item takes, without a key.
class Cell {
 public:
  template <class V, class D = std::decay_t<V>, std::enable_if_t<!std::is_same_v<D, Cell>, int> = 0>
  Cell(V &&value) : item_("", std::forward<V>(value)) {}  // NOLINT: implicit on purpose
  Cell(const Cell &) = delete;
  Cell &operator=(const Cell &) = delete;
  const Item &item() const noexcept { return item_; }

 private:
  Item item_;
};

enum class TimeUnit : std::int32_t {
  nanoseconds = QUIPU_TIME_NS,
  microseconds = QUIPU_TIME_US,
  milliseconds = QUIPU_TIME_MS,
  seconds = QUIPU_TIME_S,
  days = QUIPU_TIME_DAYS
};

namespace detail {
template <class T, class = void>
struct holds_text : std::false_type {};
template <class T>
struct holds_text<T, std::void_t<typename T::value_type>> : std::bool_constant<is_text<typename T::value_type>> {};
}  // namespace detail

// The cells of a column: numbers (anything an Array is made of), texts, points in time or JSON. Numbers are borrowed:
// they must live until the call that takes the cells has returned.
class Cells {
 public:
  template <class T, class D = std::decay_t<T>,
            std::enable_if_t<!std::is_same_v<D, Cells> && !detail::holds_text<D>::value &&
                                 std::is_constructible_v<Array, T &&>,
                             int> = 0>
  Cells(T &&values) : form_(QUIPU_CELLS_ARRAY), array_(std::forward<T>(values)) {}  // NOLINT: implicit on purpose
  Cells(const std::vector<std::string> &texts) { join(texts); }                     // NOLINT: as are the next two
  Cells(const std::vector<std::string_view> &texts) { join(texts); }                // NOLINT
  Cells(span<const std::string_view> texts) { join(texts); }                        // NOLINT

  // Integers of 64 bits since 1970 UTC; the least one is no time.
  static Cells times(const Array &values, TimeUnit unit) {
    Cells cells(values);
    cells.form_ = QUIPU_CELLS_TIME;
    cells.unit_ = unit;
    return cells;
  }
  // A list in the tagged notation of docs/tables.md, {"$q":"media","i":n} and {"$q":"ndarray","i":n} included.
  static Cells json(std::string_view text, const std::vector<const Media *> &media = {},
                    const std::vector<Array> &arrays = {}) {
    Cells cells;
    cells.form_ = QUIPU_CELLS_JSON;
    cells.text_ = text;
    for (const Media *item : media) cells.media_.push_back(item ? item->handle() : nullptr);
    cells.arrays_ = arrays;
    return cells;
  }
  // Marks cells as missing: one flag per cell, 0 where it is. They are null, or with `as_nan` NaN.
  Cells &valid(span<const std::uint8_t> flags, bool as_nan = false) & {
    valid_.assign(flags.begin(), flags.end());
    has_valid_ = true;
    as_nan_ = as_nan;
    return *this;
  }

  // For the C functions; lives as long as this and `views`.
  quipu_cells plain(std::vector<quipu_array> &views) const {
    quipu_cells cells = quipu_cells_none(form_);
    cells.unit = static_cast<quipu_time_unit>(unit_);
    cells.missing_is_nan = as_nan_ ? 1 : 0;
    cells.array = array_.view();
    cells.text = detail::str(text_);
    cells.offsets = offsets_.data();
    cells.count = offsets_.empty() ? 0 : offsets_.size() - 1;
    for (const Array &array : arrays_) views.push_back(array.view());
    cells.arrays = views.data();
    cells.array_count = views.size();
    cells.media = media_.data();
    cells.media_count = media_.size();
    if (has_valid_) cells.valid = valid_.empty() ? &nothing : valid_.data();
    return cells;
  }
  // The library reads as many flags as there are cells.
  bool has_all_flags() const noexcept { return !has_valid_ || valid_.size() == size(); }

 private:
  static constexpr std::uint8_t nothing = 1;
  Cells() : array_(&nothing, {0}) {}
  template <class L>
  void join(const L &texts) {
    form_ = QUIPU_CELLS_TEXT;
    offsets_.push_back(0);
    for (const auto &text : texts) {
      text_.append(text.data(), text.size());
      offsets_.push_back(static_cast<std::int64_t>(text_.size()));
    }
  }
  std::size_t size() const noexcept {
    if (form_ == QUIPU_CELLS_TEXT) return offsets_.size() - 1;
    if (form_ == QUIPU_CELLS_JSON) return valid_.size();
    const quipu_array view = array_.view();
    return view.ndim > 0 && view.shape ? static_cast<std::size_t>(view.shape[0]) : 0;
  }

  quipu_cells_form form_ = QUIPU_CELLS_ARRAY;
  TimeUnit unit_ = TimeUnit::nanoseconds;
  Array array_ = Array(&nothing, {0});
  std::string text_;
  std::vector<std::int64_t> offsets_;
  std::vector<quipu_media *> media_;
  std::vector<Array> arrays_;
  std::vector<std::uint8_t> valid_;
  bool has_valid_ = false;
  bool as_nan_ = false;
};

class QUIPU_CONSUMABLE Table : public Media {
 public:
  Table() noexcept = default;
  static Status try_make(Table &out, const std::vector<std::string> &columns, const TableOptions &options = {}) {
    std::vector<const char *> names;
    names.reserve(columns.size());
    for (const std::string &column : columns) names.push_back(Name(column).c_str());
    quipu_table_options plain = {};
    plain.struct_size = sizeof plain;
    plain.log_mode = static_cast<quipu_table_log_mode>(options.log_mode);
    plain.allow_mixed_types = options.allow_mixed_types ? 1 : 0;
    plain.required = options.required ? 1 : 0;
    if (options.schema_json) plain.schema_json = detail::str(*options.schema_json);
    return out.adopt([&](quipu_media **made, quipu_error **e) {
      return quipu_table_new(names.data(), names.size(), &plain, made, e);
    });
  }

  // One row: table.add_row({1, "text", image}).
  QUIPU_LIVE Status try_add_row(std::initializer_list<Cell> cells) {
    std::vector<quipu_item> plain;
    plain.reserve(cells.size());
    for (const Cell &cell : cells) plain.push_back(cell.item().plain());
    quipu_error *error = nullptr;
    const quipu_status code = quipu_table_add_row(handle_, plain.data(), plain.size(), &error);
    return Status(code, error);
  }
  // Rows in the tagged notation of docs/tables.md, {"$q":"media","i":n} and {"$q":"ndarray","i":n} included.
  QUIPU_LIVE Status try_add_rows_json(std::string_view json, const std::vector<const Media *> &media = {},
                           const std::vector<Array> &arrays = {}) {
    const Parts parts(media, arrays);
    quipu_error *error = nullptr;
    const quipu_status code =
        quipu_table_add_rows_json(handle_, detail::str(json), parts.media.data(), parts.media.size(),
                                  parts.arrays.data(), parts.arrays.size(), &error);
    return Status(code, error);
  }
  // Rows column by column, the fast way: table.add_rows({ids, scores, names}).
  QUIPU_LIVE Status try_add_rows(span<const Cells> columns) {
    std::vector<quipu_cells> plain;
    std::vector<std::vector<quipu_array>> views(columns.size());
    for (std::size_t at = 0; at < columns.size(); at++) {
      if (!columns.data()[at].has_all_flags()) return Status(QUIPU_ERROR_SHAPE, few_flags);
      plain.push_back(columns.data()[at].plain(views[at]));
    }
    quipu_error *error = nullptr;
    const quipu_status code = quipu_table_add_rows(handle_, plain.data(), plain.size(), &error);
    return Status(code, error);
  }
  QUIPU_LIVE Status try_add_rows(std::initializer_list<Cells> columns) {
    return try_add_rows(span<const Cells>(columns.begin(), columns.size()));
  }
  QUIPU_LIVE Status try_add_column(const Name &name, const Cells &cells, bool optional = true) {
    if (!cells.has_all_flags()) return Status(QUIPU_ERROR_SHAPE, few_flags);
    std::vector<quipu_array> views;
    const quipu_cells plain = cells.plain(views);
    quipu_error *error = nullptr;
    const quipu_status code = quipu_table_add_column(handle_, name.c_str(), &plain, optional ? 1 : 0, &error);
    return Status(code, error);
  }
  // From a stream of Arrow's C interface, as arrow::ExportRecordBatchReader makes it; it is released.
  static Status try_from_arrow(Table &out, ArrowArrayStream *stream, const TableOptions &options = {}) {
    quipu_table_options plain = {};
    plain.struct_size = sizeof plain;
    plain.log_mode = static_cast<quipu_table_log_mode>(options.log_mode);
    plain.allow_mixed_types = options.allow_mixed_types ? 1 : 0;
    plain.required = options.required ? 1 : 0;
    return out.adopt([&](quipu_media **made, quipu_error **e) {
      return quipu_table_from_arrow(stream, &plain, made, e);
    });
  }
  // Columns, their types and rows as JSON; media by their class names.
  QUIPU_LIVE Status try_content_json(std::string &out, std::int64_t start = 0,
                                     std::int64_t count = std::numeric_limits<std::int64_t>::max()) const {
    quipu_str text = {nullptr, 0};
    quipu_error *error = nullptr;
    const quipu_status code = quipu_table_json(handle_, start, count, &text, &error);
    Status status(code, error);
    detail::take(text, out);
    return status;
  }
  // Casts and keys as one JSON command, see docs/tables.md.
  QUIPU_LIVE Status try_alter(std::string_view command_json, const Table *other = nullptr) {
    quipu_error *error = nullptr;
    const quipu_status code =
        quipu_table_alter(handle_, detail::str(command_json), other ? other->handle() : nullptr, &error);
    return Status(code, error);
  }

  std::size_t row_count() const noexcept { return quipu_table_row_count(handle_); }
  std::size_t column_count() const noexcept { return quipu_table_column_count(handle_); }

#if QUIPU_HAS_EXCEPTIONS
  explicit Table(const std::vector<std::string> &columns, const TableOptions &options = {}) {
    try_make(*this, columns, options).or_throw();
  }
  QUIPU_LIVE void add_row(std::initializer_list<Cell> cells) { try_add_row(cells).or_throw(); }
  QUIPU_LIVE void add_rows_json(std::string_view json, const std::vector<const Media *> &media = {},
                     const std::vector<Array> &arrays = {}) {
    try_add_rows_json(json, media, arrays).or_throw();
  }
  QUIPU_LIVE void add_rows(std::initializer_list<Cells> columns) { try_add_rows(columns).or_throw(); }
  QUIPU_LIVE void add_rows(span<const Cells> columns) { try_add_rows(columns).or_throw(); }
  QUIPU_LIVE void add_column(const Name &name, const Cells &cells, bool optional = true) {
    try_add_column(name, cells, optional).or_throw();
  }
  QUIPU_MADE static Table from_arrow(ArrowArrayStream *stream, const TableOptions &options = {}) {
    Table result;
    try_from_arrow(result, stream, options).or_throw();
    return result;
  }
  QUIPU_LIVE std::string content_json(std::int64_t start = 0,
                                      std::int64_t count = std::numeric_limits<std::int64_t>::max()) const {
    std::string result;
    try_content_json(result, start, count).or_throw();
    return result;
  }
  QUIPU_LIVE void alter(std::string_view command_json, const Table *other = nullptr) {
    try_alter(command_json, other).or_throw();
  }
#endif

 private:
  struct Parts {
    Parts(const std::vector<const Media *> &items, const std::vector<Array> &views) {
      for (const Media *item : items) media.push_back(item ? item->handle() : nullptr);
      for (const Array &view : views) arrays.push_back(view.view());
    }
    std::vector<quipu_media *> media;
    std::vector<quipu_array> arrays;  // their shapes stay in `views`
  };
  static constexpr const char *few_flags = "valid: needs one flag per cell";
};

// A table of a join: itself, or its path in the artifact, "….table.json".
class JoinSide {
 public:
  JoinSide(const Table &table) : table_(table.handle()) {}  // NOLINT: implicit on purpose, as are the next
  JoinSide(std::string path) : path_(std::move(path)) {}    // NOLINT
  JoinSide(const char *path) : path_(path) {}               // NOLINT
  quipu_media *table() const noexcept { return table_; }
  const char *path() const noexcept { return table_ ? nullptr : path_.c_str(); }

 private:
  quipu_media *table_ = nullptr;
  std::string path_;
};

// Two tables joined by a column, shown as one.
class QUIPU_CONSUMABLE JoinedTable : public Media {
 public:
  JoinedTable() noexcept = default;
  // `second_key`: the column's name in the second table, where it differs.
  static Status try_make(JoinedTable &out, const JoinSide &first, const JoinSide &second, const Name &key,
                         const Name &second_key = nullptr) {
    return out.adopt([&](quipu_media **made, quipu_error **e) {
      return quipu_joined_table_new(first.table(), first.path(), second.table(), second.path(), key.c_str(),
                                    second_key.c_str(), made, e);
    });
  }
#if QUIPU_HAS_EXCEPTIONS
  JoinedTable(const JoinSide &first, const JoinSide &second, const Name &key, const Name &second_key = nullptr) {
    try_make(*this, first, second, key, second_key).or_throw();
  }
#endif
};

// All tables below a folder of an artifact, shown as one.
class QUIPU_CONSUMABLE PartitionedTable : public Media {
 public:
  PartitionedTable() noexcept = default;
  static Status try_make(PartitionedTable &out, const Name &parts_path) {
    return out.adopt([&](quipu_media **made, quipu_error **e) {
      return quipu_partitioned_table_new(parts_path.c_str(), made, e);
    });
  }
#if QUIPU_HAS_EXCEPTIONS
  explicit PartitionedTable(const Name &parts_path) { try_make(*this, parts_path).or_throw(); }
#endif
};

// ---------------------------------------------------------------------------------------------------------------------
// Artifacts

struct ArtifactOptions {
  std::optional<std::string> description{};
  std::optional<std::string> metadata_json{};  // an object of at most 100 members
};

// Files and media under one name: fill it, then log it.
class QUIPU_CONSUMABLE Artifact {
 public:
  Artifact() noexcept = default;
  Artifact(Artifact &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Artifact &operator=(Artifact &&other) noexcept {
    if (this != &other) {
      quipu_artifact_free(handle_);
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  Artifact(const Artifact &) = delete;
  Artifact &operator=(const Artifact &) = delete;
  ~Artifact() { quipu_artifact_free(handle_); }

  static Status try_make(Artifact &out, const Name &name, const Name &type, const ArtifactOptions &options = {}) {
    quipu_artifact_options plain = {};
    plain.struct_size = sizeof plain;
    plain.description = detail::text_or_null(options.description);
    if (options.metadata_json) plain.metadata_json = detail::str(*options.metadata_json);
    quipu_artifact *made = nullptr;
    quipu_error *error = nullptr;
    const quipu_status code = quipu_artifact_new(name.c_str(), type.c_str(), &plain, &made, &error);
    quipu_artifact_free(std::exchange(out.handle_, made));
    return Status(code, error);
  }

  quipu_artifact *handle() const noexcept { return handle_; }

  // `path`, if given, gets the path of the entry.
  QUIPU_LIVE Status try_add(const Media &media, const Name &name, bool overwrite = false, std::string *path = nullptr) {
    quipu_str text = {nullptr, 0};
    quipu_error *error = nullptr;
    const quipu_status code = quipu_artifact_add_media(handle_, media.handle(), name.c_str(), overwrite ? 1 : 0,
                                                       path ? &text : nullptr, &error);
    Status status(code, error);
    if (path) detail::take(text, *path);
    return status;
  }
  QUIPU_LIVE Status try_add_file(const Name &path, const Name &name = nullptr, quipu_artifact_flags flags = 0) {
    quipu_error *error = nullptr;
    const quipu_status code = quipu_artifact_add_file(handle_, path.c_str(), name.c_str(), flags, &error);
    return Status(code, error);
  }
  QUIPU_LIVE Status try_add_directory(const Name &path, const Name &name = nullptr, quipu_artifact_flags flags = 0) {
    quipu_error *error = nullptr;
    const quipu_status code = quipu_artifact_add_directory(handle_, path.c_str(), name.c_str(), flags, &error);
    return Status(code, error);
  }
  QUIPU_LIVE Status try_add_bytes(std::string_view bytes, const Name &name, quipu_artifact_flags flags = 0) {
    quipu_error *error = nullptr;
    const quipu_status code = quipu_artifact_add_bytes(handle_, detail::str(bytes), name.c_str(), flags, &error);
    return Status(code, error);
  }
  QUIPU_LIVE Status try_add_reference(const Name &uri, const Name &name = nullptr, const Name &digest = nullptr,
                                      std::int64_t size = 0) {
    quipu_error *error = nullptr;
    const quipu_status code =
        quipu_artifact_add_reference(handle_, uri.c_str(), name.c_str(), digest.c_str(), size, &error);
    return Status(code, error);
  }
  // What it holds, as JSON.
  QUIPU_LIVE Status try_json(std::string &out) const {
    quipu_str text = {nullptr, 0};
    quipu_error *error = nullptr;
    const quipu_status code = quipu_artifact_json(handle_, &text, &error);
    Status status(code, error);
    detail::take(text, out);
    return status;
  }

#if QUIPU_HAS_EXCEPTIONS
  Artifact(const Name &name, const Name &type, const ArtifactOptions &options = {}) {
    try_make(*this, name, type, options).or_throw();
  }
  QUIPU_LIVE std::string add(const Media &media, const Name &name, bool overwrite = false) {
    std::string path;
    try_add(media, name, overwrite, &path).or_throw();
    return path;
  }
  QUIPU_LIVE void add_file(const Name &path, const Name &name = nullptr, quipu_artifact_flags flags = 0) {
    try_add_file(path, name, flags).or_throw();
  }
  QUIPU_LIVE void add_directory(const Name &path, const Name &name = nullptr, quipu_artifact_flags flags = 0) {
    try_add_directory(path, name, flags).or_throw();
  }
  QUIPU_LIVE void add_bytes(std::string_view bytes, const Name &name, quipu_artifact_flags flags = 0) {
    try_add_bytes(bytes, name, flags).or_throw();
  }
  QUIPU_LIVE void add_reference(const Name &uri, const Name &name = nullptr, const Name &digest = nullptr,
                                std::int64_t size = 0) {
    try_add_reference(uri, name, digest, size).or_throw();
  }
  QUIPU_LIVE std::string json() const {
    std::string result;
    try_json(result).or_throw();
    return result;
  }
#endif

 private:
  quipu_artifact *handle_ = nullptr;
};

// ---------------------------------------------------------------------------------------------------------------------
// Charts, figures and graphs

// One label for each of many samples: an array of numbers or booleans, or texts. Borrowed: what it was made of must
// live until the call has returned.
class Labels {
 public:
  Labels(const Array &numbers) noexcept : numbers_(numbers), is_text_(false) {}  // NOLINT: implicit on purpose, all
  // Anything with data() and size() of numbers.
  template <class C, class T = std::remove_cv_t<std::remove_pointer_t<decltype(std::declval<const C &>().data())>>,
            std::enable_if_t<std::is_arithmetic_v<T>, int> = 0>
  Labels(const C &numbers) noexcept : numbers_(numbers), is_text_(false) {}  // NOLINT
  Labels(const std::vector<std::string> &texts) {  // NOLINT
    texts_.reserve(texts.size());
    for (const std::string &text : texts) texts_.push_back(detail::str(text));
  }
  Labels(std::initializer_list<std::string_view> texts) {  // NOLINT
    texts_.reserve(texts.size());
    for (const std::string_view text : texts) texts_.push_back(detail::str(text));
  }
  template <class T, class A>
  Labels(std::vector<T, A> &&) = delete;  // the labels would outlive the memory: give it a name

 private:
  friend class Chart;
  // `room` has to outlive the result.
  quipu_labels plain(quipu_array &room) const noexcept {
    if (is_text_) return quipu_labels{nullptr, texts_.data(), texts_.size()};
    room = numbers_.view();
    return quipu_labels{&room, nullptr, 0};
  }

  Array numbers_;
  std::vector<quipu_str> texts_;
  bool is_text_ = true;
};

struct ChartOptions {
  std::optional<std::string> title{};
  bool split_table = false;                       // the table's key is "Custom Chart Tables/K_table"
  std::vector<std::string> class_names{};         // of the classes 0, 1, ...; empty: the labels are the names
  std::vector<std::int64_t> classes_to_plot{};    // labels of the classes that curves show; empty: all
  std::vector<std::string> names_to_plot{};       // the same where labels are texts
  std::int64_t interp_size = 0;                   // pr_curve: number of recalls; 0: 21
};

// A table and how it is drawn. Logged by itself or inside Json::object; lists and cells cannot hold it.
class QUIPU_CONSUMABLE Chart : public Media {
 public:
  Chart() noexcept = default;
  // By a panel definition of W&B or your own: fields {"x": "column"}, strings {"title": "text"}.
  static Status try_make(Chart &out, const Table &table, const Name &spec, const Json &fields,
                         const Json &strings = Json::raw("{}"), bool split_table = false) {
    const std::string f = fields.text(), t = strings.text();
    return out.adopt([&](quipu_media **made, quipu_error **e) {
      return quipu_chart_new(table.handle(), spec.c_str(), detail::str(f), detail::str(t), split_table, made, e);
    });
  }
  static Status try_visualize(Chart &out, const Table &table, const Name &id) {
    return out.adopt([&](quipu_media **made, quipu_error **e) {
      return quipu_chart_visualize(table.handle(), id.c_str(), made, e);
    });
  }
  // Lines over two columns; `stroke` is a column that tells lines apart.
  static Status try_line(Chart &out, const Table &table, const Name &x, const Name &y, const Name &stroke = nullptr,
                         const ChartOptions &options = {}) {
    const Plain plain(options);
    return out.adopt([&](quipu_media **made, quipu_error **e) {
      return quipu_chart_line(table.handle(), x.c_str(), y.c_str(), stroke.c_str(), &plain.options, made, e);
    });
  }
  static Status try_scatter(Chart &out, const Table &table, const Name &x, const Name &y,
                            const ChartOptions &options = {}) {
    const Plain plain(options);
    return out.adopt([&](quipu_media **made, quipu_error **e) {
      return quipu_chart_scatter(table.handle(), x.c_str(), y.c_str(), &plain.options, made, e);
    });
  }
  static Status try_bar(Chart &out, const Table &table, const Name &label, const Name &value,
                        const ChartOptions &options = {}) {
    const Plain plain(options);
    return out.adopt([&](quipu_media **made, quipu_error **e) {
      return quipu_chart_bar(table.handle(), label.c_str(), value.c_str(), &plain.options, made, e);
    });
  }
  static Status try_histogram(Chart &out, const Table &table, const Name &value, const ChartOptions &options = {}) {
    const Plain plain(options);
    return out.adopt([&](quipu_media **made, quipu_error **e) {
      return quipu_chart_histogram(table.handle(), value.c_str(), &plain.options, made, e);
    });
  }
  // One array of x for all lines, or one for each; `keys` may be empty: line_0, line_1, ...
  static Status try_line_series(Chart &out, const std::vector<Array> &xs, const std::vector<Array> &ys,
                                const std::vector<std::string> &keys = {}, const Name &x_name = nullptr,
                                const ChartOptions &options = {}) {
    const Plain plain(options);
    std::vector<quipu_array> x, y;
    for (const Array &array : xs) x.push_back(array.view());
    for (const Array &array : ys) y.push_back(array.view());
    const Labels names(keys);
    quipu_array room;
    const quipu_labels labels = names.plain(room);
    return out.adopt([&](quipu_media **made, quipu_error **e) {
      return quipu_chart_line_series(x.data(), x.size(), y.data(), y.size(), keys.empty() ? nullptr : &labels,
                                     x_name.c_str(), &plain.options, made, e);
    });
  }
  // Scores [n, k]: in ascending order of labels, class number i is scored by column i.
  static Status try_pr_curve(Chart &out, const Labels &y_true, const Array &y_probas,
                             const ChartOptions &options = {}) {
    return try_curve(quipu_chart_pr_curve, out, y_true, y_probas, options);
  }
  static Status try_roc_curve(Chart &out, const Labels &y_true, const Array &y_probas,
                              const ChartOptions &options = {}) {
    return try_curve(quipu_chart_roc_curve, out, y_true, y_probas, options);
  }
  static Status try_confusion_matrix(Chart &out, const Labels &y_true, const Labels &preds,
                                     const ChartOptions &options = {}) {
    const Plain plain(options);
    quipu_array room[2];
    const quipu_labels truth = y_true.plain(room[0]), predicted = preds.plain(room[1]);
    return out.adopt([&](quipu_media **made, quipu_error **e) {
      return quipu_chart_confusion_matrix(&truth, &predicted, nullptr, &plain.options, made, e);
    });
  }
  // The prediction is the column of the greatest score.
  static Status try_confusion_matrix_of_scores(Chart &out, const Labels &y_true, const Array &probs,
                                               const ChartOptions &options = {}) {
    const Plain plain(options);
    quipu_array room;
    const quipu_labels truth = y_true.plain(room);
    const quipu_array scores = probs.view();
    return out.adopt([&](quipu_media **made, quipu_error **e) {
      return quipu_chart_confusion_matrix(&truth, nullptr, &scores, &plain.options, made, e);
    });
  }
#if QUIPU_HAS_EXCEPTIONS
  Chart(const Table &table, const Name &spec, const Json &fields, const Json &strings = Json::raw("{}"),
        bool split_table = false) {
    try_make(*this, table, spec, fields, strings, split_table).or_throw();
  }
  QUIPU_MADE static Chart visualize(const Table &table, const Name &id) {
    Chart result;
    try_visualize(result, table, id).or_throw();
    return result;
  }
  QUIPU_MADE static Chart line(const Table &table, const Name &x, const Name &y, const Name &stroke = nullptr,
                    const ChartOptions &options = {}) {
    Chart result;
    try_line(result, table, x, y, stroke, options).or_throw();
    return result;
  }
  QUIPU_MADE static Chart scatter(const Table &table, const Name &x, const Name &y, const ChartOptions &options = {}) {
    Chart result;
    try_scatter(result, table, x, y, options).or_throw();
    return result;
  }
  QUIPU_MADE static Chart bar(const Table &table, const Name &label, const Name &value,
                              const ChartOptions &options = {}) {
    Chart result;
    try_bar(result, table, label, value, options).or_throw();
    return result;
  }
  QUIPU_MADE static Chart histogram(const Table &table, const Name &value, const ChartOptions &options = {}) {
    Chart result;
    try_histogram(result, table, value, options).or_throw();
    return result;
  }
  QUIPU_MADE static Chart line_series(const std::vector<Array> &xs, const std::vector<Array> &ys,
                           const std::vector<std::string> &keys = {}, const Name &x_name = nullptr,
                           const ChartOptions &options = {}) {
    Chart result;
    try_line_series(result, xs, ys, keys, x_name, options).or_throw();
    return result;
  }
  QUIPU_MADE static Chart pr_curve(const Labels &y_true, const Array &y_probas, const ChartOptions &options = {}) {
    Chart result;
    try_pr_curve(result, y_true, y_probas, options).or_throw();
    return result;
  }
  QUIPU_MADE static Chart roc_curve(const Labels &y_true, const Array &y_probas, const ChartOptions &options = {}) {
    Chart result;
    try_roc_curve(result, y_true, y_probas, options).or_throw();
    return result;
  }
  QUIPU_MADE static Chart confusion_matrix(const Labels &y_true, const Labels &preds,
                                           const ChartOptions &options = {}) {
    Chart result;
    try_confusion_matrix(result, y_true, preds, options).or_throw();
    return result;
  }
  QUIPU_MADE static Chart confusion_matrix_of_scores(const Labels &y_true, const Array &probs,
                                                     const ChartOptions &options = {}) {
    Chart result;
    try_confusion_matrix_of_scores(result, y_true, probs, options).or_throw();
    return result;
  }
#endif

 private:
  // The options as the library takes them; borrows from `given`.
  struct Plain {
    explicit Plain(const ChartOptions &given) : names(given.class_names), plotted(plotted_of(given)) {
      options.struct_size = sizeof options;
      options.split_table = given.split_table ? 1 : 0;
      options.title = detail::text_or_null(given.title);
      options.interp_size = given.interp_size;
      plain_names = names.plain(rooms[0]);
      plain_plotted = plotted.plain(rooms[1]);
      if (!given.class_names.empty()) options.class_names = &plain_names;
      if (!given.classes_to_plot.empty() || !given.names_to_plot.empty()) options.classes_to_plot = &plain_plotted;
    }
    Plain(const Plain &) = delete;
    Plain &operator=(const Plain &) = delete;

    static Labels plotted_of(const ChartOptions &given) {
      if (given.classes_to_plot.empty()) return Labels(given.names_to_plot);
      return Labels(given.classes_to_plot);
    }

    Labels names, plotted;
    quipu_array rooms[2] = {};
    quipu_labels plain_names{}, plain_plotted{};
    quipu_chart_options options{};
  };

  template <class F>
  static Status try_curve(F function, Chart &out, const Labels &y_true, const Array &y_probas,
                          const ChartOptions &options) {
    const Plain plain(options);
    quipu_array room;
    const quipu_labels truth = y_true.plain(room);
    const quipu_array scores = y_probas.view();
    return out.adopt(
        [&](quipu_media **made, quipu_error **e) { return function(&truth, &scores, &plain.options, made, e); });
  }
};

// What other libraries draw, as their JSON: a Plotly figure, a Bokeh document, a network graph.
class Figure : public Media {
 public:
  Figure() noexcept = default;
  static Status try_plotly(Figure &out, std::string_view json) {
    return out.adopt(
        [&](quipu_media **made, quipu_error **e) { return quipu_plotly_new(detail::str(json), made, e); });
  }
  static Status try_bokeh(Figure &out, std::string_view json) {
    return out.adopt([&](quipu_media **made, quipu_error **e) { return quipu_bokeh_new(detail::str(json), made, e); });
  }
  // A file that ends in .json, copied unchanged.
  static Status try_open_bokeh(Figure &out, const Name &path) {
    return out.adopt([&](quipu_media **made, quipu_error **e) { return quipu_bokeh_open(path.c_str(), made, e); });
  }
  // {"format": "keras", "nodes": [{"name": ..., "id": ...}], "edges": [[from id, to id]]}
  static Status try_graph(Figure &out, std::string_view json) {
    return out.adopt([&](quipu_media **made, quipu_error **e) { return quipu_graph_new(detail::str(json), made, e); });
  }
#if QUIPU_HAS_EXCEPTIONS
  static Figure plotly(std::string_view json) {
    Figure result;
    try_plotly(result, json).or_throw();
    return result;
  }
  static Figure bokeh(std::string_view json) {
    Figure result;
    try_bokeh(result, json).or_throw();
    return result;
  }
  static Figure open_bokeh(const Name &path) {
    Figure result;
    try_open_bokeh(result, path).or_throw();
    return result;
  }
  static Figure graph(std::string_view json) {
    Figure result;
    try_graph(result, json).or_throw();
    return result;
  }
#endif
};

// ---------------------------------------------------------------------------------------------------------------------
// Columns: the fast way to log the same numbers again and again

namespace detail {

class ColumnsHandle {
 public:
  ColumnsHandle() noexcept = default;
  ColumnsHandle(ColumnsHandle &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  ColumnsHandle &operator=(ColumnsHandle &&other) noexcept {
    if (this != &other) {
      quipu_columns_free(handle_);
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  ~ColumnsHandle() { quipu_columns_free(handle_); }

  const quipu_columns *handle() const noexcept { return handle_; }
  Status make(const char *const *keys, const quipu_type *types, std::size_t count) {
    quipu_columns *made = nullptr;
    quipu_error *error = nullptr;
    const quipu_status code = quipu_columns_new(keys, types, count, &made, &error);
    quipu_columns_free(std::exchange(handle_, made));
    return Status(code, error);
  }

 private:
  quipu_columns *handle_ = nullptr;
};

template <class T>
constexpr quipu_type column_type() noexcept {
  static_assert(std::is_arithmetic_v<T>, "a column holds doubles, integers or booleans");
  if constexpr (std::is_same_v<T, bool>) return QUIPU_TYPE_BOOL;
  else if constexpr (std::is_integral_v<T>) return QUIPU_TYPE_INT;
  else return QUIPU_TYPE_DOUBLE;
}

}  // namespace detail

// N columns of doubles: quipu::Columns<3> columns({"loss", "accuracy", "rate"}); run.log(columns, {0.1, 0.9, 1e-3}).
template <std::size_t N>
class QUIPU_CONSUMABLE Columns {
 public:
  Columns() noexcept = default;
  static Status try_make(Columns &out, const char *const (&keys)[N]) { return out.handle_.make(keys, nullptr, N); }
#if QUIPU_HAS_EXCEPTIONS
  explicit Columns(const char *const (&keys)[N]) { try_make(*this, keys).or_throw(); }
#endif
  const quipu_columns *handle() const noexcept { return handle_.handle(); }

 private:
  detail::ColumnsHandle handle_;
};

// Columns of several types: quipu::TypedColumns<double, int, bool> columns({"loss", "epoch", "best"});
// run.log(columns, columns.row(0.1, 3, true)).
template <class... T>
class QUIPU_CONSUMABLE TypedColumns {
 public:
  static constexpr std::size_t size = sizeof...(T);
  // The cells of one row.
  class Row {
   public:
    const void *cells() const noexcept { return cells_; }

   private:
    friend class TypedColumns;
    unsigned char cells_[size * 8];
  };

  TypedColumns() noexcept = default;
  static Status try_make(TypedColumns &out, const char *const (&keys)[size]) {
    static constexpr quipu_type types[] = {detail::column_type<T>()...};
    return out.handle_.make(keys, types, size);
  }
#if QUIPU_HAS_EXCEPTIONS
  explicit TypedColumns(const char *const (&keys)[size]) { try_make(*this, keys).or_throw(); }
#endif
  static Row row(T... values) noexcept {
    Row result;
    std::size_t index = 0;
    (put(result, index++, values), ...);
    return result;
  }
  const quipu_columns *handle() const noexcept { return handle_.handle(); }

 private:
  template <class V>
  static void put(Row &row, std::size_t index, V value) noexcept {
    if constexpr (std::is_integral_v<V>) {
      const auto cell = static_cast<std::int64_t>(value);
      std::memcpy(row.cells_ + index * 8, &cell, 8);
    } else {
      const auto cell = static_cast<double>(value);
      std::memcpy(row.cells_ + index * 8, &cell, 8);
    }
  }
  detail::ColumnsHandle handle_;
};

// ---------------------------------------------------------------------------------------------------------------------
// The library and the process

// Says whether this header and the library in use belong together. Run asks by itself.
inline Status check_library() noexcept {
  static const quipu_status found = quipu_abi_version() == QUIPU_ABI ? QUIPU_OK : QUIPU_ERROR_STATE;
  if (found == QUIPU_OK) return Status();
  return Status(found, "quipu.hpp and libquipu have different binary interfaces: compile the program anew against the "
                       "header of the installed library");
}

// Of the library in use.
inline const char *version() noexcept { return quipu_version(); }
inline std::uint32_t version_number() noexcept { return quipu_version_number(); }

// The exit code for runs that are still open when the process ends.
inline void set_exit_code(int code) noexcept { quipu_set_exit_code(code); }

inline Status try_finish_all(int exit_code = 0, std::int64_t timeout_ms = wait_forever) noexcept {
  return Status(quipu_finish_all(exit_code, timeout_ms));
}

// Completes a run whose process died; `report` gets a JSON object.
inline Status try_recover(const Name &path, std::string *report = nullptr) {
  quipu_str text = {nullptr, 0};
  quipu_error *error = nullptr;
  const quipu_status code = quipu_recover(path.c_str(), report ? &text : nullptr, &error);
  Status status(code, error);
  if (report) detail::take(text, *report);
  return status;
}

#if QUIPU_HAS_EXCEPTIONS
inline void finish_all(int exit_code = 0, std::int64_t timeout_ms = wait_forever) {
  try_finish_all(exit_code, timeout_ms).or_throw();
}
inline std::string recover(const Name &path) {
  std::string report;
  try_recover(path, &report).or_throw();
  return report;
}
#endif

// One message of what no status can carry. The texts are borrowed for the call.
struct Diagnostic {
  Level level;
  const char *kind;
  const char *message;
  const char *run_id;
};

// Sends diagnostics to `receive` while it lives; a later one takes over. `receive` runs on library threads too, never
// twice at once; what it throws is dropped.
class Diagnostics {
 public:
  using Receiver = std::function<void(const Diagnostic &)>;

  explicit Diagnostics(Receiver receive) : receive_(std::make_unique<Receiver>(std::move(receive))) {
    const std::lock_guard<std::mutex> lock(mutex());
    current() = receive_.get();
    quipu_set_diagnostics(&Diagnostics::call, receive_.get());
  }
  Diagnostics(Diagnostics &&) noexcept = default;
  Diagnostics &operator=(Diagnostics &&other) noexcept {
    if (this != &other) {
      end();
      receive_ = std::move(other.receive_);
    }
    return *this;
  }
  ~Diagnostics() { end(); }

 private:
  static std::mutex &mutex() noexcept {
    static std::mutex value;
    return value;
  }
  static Receiver *&current() noexcept {
    static Receiver *value = nullptr;
    return value;
  }
  static void call(quipu_level level, const char *kind, const char *message, const char *run_id, void *user) {
    const Diagnostic diagnostic{static_cast<Level>(level), kind, message, run_id};
#if QUIPU_HAS_EXCEPTIONS
    try {
      (*static_cast<Receiver *>(user))(diagnostic);
    } catch (...) {
    }
#else
    (*static_cast<Receiver *>(user))(diagnostic);
#endif
  }
  void end() noexcept {
    if (!receive_) return;
    const std::lock_guard<std::mutex> lock(mutex());
    if (current() == receive_.get()) {
      current() = nullptr;
      quipu_set_diagnostics(nullptr, nullptr);  // returns after a running call has ended
    }
    receive_.reset();
  }

  std::unique_ptr<Receiver> receive_;
};

// ---------------------------------------------------------------------------------------------------------------------
// A run

// What is not given comes from the environment, settings files and defaults. quipu.h says what each field may hold.
struct RunOptions {
  std::optional<std::string> project{};
  std::optional<std::string> name{};
  Mode mode = Mode::unset;
  std::optional<std::string> dir{};
  std::optional<std::string> id{};
  std::optional<std::string> entity{};
  std::optional<std::string> group{};
  std::optional<std::string> job_type{};
  std::optional<std::string> notes{};
  std::optional<std::vector<std::string>> tags{};
  std::optional<Json> config{};    // Json::object({{"rate", 0.1}})
  std::optional<std::string> config_path{};
  std::optional<Json> settings{};  // any setting by its W&B name
  Resume resume = Resume::unset;
  LowSteps low_steps = LowSteps::drop;
  std::optional<std::string> resume_from{};
  std::optional<std::string> fork_from{};
  std::uint64_t ring_bytes = 0;
  std::int64_t full_wait_ms = 0;
  std::optional<std::string> program{};
  std::string language = "c++";
};

struct MetricOptions {
  std::optional<std::string> step_metric{};
  std::optional<std::string> summary{};  // comma-separated: min max mean last first best copy none
  std::optional<std::string> goal{};     // "minimize" or "maximize"
  Toggle step_sync = Toggle::unset;
  Toggle hidden = Toggle::unset;
  Toggle overwrite = Toggle::unset;
};

using Stats = quipu_run_stats;

// How the upload of a run stands, see quipu.h.
enum class UploadState : std::int32_t {
  off = QUIPU_UPLOAD_OFF,
  connecting = QUIPU_UPLOAD_CONNECTING,
  streaming = QUIPU_UPLOAD_STREAMING,
  waiting = QUIPU_UPLOAD_WAITING,
  finishing = QUIPU_UPLOAD_FINISHING,
  done = QUIPU_UPLOAD_DONE,
  failed = QUIPU_UPLOAD_FAILED
};

// Owns a run. Calls from several threads at once are fine; moving and destroying are not calls.
// The destructor finishes an open run within close_timeout_ms, with code 1 when an exception is what destroys it; what
// an online run has not sent by then is sent in the background, and the end of the process waits for it.
class QUIPU_CONSUMABLE Run {
 public:
  Run() noexcept = default;
  static Status try_start(Run &out, const RunOptions &options = {}) {
    if (Status library = check_library(); !library) return library;
    const std::string config = options.config ? options.config->text() : std::string();
    const std::string settings = options.settings ? options.settings->text() : std::string();
    std::vector<const char *> tags;
    quipu_run_options plain = {};
    plain.struct_size = sizeof plain;
    plain.mode = static_cast<quipu_mode>(options.mode);
    plain.project = detail::text_or_null(options.project);
    plain.entity = detail::text_or_null(options.entity);
    plain.id = detail::text_or_null(options.id);
    plain.name = detail::text_or_null(options.name);
    plain.notes = detail::text_or_null(options.notes);
    plain.group = detail::text_or_null(options.group);
    plain.job_type = detail::text_or_null(options.job_type);
    plain.dir = detail::text_or_null(options.dir);
    if (options.tags) {
      for (const std::string &tag : *options.tags) tags.push_back(Name(tag).c_str());
      tags.push_back(nullptr);  // so that the pointer is not null when there are none
      plain.tags = tags.data();
      plain.tag_count = tags.size() - 1;
    }
    if (options.config) plain.config_json = detail::str(config);
    plain.config_path = detail::text_or_null(options.config_path);
    if (options.settings) plain.settings_json = detail::str(settings);
    plain.resume = static_cast<quipu_resume>(options.resume);
    plain.low_steps = static_cast<quipu_low_steps>(options.low_steps);
    plain.resume_from = detail::text_or_null(options.resume_from);
    plain.fork_from = detail::text_or_null(options.fork_from);
    plain.ring_bytes = options.ring_bytes;
    plain.full_wait_ms = options.full_wait_ms;
    plain.program = detail::text_or_null(options.program);
    plain.language = options.language.c_str();
    quipu_run *made = nullptr;
    quipu_error *error = nullptr;
    const quipu_status code = quipu_run_start(&plain, &made, &error);
    Status status(code, error);
    if (status) out = Run(made);
    return status;
  }
  explicit Run(quipu_run *handle) noexcept : handle_(handle) {}  // takes it
  Run(Run &&other) noexcept
      : stop_(std::move(other.stop_)),
        handle_(std::exchange(other.handle_, nullptr)),
        finished_(std::exchange(other.finished_, false)) {}
  Run &operator=(Run &&other) noexcept {
    if (this != &other) {
      close();
      stop_ = std::move(other.stop_);
      handle_ = std::exchange(other.handle_, nullptr);
      finished_ = std::exchange(other.finished_, false);
      exceptions_ = std::uncaught_exceptions();
    }
    return *this;
  }
  Run(const Run &) = delete;
  Run &operator=(const Run &) = delete;
  ~Run() { close(); }

  quipu_run *handle() const noexcept { return handle_; }
  QUIPU_LIVE const char *id() const noexcept { return quipu_run_id(handle_); }
  QUIPU_LIVE const char *directory() const noexcept { return quipu_run_directory(handle_); }

  // Logging. A run that is a temporary would end with the statement, so these want a run with a name.

  template <class K, std::enable_if_t<detail::is_text<std::decay_t<K>>, int> = 0>
  QUIPU_LIVE Status try_log(const K &key, double value) & {
    return Status(quipu_run_log(handle_, Name(key).c_str(), value));
  }
  QUIPU_LIVE Status try_log(std::initializer_list<Item> items, std::int64_t step = auto_step,
                 Commit commit = Commit::unset) & {
    for (const Item &item : items) {
      if (item.has_nested_media()) return try_log(Json::object(items), step, commit);
    }
    return detail::with_items(items, [&](const quipu_item *plain, std::size_t count) {
      quipu_error *error = nullptr;
      const quipu_status code =
          quipu_run_log_items(handle_, plain, count, step, static_cast<quipu_commit>(commit), &error);
      return Status(code, error);
    });
  }
  // A JSON object as one row.
  QUIPU_LIVE Status try_log(const Json &row, std::int64_t step = auto_step, Commit commit = Commit::unset) & {
    const std::string text = row.text();
    quipu_error *error = nullptr;
    const quipu_status code = quipu_run_log_json(handle_, detail::str(text), row.media().data(), row.media().size(),
                                                 step, static_cast<quipu_commit>(commit), &error);
    return Status(code, error);
  }
  // The fast way; as many values as columns, checked by the compiler.
  template <std::size_t N, std::size_t M>
  QUIPU_LIVE Status try_log(const Columns<N> &columns, const double (&values)[M], std::int64_t step = auto_step,
                 Commit commit = Commit::unset) & {
    static_assert(N == M, "give one value for each column");
    return Status(quipu_run_log_columns(handle_, columns.handle(), values, step, static_cast<quipu_commit>(commit)));
  }
  template <std::size_t N>
  QUIPU_LIVE Status try_log(const Columns<N> &columns, const std::array<double, N> &values,
                            std::int64_t step = auto_step, Commit commit = Commit::unset) & {
    return Status(
        quipu_run_log_columns(handle_, columns.handle(), values.data(), step, static_cast<quipu_commit>(commit)));
  }
  template <class... T>
  QUIPU_LIVE Status try_log(const TypedColumns<T...> &columns, const typename TypedColumns<T...>::Row &row,
                 std::int64_t step = auto_step, Commit commit = Commit::unset) & {
    return Status(
        quipu_run_log_columns(handle_, columns.handle(), row.cells(), step, static_cast<quipu_commit>(commit)));
  }
  // Numbers whose keys are known only at run time.
  QUIPU_LIVE Status try_log_doubles(span<const char *const> keys, span<const double> values,
                                    std::int64_t step = auto_step, Commit commit = Commit::unset) & {
    if (keys.size() != values.size()) return Status(QUIPU_ERROR_SHAPE, "keys and values differ in number");
    return Status(quipu_run_log_doubles(handle_, keys.data(), values.data(), keys.size(), step,
                                        static_cast<quipu_commit>(commit)));
  }

  QUIPU_LIVE Status try_define_metric(const Name &name, const MetricOptions &options = {}) {
    quipu_metric_options plain = {};
    plain.struct_size = sizeof plain;
    plain.step_sync = static_cast<quipu_toggle>(options.step_sync);
    plain.hidden = static_cast<quipu_toggle>(options.hidden);
    plain.overwrite = static_cast<quipu_toggle>(options.overwrite);
    plain.step_metric = detail::text_or_null(options.step_metric);
    plain.summary = detail::text_or_null(options.summary);
    plain.goal = detail::text_or_null(options.goal);
    quipu_error *error = nullptr;
    const quipu_status code = quipu_run_define_metric(handle_, name.c_str(), &plain, &error);
    return Status(code, error);
  }

  // Config: what is given once.

  QUIPU_LIVE Status try_config(const Json &object, bool allow_change = false) {
    const std::string text = object.text();
    quipu_error *error = nullptr;
    const quipu_status code = quipu_run_config_update(handle_, detail::str(text), allow_change ? 1 : 0, &error);
    return Status(code, error);
  }
  QUIPU_LIVE Status try_config(std::initializer_list<Item> members, bool allow_change = false) {
    return try_config(Json::object(members), allow_change);
  }
  QUIPU_LIVE Status try_config_defaults(const Json &object) {
    const std::string text = object.text();
    quipu_error *error = nullptr;
    const quipu_status code = quipu_run_config_set_defaults(handle_, detail::str(text), &error);
    return Status(code, error);
  }
  QUIPU_LIVE Status try_config_lock(const Json &object, const Name &owner) {
    const std::string text = object.text();
    quipu_error *error = nullptr;
    const quipu_status code = quipu_run_config_lock(handle_, detail::str(text), owner.c_str(), &error);
    return Status(code, error);
  }
  QUIPU_LIVE Status try_config_json(std::string &out) {
    return text(out, [&](quipu_str *t, quipu_error **e) { return quipu_run_config_json(handle_, t, e); });
  }

  // Summary: what is final.

  QUIPU_LIVE Status try_summary(const Name &key, const Json &value) {
    const char *path[] = {key.c_str()};
    return set_summary(path, 1, value);
  }
  QUIPU_LIVE Status try_summary(const std::vector<std::string> &path, const Json &value) {
    const std::vector<const char *> keys = pointers(path);
    return set_summary(keys.data(), keys.size(), value);
  }
  QUIPU_LIVE Status try_summary_remove(const std::vector<std::string> &path) {
    const std::vector<const char *> keys = pointers(path);
    quipu_error *error = nullptr;
    const quipu_status code = quipu_run_summary_remove(handle_, keys.data(), keys.size(), &error);
    return Status(code, error);
  }
  // Waits until the writer has come to this point.
  QUIPU_LIVE Status try_summary_json(std::string &out, std::int64_t timeout_ms = wait_forever) {
    return text(out, [&](quipu_str *t, quipu_error **e) { return quipu_run_summary_json(handle_, timeout_ms, t, e); });
  }

  // Files, alerts, console, identity.

  // `inside`, if given, gets the JSON list of the paths inside the run.
  QUIPU_LIVE Status try_save(const Name &pattern, Policy policy = Policy::live, const Name &base_path = nullptr,
                  bool literal = false, std::string *inside = nullptr) {
    std::string unused;
    return text(inside ? *inside : unused, [&](quipu_str *t, quipu_error **e) {
      return quipu_run_save(handle_, pattern.c_str(), base_path.c_str(), static_cast<quipu_file_policy>(policy),
                            literal ? 1 : 0, t, e);
    });
  }
  QUIPU_LIVE Status try_log_artifact(const Artifact &artifact, const std::vector<std::string> &aliases = {},
                                     const std::vector<std::string> &tags = {}) {
    std::vector<const char *> names, labels;
    for (const std::string &alias : aliases) names.push_back(Name(alias).c_str());
    for (const std::string &tag : tags) labels.push_back(Name(tag).c_str());
    quipu_error *error = nullptr;
    const quipu_status code = quipu_run_log_artifact(handle_, artifact.handle(), names.data(), names.size(),
                                                     labels.data(), labels.size(), &error);
    return Status(code, error);
  }
  QUIPU_LIVE Status try_record_file(const Name &path, Policy policy = Policy::live) {
    quipu_error *error = nullptr;
    const quipu_status code =
        quipu_run_record_file(handle_, path.c_str(), static_cast<quipu_file_policy>(policy), &error);
    return Status(code, error);
  }
  QUIPU_LIVE Status try_record_requirements(std::string_view lines) {
    quipu_error *error = nullptr;
    const quipu_status code = quipu_run_record_requirements(handle_, detail::str(lines), &error);
    return Status(code, error);
  }
  QUIPU_LIVE Status try_alert(const Name &title, std::string_view text, Level level = Level::info,
                   std::int64_t wait_ms = 0) {
    const char *word = level == Level::error ? "ERROR" : level == Level::warning ? "WARN" : "INFO";
    quipu_error *error = nullptr;
    const quipu_status code = quipu_run_alert(handle_, title.c_str(), detail::str(text), word, wait_ms, &error);
    return Status(code, error);
  }
  QUIPU_LIVE Status try_output(std::string_view text, Stream stream = Stream::standard_output) {
    return Status(quipu_run_output(handle_, static_cast<quipu_stream>(stream), detail::str(text)));
  }
  QUIPU_LIVE Status try_mark_preempting() { return Status(quipu_run_mark_preempting(handle_)); }
  QUIPU_LIVE Status try_set_name(const Name &name) {
    quipu_error *error = nullptr;
    const quipu_status code = quipu_run_set_name(handle_, name.c_str(), &error);
    return Status(code, error);
  }
  QUIPU_LIVE Status try_set_notes(const Name &notes) {
    quipu_error *error = nullptr;
    const quipu_status code = quipu_run_set_notes(handle_, notes.c_str(), &error);
    return Status(code, error);
  }
  QUIPU_LIVE Status try_set_tags(const std::vector<std::string> &tags) {
    std::vector<const char *> plain = pointers(tags);
    plain.push_back(nullptr);
    quipu_error *error = nullptr;
    const quipu_status code = quipu_run_set_tags(handle_, plain.data(), tags.size(), &error);
    return Status(code, error);
  }
  QUIPU_LIVE Status try_info_json(std::string &out) {
    return text(out, [&](quipu_str *t, quipu_error **e) { return quipu_run_info_json(handle_, t, e); });
  }
  QUIPU_LIVE Status try_report(std::string &out) {
    return text(out, [&](quipu_str *t, quipu_error **e) { return quipu_run_report(handle_, t, e); });
  }
  QUIPU_LIVE Status try_stats(Stats &out) noexcept {
    out = Stats{};
    out.struct_size = sizeof(Stats);
    return Status(quipu_run_get_stats(handle_, &out));
  }

  // Online.

  // Waits until the server has taken up the run: info_json() has its page then.
  QUIPU_LIVE Status try_wait_online(std::int64_t timeout_ms = wait_forever) {
    quipu_error *error = nullptr;
    const quipu_status code = quipu_run_wait_online(handle_, timeout_ms, &error);
    return Status(code, error);
  }
  // Whether somebody has asked, on the server, that the run stop. Costs a few nanoseconds.
  QUIPU_LIVE bool stop_requested() const noexcept { return quipu_run_stop_requested(handle_) != 0; }
  // Called once, on a thread of the library (at once if the run was asked before); it must not block. An exception that
  // leaves it ends there. An empty function removes the handler.
  QUIPU_LIVE Status try_on_stop(std::function<void()> handler) {
    auto stored = handler ? std::make_unique<std::function<void()>>(std::move(handler)) : nullptr;
    // Set first: the one before must not be running when it goes.
    const quipu_status code = quipu_run_set_stop_handler(handle_, stored ? &Run::stopped : nullptr, stored.get());
    if (code == QUIPU_OK) stop_ = std::move(stored);
    return Status(code);
  }

  // The end.

  QUIPU_LIVE Status try_flush(std::int64_t timeout_ms = wait_forever) {
    quipu_error *error = nullptr;
    const quipu_status code = quipu_run_flush(handle_, timeout_ms, &error);
    return Status(code, error);
  }
  QUIPU_LIVE Status try_finish(int exit_code = 0, std::int64_t timeout_ms = wait_forever) {
    quipu_error *error = nullptr;
    finished_ = true;
    const quipu_status code = quipu_run_finish(handle_, exit_code, timeout_ms, &error);
    return Status(code, error);
  }

#if QUIPU_HAS_EXCEPTIONS
  explicit Run(const RunOptions &options) { try_start(*this, options).or_throw(); }

  template <class K, std::enable_if_t<detail::is_text<std::decay_t<K>>, int> = 0>
  QUIPU_LIVE void log(const K &key, double value) & {
    try_log(key, value).or_throw();
  }
  QUIPU_LIVE void log(std::initializer_list<Item> items, std::int64_t step = auto_step,
                      Commit commit = Commit::unset) & {
    try_log(items, step, commit).or_throw();
  }
  QUIPU_LIVE void log(const Json &row, std::int64_t step = auto_step, Commit commit = Commit::unset) & {
    try_log(row, step, commit).or_throw();
  }
  template <std::size_t N, std::size_t M>
  QUIPU_LIVE void log(const Columns<N> &columns, const double (&values)[M], std::int64_t step = auto_step,
           Commit commit = Commit::unset) & {
    try_log(columns, values, step, commit).or_throw();
  }
  template <std::size_t N>
  QUIPU_LIVE void log(const Columns<N> &columns, const std::array<double, N> &values, std::int64_t step = auto_step,
           Commit commit = Commit::unset) & {
    try_log(columns, values, step, commit).or_throw();
  }
  template <class... T>
  QUIPU_LIVE void log(const TypedColumns<T...> &columns, const typename TypedColumns<T...>::Row &row,
           std::int64_t step = auto_step, Commit commit = Commit::unset) & {
    try_log(columns, row, step, commit).or_throw();
  }
  QUIPU_LIVE void log_doubles(span<const char *const> keys, span<const double> values, std::int64_t step = auto_step,
                   Commit commit = Commit::unset) & {
    try_log_doubles(keys, values, step, commit).or_throw();
  }
  // auto columns = run.columns({"loss", "accuracy"});
  template <std::size_t N>
  Columns<N> columns(const char *const (&keys)[N]) const {
    return Columns<N>(keys);
  }
  QUIPU_LIVE void define_metric(const Name &name, const MetricOptions &options = {}) {
    try_define_metric(name, options).or_throw();
  }
  QUIPU_LIVE void config(const Json &object, bool allow_change = false) { try_config(object, allow_change).or_throw(); }
  QUIPU_LIVE void config(std::initializer_list<Item> members, bool allow_change = false) {
    try_config(members, allow_change).or_throw();
  }
  QUIPU_LIVE void config_defaults(const Json &object) { try_config_defaults(object).or_throw(); }
  QUIPU_LIVE void config_lock(const Json &object, const Name &owner) { try_config_lock(object, owner).or_throw(); }
  QUIPU_LIVE std::string config_json() {
    std::string result;
    try_config_json(result).or_throw();
    return result;
  }
  QUIPU_LIVE void summary(const Name &key, const Json &value) { try_summary(key, value).or_throw(); }
  QUIPU_LIVE void summary(const std::vector<std::string> &path, const Json &value) {
    try_summary(path, value).or_throw();
  }
  QUIPU_LIVE void summary_remove(const std::vector<std::string> &path) { try_summary_remove(path).or_throw(); }
  QUIPU_LIVE std::string summary_json(std::int64_t timeout_ms = wait_forever) {
    std::string result;
    try_summary_json(result, timeout_ms).or_throw();
    return result;
  }
  // Returns the JSON list of the paths inside the run.
  QUIPU_LIVE std::string save(const Name &pattern, Policy policy = Policy::live, const Name &base_path = nullptr,
                   bool literal = false) {
    std::string result;
    try_save(pattern, policy, base_path, literal, &result).or_throw();
    return result;
  }
  QUIPU_LIVE void log_artifact(const Artifact &artifact, const std::vector<std::string> &aliases = {},
                               const std::vector<std::string> &tags = {}) {
    try_log_artifact(artifact, aliases, tags).or_throw();
  }
  QUIPU_LIVE void record_file(const Name &path, Policy policy = Policy::live) {
    try_record_file(path, policy).or_throw();
  }
  QUIPU_LIVE void record_requirements(std::string_view lines) { try_record_requirements(lines).or_throw(); }
  QUIPU_LIVE void alert(const Name &title, std::string_view text, Level level = Level::info, std::int64_t wait_ms = 0) {
    try_alert(title, text, level, wait_ms).or_throw();
  }
  QUIPU_LIVE void output(std::string_view text, Stream stream = Stream::standard_output) {
    try_output(text, stream).or_throw();
  }
  QUIPU_LIVE void mark_preempting() { try_mark_preempting().or_throw(); }
  QUIPU_LIVE void set_name(const Name &name) { try_set_name(name).or_throw(); }
  QUIPU_LIVE void set_notes(const Name &notes) { try_set_notes(notes).or_throw(); }
  QUIPU_LIVE void set_tags(const std::vector<std::string> &tags) { try_set_tags(tags).or_throw(); }
  QUIPU_LIVE std::string info_json() {
    std::string result;
    try_info_json(result).or_throw();
    return result;
  }
  QUIPU_LIVE std::string report() {
    std::string result;
    try_report(result).or_throw();
    return result;
  }
  QUIPU_LIVE Stats stats() {
    Stats result;
    try_stats(result).or_throw();
    return result;
  }
  QUIPU_LIVE void wait_online(std::int64_t timeout_ms = wait_forever) { try_wait_online(timeout_ms).or_throw(); }
  QUIPU_LIVE void on_stop(std::function<void()> handler) { try_on_stop(std::move(handler)).or_throw(); }
  QUIPU_LIVE void flush(std::int64_t timeout_ms = wait_forever) { try_flush(timeout_ms).or_throw(); }
  QUIPU_LIVE void finish(int exit_code = 0, std::int64_t timeout_ms = wait_forever) {
    try_finish(exit_code, timeout_ms).or_throw();
  }
#endif

 private:
  void close() noexcept {
    if (!handle_) return;
    const int code = std::uncaught_exceptions() > exceptions_ ? 1 : 0;
    // What goes wrong here is told through diagnostics and the counters.
    if (!finished_) static_cast<void>(quipu_run_finish(handle_, code, close_timeout_ms, nullptr));
    quipu_run_free(std::exchange(handle_, nullptr));
    stop_.reset();
  }

  static void stopped(quipu_run *, void *user) {
#if QUIPU_HAS_EXCEPTIONS
    try {
      (*static_cast<std::function<void()> *>(user))();
    } catch (...) {
    }
#else
    (*static_cast<std::function<void()> *>(user))();
#endif
  }

  template <class F>
  Status text(std::string &out, F &&call) {
    quipu_str text = {nullptr, 0};
    quipu_error *error = nullptr;
    const quipu_status code = call(&text, &error);
    Status status(code, error);
    detail::take(text, out);
    return status;
  }
  Status set_summary(const char *const *path, std::size_t depth, const Json &value) {
    const std::string text = value.text();
    quipu_error *error = nullptr;
    const quipu_status code = quipu_run_summary_set(handle_, path, depth, detail::str(text), value.media().data(),
                                                    value.media().size(), &error);
    return Status(code, error);
  }
  static std::vector<const char *> pointers(const std::vector<std::string> &texts) {
    std::vector<const char *> result;
    result.reserve(texts.size() + 1);
    for (const std::string &text : texts) result.push_back(Name(text).c_str());
    return result;
  }

  std::unique_ptr<std::function<void()>> stop_;
  quipu_run *handle_ = nullptr;
  int exceptions_ = std::uncaught_exceptions();
  bool finished_ = false;
};

// ---------------------------------------------------------------------------------------------------------------------
// Login

struct LoginOptions {
  std::optional<std::string> host{};  // base URL; default: as for a run
  Toggle verify = Toggle::unset;      // default on
  Toggle store = Toggle::unset;       // default on when a key is given
  Toggle relogin = Toggle::unset;
  std::int64_t timeout_ms = 0;
};

// Checks an API key and keeps it; nullptr: the one that runs would use. `report`, if given, gets quipu_login's JSON.
inline Status try_login(const Name &key = nullptr, const LoginOptions &options = {}, std::string *report = nullptr) {
  quipu_login_options plain = {};
  plain.struct_size = sizeof plain;
  plain.verify = static_cast<quipu_toggle>(options.verify);
  plain.store = static_cast<quipu_toggle>(options.store);
  plain.relogin = static_cast<quipu_toggle>(options.relogin);
  plain.host = detail::text_or_null(options.host);
  plain.timeout_ms = options.timeout_ms;
  quipu_str text = {nullptr, 0};
  quipu_error *error = nullptr;
  const quipu_status code = quipu_login(key.c_str(), &plain, &text, &error);
  Status status(code, error);
  std::string unused;
  detail::take(text, report ? *report : unused);
  return status;
}

// Forgets the API key of a server. `removed`, if given, tells whether there was one.
inline Status try_logout(const Name &host = nullptr, bool *removed = nullptr) {
  std::int32_t had_one = 0;
  quipu_error *error = nullptr;
  const quipu_status code = quipu_logout(host.c_str(), &had_one, &error);
  if (removed) *removed = had_one != 0;
  return Status(code, error);
}

#if QUIPU_HAS_EXCEPTIONS
inline std::string login(const Name &key = nullptr, const LoginOptions &options = {}) {
  std::string report;
  try_login(key, options, &report).or_throw();
  return report;
}
inline bool logout(const Name &host = nullptr) {
  bool removed = false;
  try_logout(host, &removed).or_throw();
  return removed;
}
#endif

}  // namespace quipu

#endif  // QUIPU_HPP
