"""The C library through ctypes, no more than the media parts need."""

import ctypes
from ctypes import POINTER, byref, c_char_p, c_int32, c_int64, c_uint32, c_void_p

from bench import LIBRARY


class Array(ctypes.Structure):
    _fields_ = [
        ("data", c_void_p), ("dtype", c_int32), ("ndim", c_int32), ("shape", POINTER(c_int64)),
        ("strides", POINTER(c_int64)), ("flags", c_uint32), ("reserved", c_uint32),
    ]  # fmt: skip


class HistogramOptions(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_uint32), ("density", c_uint32), ("bins", c_int64), ("estimator", c_char_p),
        ("edges", c_void_p), ("range", c_void_p), ("weights", c_void_p), ("skip_nonfinite", c_uint32),
        ("reserved", c_uint32),
    ]  # fmt: skip


class Str(ctypes.Structure):
    _fields_ = [("data", c_void_p), ("size", ctypes.c_size_t)]


class Item(ctypes.Structure):
    _fields_ = [
        ("key", c_char_p), ("type", c_int32), ("reserved", c_int32), ("integer", c_int64), ("number", ctypes.c_double),
        ("text", Str), ("media", c_void_p),
    ]  # fmt: skip


DTYPES = {
    "int32": 4, "int64": 5, "uint8": 6, "uint16": 7, "float16": 10, "float32": 12, "float64": 13,
}  # fmt: skip
TYPE_MEDIA = 6

lib = ctypes.CDLL(LIBRARY)
for name in ("image_new", "histogram_new", "run_start", "run_finish", "run_flush", "run_log_items", "media_json"):
    getattr(lib, "quipu_" + name).restype = c_int32
lib.quipu_image_new.argtypes = [c_void_p, c_void_p, c_void_p, c_void_p]
lib.quipu_histogram_new.argtypes = [c_void_p, c_void_p, c_void_p, c_void_p]
lib.quipu_run_log_items.argtypes = [c_void_p, c_void_p, ctypes.c_size_t, c_int64, c_int32, c_void_p]
lib.quipu_run_flush.argtypes = [c_void_p, c_int64, c_void_p]
lib.quipu_run_finish.argtypes = [c_void_p, c_int32, c_int64, c_void_p]
lib.quipu_media_json.argtypes = [c_void_p, c_void_p, c_void_p]
lib.quipu_media_free.argtypes = [c_void_p]
lib.quipu_media_free.restype = None
lib.quipu_text_free.argtypes = [Str]
lib.quipu_text_free.restype = None
lib.quipu_run_free.argtypes = [c_void_p]
lib.quipu_run_free.restype = None
lib.quipu_run_directory.argtypes = [c_void_p]
lib.quipu_run_directory.restype = c_char_p


def must(status, what):
    if status != 0:
        raise RuntimeError(f"{what}: status {status}")


def view(array):
    """A quipu_array of a contiguous numpy array, which must outlive it."""
    shape = (c_int64 * array.ndim)(*array.shape)
    result = Array(array.ctypes.data, DTYPES[array.dtype.name], array.ndim, shape, None, 0, 0)
    result.keep = shape
    return result


def json_of(media):
    text = Str()
    must(lib.quipu_media_json(media, byref(text), None), "media_json")
    try:
        return ctypes.string_at(text.data, text.size).decode()
    finally:
        lib.quipu_text_free(text)


def make(function, *arguments):
    handle = c_void_p()
    must(function(*arguments, byref(handle), None), function.__name__)
    return handle
