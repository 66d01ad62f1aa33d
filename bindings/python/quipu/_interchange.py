"""Columns of other libraries' dataframes, without importing those libraries.

pandas is read through its own attributes, so that cells are what W&B makes of them. Everything else comes as Arrow's
stream, which the library reads itself, or through the dataframe interchange protocol (version 0.2 and later).
"""

import array
import struct

from . import _arrays, _cells, _ffi, errors

# Kinds of the interchange protocol.
_INT, _UINT, _FLOAT, _BOOL, _STRING, _DATETIME, _CATEGORICAL = 0, 1, 2, 20, 21, 22, 23
_NON_NULLABLE, _USE_NAN, _USE_SENTINEL, _USE_BITMASK, _USE_BYTEMASK = range(5)


def is_frame(value):
    """Whether the value is a dataframe and not rows."""
    if _arrays.module_of(value) == "pandas":
        return hasattr(value, "columns")
    cls = type(value)
    return hasattr(cls, "__dataframe__") or (hasattr(cls, "__arrow_c_stream__") and not hasattr(cls, "__array__")) or (
        hasattr(cls, "__arrow_c_stream__") and hasattr(value, "columns")
    )


def rows(source):
    """The rows of a dataframe that was read through Arrow, as its library gives them; None if it does not."""
    if hasattr(source, "rows") and callable(source.rows):
        return [list(row) for row in source.rows()]
    if hasattr(source, "to_pydict"):
        columns = [column.to_pylist() for column in source.columns]
        return [list(row) for row in zip(*columns)]
    return None


# -- pandas


def pandas_columns(frame):
    """(names, [(cells, values)]) of a pandas DataFrame. Missing texts are NaN, missing values of nullable columns None."""
    names = [name if type(name) is int else str(name) for name in frame.columns]
    return names, [_pandas_column(frame.iloc[:, at]) for at in range(len(names))]


def _pandas_column(series):
    from ._table import _Cells

    values = series.values
    dtype = getattr(values, "dtype", None)
    if _arrays.module_of(values) == "numpy" and dtype.kind in "biufM":
        copy = values.copy()
        cells = _cells.from_array(copy)
        if cells is not None:
            return cells, copy
    plain = series.tolist() if dtype is not None and dtype.kind == "O" else list(values)
    if _arrays.module_of(values) != "numpy":
        plain = [None if type(value).__name__ == "NAType" else value for value in plain]
    return _cells.column(plain, _Cells()), plain


# -- the interchange protocol


def protocol_columns(frame):
    """(names, [(cells, values)]) of an object of the interchange protocol, whose chunks are put together."""
    names = [str(name) for name in frame.column_names()]
    chunks = list(frame.get_chunks())
    columns = []
    for name in names:
        values = []
        for chunk in chunks:
            values += _values(chunk.get_column_by_name(name), name)
        if all(type(value) is float or value is None for value in values) and None not in values:
            # NaN is a number here; missing values are marked.
            data = array.array("d", values)
            columns.append((_ffi.array_cells(*_arrays.view(data)), values))
        else:
            from ._table import _Cells

            columns.append((_cells.column(values, _Cells()), values))
    return names, columns


def _values(column, name):
    """A chunk of a column as Python values; None where one is missing."""
    kind, bits, form, _ = column.dtype
    kind = int(kind)
    count, offset = column.size(), column.offset
    buffers = column.get_buffers()
    if kind == _CATEGORICAL:
        words = column.describe_categorical
        words = _values(words["categories"], name)
        codes = _numbers(buffers["data"], count, offset)
        missing = _missing(column, buffers, count, offset, codes)
        return [None if gone else words[code] for code, gone in zip(codes, missing)]
    if kind == _STRING:
        data = _ffi.memory_at(buffers["data"][0].ptr, buffers["data"][0].bufsize)
        ends = _numbers(buffers["offsets"], count + 1, offset)
        values = [data[ends[at] : ends[at + 1]].decode() for at in range(count)]
    elif kind == _BOOL and bits == 1:
        data = _ffi.memory_at(buffers["data"][0].ptr, buffers["data"][0].bufsize)
        values = [bool(data[at >> 3] >> (at & 7) & 1) for at in range(offset, offset + count)]
    elif kind in (_INT, _UINT, _FLOAT, _BOOL):
        values = _numbers(buffers["data"], count, offset)
        if kind == _BOOL:
            values = [bool(value) for value in values]
    elif kind == _DATETIME:
        values = [_moment(value, form) for value in _numbers(buffers["data"], count, offset)]
    else:
        raise errors.make(
            "table_frame_type", f"dataframe: column {name!r} has a type ({form}) that a table cannot hold", -106, TypeError
        )
    missing = _missing(column, buffers, count, offset, values)
    return [None if gone else value for value, gone in zip(values, missing)]


def _numbers(buffer, count, offset):
    """Numbers of a buffer, whose type says how they are stored."""
    memory, (kind, bits, _, _) = buffer
    codes = {_INT: "bhiq", _UINT: "BHIQ", _FLOAT: " efd", _BOOL: "BHIQ", _DATETIME: "bhiq"}[int(kind)]
    code = codes[{8: 0, 16: 1, 32: 2, 64: 3}[bits]]
    size = bits // 8
    return list(struct.unpack(f"={count}{code}", _ffi.memory_at(memory.ptr + offset * size, count * size)))


def _missing(column, buffers, count, offset, values):
    """For each value whether it is missing."""
    how, sign = column.describe_null
    how = int(how)
    if how == _USE_NAN:
        return [value != value for value in values]
    if how == _USE_SENTINEL:
        return [value == sign for value in values]
    mask = buffers.get("validity")
    if how in (_USE_BITMASK, _USE_BYTEMASK) and mask is not None:
        data = _ffi.memory_at(mask[0].ptr, mask[0].bufsize)
        if how == _USE_BITMASK:
            return [(data[at >> 3] >> (at & 7) & 1) == sign for at in range(offset, offset + count)]
        return [bool(data[at]) == bool(sign) for at in range(offset, offset + count)]
    return [False] * count


def _moment(value, form):
    """A point in time; Arrow's spelling of the unit."""
    import datetime

    if value == -(2**63):
        return None
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc if form[4:] else None)
    if form == "tdD":
        return (epoch + datetime.timedelta(days=value)).date()
    scale = {"s": 1_000_000, "m": 1000, "u": 1}.get(form[2:3])
    micros = value * scale if scale else value // 1000
    return epoch + datetime.timedelta(microseconds=micros)
