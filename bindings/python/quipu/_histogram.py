"""Histograms."""

import json
import struct
import sys

from . import _arrays, _convert, _ffi, errors
from ._handle import Handle, new, number, refuse

_lib = _ffi.lib
_HISTOGRAM_MAX = 512


def _numbers(values, name):
    """(view, its keeper) of an array or of numbers in a list."""
    view = None
    if _arrays.is_array(values):
        view = _arrays.view(_arrays.host(values))
    elif values is not None and not isinstance(values, (str, bytes, dict)):
        if isinstance(values, (int, float)):
            values = [values]
        elif not isinstance(values, (list, tuple)):
            values = list(values) if hasattr(values, "__iter__") else [values]
        view = _arrays.from_numbers(values)
    if view is None:
        raise refuse(
            "histogram_not_numbers", f"{name}: a histogram needs numbers, not {type(values).__name__}", TypeError
        )
    return view


def _edges(bins):
    if isinstance(bins, (list, tuple)) and not _arrays.is_flat(bins):
        raise refuse("histogram_bad_bins", "bins: edges are one list of numbers, without lists inside")
    return _numbers(bins, "bins")


def _is_many(bins):
    """Whether bins are edges rather than a number."""
    if _arrays.is_array(bins):
        return len(getattr(bins, "shape", (0,))) > 0
    return hasattr(bins, "__iter__")


def _limit(value):
    """A Python number is plain; a NumPy scalar brings its type."""
    limit = _ffi.Limit()
    interface = getattr(value, "__array_interface__", None)
    if isinstance(interface, dict):
        limit.dtype = _ffi.DTYPES.get(interface["typestr"][1:], 0)
        value = value.item()
    if isinstance(value, int) and not _convert.INT64_MIN <= value <= _convert.INT64_MAX:
        if limit.dtype:  # uint64
            value -= 2**64
        else:
            value = float(value)
    try:
        if isinstance(value, int):
            limit.is_integer, limit.integer = 1, value
        else:
            limit.number = float(value)
    except (TypeError, ValueError):
        raise refuse(
            "histogram_bad_range", f"range: the limits must be numbers, not {type(value).__name__}", TypeError
        ) from None
    return limit


class _Options:
    """`quipu_histogram_options` and what its pointers need."""

    def __init__(self, bins, range, weights, density, skip_nonfinite):
        self.plain = _ffi.struct_of(_ffi.HistogramOptions)
        self.plain.density = 1 if density else 0
        self.plain.skip_nonfinite = 1 if skip_nonfinite else 0
        self._keep = []
        if isinstance(bins, str):
            self.plain.estimator = _ffi.cstring(bins)
        elif _is_many(bins):
            self.plain.edges = _ffi.pointer(self._view(_edges(bins)))
        else:
            self.plain.bins = self._count(bins)
        if range is not None:
            try:
                low, high = range
            except (TypeError, ValueError):
                raise refuse("histogram_bad_range", "range: must be two limits, (low, high)") from None
            self.plain.range = (_ffi.Limit * 2)(_limit(low), _limit(high))
        if weights is not None:
            self.plain.weights = _ffi.pointer(self._view(_numbers(weights, "weights")))

    def _view(self, view):
        self._keep.append(view)
        return view[0]

    @staticmethod
    def _count(bins):
        if not hasattr(type(bins), "__index__"):
            raise refuse(
                "histogram_bad_bins", f"bins: must be an integer, a rule's name or edges, not {type(bins).__name__}",
                TypeError,
            )  # fmt: skip
        bins = bins.__index__()
        if not 1 <= bins <= _convert.INT64_MAX:
            raise refuse("histogram_bad_bins", f"bins: must be 1 or more, not {bins}")
        return bins


def histogram(a, bins=10, range=None, density=None, weights=None, *, skip_nonfinite=False):
    """Counts and edges as `numpy.histogram` makes them, without a run: equal counts, edges equal to the last bit.

    Args:
      a: numbers, nested lists of numbers or an array of any real type and shape.
      bins: a number of equal bins, a rule ("auto", "fd", "doane", "scott", "stone", "rice", "sturges", "sqrt"), or
        ascending edges.
      range: two outer limits; default: minimum and maximum, which must be finite.
      density: divide counts by bin width and total.
      weights: of the shape of `a`; counts become sums in their type.
      skip_nonfinite: leave out NaN and infinities, and their weights.

    Returns:
      (counts, edges): NumPy arrays in a program that uses NumPy, else lists.
    """
    view = _numbers(a, "a")
    options = _Options(bins, range, weights, density, skip_nonfinite)
    status, found, error = _ffi.histogram(view[0], options.plain)
    if status != _ffi.OK:
        code, kind, message = _ffi.take_error(error, status)
        raise errors.make(kind, message, code)
    counts, edges, _ = found
    return _values(*counts), _values(*edges)


