"""Columns of cells for the library: what kind a list of Python values is of, and how it gets there."""

import array
import itertools
from operator import is_not

from . import _arrays, _convert, _ffi

_NONE = type(None)
_ARRAY_CODES = {int: "q", float: "d", bool: "B"}
_FILLERS = {int: 0, float: 0.0, bool: False, str: ""}
_TIME_UNITS = {"ns": 0, "us": 1, "ms": 2, "s": 3, "D": 4}


def column(values, cells):
    """A column of any values. `cells` converts what is not plain and keeps what must stay alive."""
    kinds = set(map(type, values))
    missing_is_nan = False
    valid = None
    if _NONE in kinds and len(kinds) == 2:
        kinds.discard(_NONE)
        valid = bytes(map(is_not, values, itertools.repeat(None)))
    elif kinds == {str, float} and all(value != value for value in values if type(value) is float):
        # Texts of a dataframe, where a missing one is NaN.
        kinds = {str}
        missing_is_nan = True
        valid = bytes(type(value) is str for value in values)
    found = None
    if len(kinds) == 1:
        (kind,) = kinds
        filled = values
        if valid is not None and kind in _FILLERS:
            filler = _FILLERS[kind]
            filled = [value if here else filler for value, here in zip(values, valid)]
        if kind is str:
            found = texts(filled)
        elif kind in _ARRAY_CODES:
            found = _numbers(filled, _ARRAY_CODES[kind])
        elif valid is None and kind.__module__ == "numpy":
            found = _numpy_scalars(values)
    if found is None:
        return _ffi.json_cells(_convert.text([cells.cell(value) for value in values]), cells)
    if valid is not None:
        _ffi.set_valid(found, valid, missing_is_nan)
    elif kinds == {float}:
        found.missing_is_nan = 1  # a plain NaN is a missing value
    return found


def _numbers(values, code):
    try:
        data = array.array(code, values)
    except OverflowError:
        return None
    if code != "B":
        view, keep = _arrays.view(data)
    else:
        buffer = memoryview(data)
        view = _ffi.array(_ffi.buffer_address(buffer), 1, (len(data),))
        keep = (data, buffer)
    return _ffi.array_cells(view, keep)


def _numpy_scalars(values):
    dtype = getattr(values[0], "dtype", None)
    if dtype is None or hasattr(values[0], "__setitem__"):  # an array
        return None
    if dtype.kind == "f":
        return _numbers(values, "d")
    if dtype.kind in "iu":
        return _numbers([int(value) for value in values], "q")
    return None


def texts(values):
    """A column of texts; None if one of them is not Unicode."""
    joined = "".join(values)
    try:
        data = joined.encode()
    except UnicodeEncodeError:
        return None
    sizes = map(len, values) if len(data) == len(joined) else (len(value.encode()) for value in values)
    offsets = array.array("q", itertools.accumulate(sizes, initial=0))
    return _ffi.text_cells(data, offsets, len(values))


def from_array(values):
    """A column from an array: a number per row, or an array per row. None for what the library cannot read."""
    dtype = getattr(values, "dtype", None)
    if getattr(dtype, "kind", "") == "M" and len(values.shape) == 1:
        return _times(values, str(dtype))
    view = _arrays.view(_arrays.host(values))
    return None if view is None else _ffi.array_cells(view[0], view)


def _times(values, dtype):
    """datetime64: integers in its unit."""
    unit = dtype.partition("[")[2].rstrip("]")
    if unit not in _TIME_UNITS:
        unit = "D" if unit in ("Y", "M", "W") else "s"
        values = values.astype(f"datetime64[{unit}]")
    view, keep = _arrays.view(values.astype("int64"))
    return _ffi.array_cells(view, keep, _TIME_UNITS[unit])
