"""Histograms."""

import json

from . import _arrays, _convert, _ffi, errors
from ._handle import Handle, new, number, refuse

_lib = _ffi.lib
_HISTOGRAM_MAX = 512


class Histogram(Handle):
    """Counts of values in bins.

    Args:
      sequence: numbers, nested lists of numbers or an array: counted as numpy.histogram does.
      np_histogram: (counts, edges), taken as they are; wins over `sequence`.
      num_bins: 1..512.
    """

    MAX_LENGTH = _HISTOGRAM_MAX

    def __init__(self, sequence=None, np_histogram=None, num_bins=64):
        if np_histogram is not None and len(np_histogram):
            super().__init__(self._ready_made(np_histogram))
        else:
            super().__init__(self._counted(sequence, num_bins))

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

    @staticmethod
    def _counted(sequence, num_bins):
        if isinstance(num_bins, bool) or not hasattr(type(num_bins), "__index__"):
            raise refuse("histogram_bad_bins", "num_bins must be an integer", TypeError)
        bins = num_bins.__index__()
        if not 1 <= bins <= _HISTOGRAM_MAX:
            raise refuse("histogram_bad_bins", f"num_bins must be 1..{_HISTOGRAM_MAX}, not {bins}")
        view = None
        if _arrays.is_array(sequence):
            view = _arrays.view(_arrays.host(sequence))
        elif sequence is not None and not isinstance(sequence, (str, bytes, dict)):
            if isinstance(sequence, (int, float)):
                sequence = [sequence]
            elif not isinstance(sequence, (list, tuple)):
                sequence = list(sequence) if hasattr(sequence, "__iter__") else [sequence]
            view = _arrays.from_numbers(sequence)
        if view is None:
            raise refuse(
                "histogram_not_numbers", f"a Histogram needs numbers, not {type(sequence).__name__}", TypeError
            )
        return new(_lib.quipu_histogram_new, _ffi.reference(view[0]), bins)

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

    def __repr__(self):
        return "<quipu Histogram>"