_LETTERS = {1: "?", 2: "b", 3: "h", 4: "i", 5: "q", 6: "B", 7: "H", 8: "I", 9: "Q", 10: "e", 12: "f", 13: "d"}
_NAMES = {number: name for name, number in _ffi.DTYPES.items()}


def _values(data, dtype, count):
    numpy = sys.modules.get("numpy")
    if dtype == _ffi.BFLOAT16:  # the upper half of single precision
        words = struct.unpack(f"={count}H", data)
        data, dtype = struct.pack(f"={count}I", *(word << 16 for word in words)), 12
    if numpy is not None:
        return numpy.frombuffer(data, _NAMES[dtype]).copy()
    if dtype in (14, 15):
        parts = struct.unpack(f"={2 * count}{'f' if dtype == 14 else 'd'}", data)
        return [complex(*pair) for pair in zip(parts[::2], parts[1::2])]
    return list(struct.unpack(f"={count}{_LETTERS[dtype]}", data))


class Histogram(Handle):
    """Counts of values in bins, as `numpy.histogram` makes them.

    Args:
      sequence: numbers, nested lists of numbers or an array.
      np_histogram: (counts, edges), taken as they are; wins over `sequence`.
      num_bins: 1..512 equal bins.
      bins: instead of num_bins: a number, a rule ("auto", ...) or edges, as for `quipu.histogram`; at most 512 bins.
      range, density, weights: as for `quipu.histogram`.
      skip_nonfinite: leave out NaN and infinities, which are an error otherwise, and store how many as "skipped".
    """

    MAX_LENGTH = _HISTOGRAM_MAX

    def __init__(
        self,
        sequence=None,
        np_histogram=None,
        num_bins=64,
        *,
        bins=None,
        range=None,
        density=None,
        weights=None,
        skip_nonfinite=False,
    ):
        if np_histogram is not None and len(np_histogram):
            super().__init__(self._ready_made(np_histogram))
            return
        if bins is None:
            if isinstance(num_bins, bool) or not hasattr(type(num_bins), "__index__"):
                raise refuse("histogram_bad_bins", "num_bins must be an integer", TypeError)
            bins = num_bins.__index__()
            if not 1 <= bins <= _HISTOGRAM_MAX:
                raise refuse("histogram_bad_bins", f"num_bins must be 1..{_HISTOGRAM_MAX}, not {bins}")
        view = _numbers(sequence, "sequence")
        options = _Options(bins, range, weights, density, skip_nonfinite)
        super().__init__(new(_lib.quipu_histogram_new, _ffi.reference(view[0]), _ffi.reference(options.plain)))

    @staticmethod
    def _ready_made(np_histogram):
        if len(np_histogram) != 2:
            raise refuse("histogram_bad_pair", "np_histogram must be (counts, edges)")
        counts, edges = (
            values.tolist() if hasattr(values, "tolist") else [number(value) for value in values]
            for values in np_histogram
        )
        if len(counts) > _HISTOGRAM_MAX:
            raise refuse("histogram_too_long", f"a histogram may have at most {_HISTOGRAM_MAX} bins")
        text = _convert.text({"values": counts, "bins": edges})
        return new(_lib.quipu_histogram_from_json, _ffi.string(text))

    def _content(self):
        """What a row holds, read once."""
        content = self.__dict__.get("_read")
        if content is None:
            status, text, error = _ffi.call_text(_lib.quipu_media_json, self._media)
            if status != _ffi.OK:
                code, kind, message = _ffi.take_error(error, status)
                raise errors.make(kind, message, code)
            content = self._read = json.loads(text)
        return content

    @property
    def histogram(self):
        """The counts."""
        return list(self._content()["values"])

    @property
    def bins(self):
        """The edges, one more than counts."""
        return list(self._content()["bins"])

    @property
    def skipped(self):
        """How many NaN and infinities were left out."""
        return self._content().get("skipped", 0)

    def __repr__(self):
        return "<quipu Histogram>"
