"""Table: rows of cells under named columns. The library learns and checks the types of the columns."""

import contextlib
import datetime
import gc
import itertools

from . import _arrays, _convert, _ffi, errors
from ._histogram import Histogram

_lib = _ffi.lib
_LOG_MODES = ("IMMUTABLE", "MUTABLE", "INCREMENTAL")
_EPOCH = datetime.datetime(1970, 1, 1)

_TYPE_NAMES = {str: "string", int: "number", float: "number", complex: "number", bool: "boolean", type(None): "none"}
_MEDIA_NAMES = {"Image": "image-file", "Object3D": "object3D-file", "Audio": "audio-file", "Video": "video-file",
                "Html": "html-file"}  # fmt: skip


@contextlib.contextmanager
def _collector_at_rest():
    """A hundred thousand new lists make the garbage collector look at all of them, again and again, in vain."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


# Cells of these types are their own JSON.
_PLAIN = frozenset((int, float, str, bool, type(None)))


def _check(status, error, value_error=TypeError):
    """A cell that does not fit is a TypeError, a row of the wrong width a ValueError."""
    if status == _ffi.OK:
        return
    code, kind, message = _ffi.take_error(error, status)
    raise errors.make(kind, message, code, value_error if code in (-106, -107) else None)


def _assert(condition, message):
    if not condition:
        raise errors.make("table_assertion", message, _ffi.ERROR_VALUE, AssertionError)


class RowIndex(int):
    """The number of a row, tied to its table: a cell of another table that refers to that row."""

    def __new__(cls, value, table):
        index = super().__new__(cls, value)
        index._table = table
        return index

    def get_row(self):
        return self._table._row(int(self))


class _Cells(_convert.Converter):
    """Cells in the tagged notation of docs/tables.md; `media` and `views` are what the text refers to."""

    def __init__(self):
        super().__init__()
        self.views = []
        self.unstorable = None

    def cell(self, value):
        cls = type(value)
        if cls in (str, int, float, bool) or value is None:
            return value
        if cls is list:
            return [self.cell(item) for item in value]
        if cls is tuple:
            return {"$q": "tuple", "v": [self.cell(item) for item in value]}
        if cls is RowIndex:
            return {"$q": "index", "i": self.attach(value._table), "row": int(value)}
        if isinstance(value, (set, frozenset)):
            return {"$q": "set", "v": [self.cell(item) for item in value]}
        if isinstance(value, dict):
            return self.dictionary(value)
        if isinstance(value, Histogram):
            self.unstorable = "Histogram"
        if isinstance(value, _convert.Media):
            return {"$q": "table" if isinstance(value, Table) else "media", "i": self.attach(value)}
        if _arrays.module_of(value) == "numpy":
            return self.numpy(value)
        if isinstance(value, (list, tuple)):
            return [self.cell(item) for item in value]
        if isinstance(value, datetime.datetime):
            return _timestamp(value)
        if isinstance(value, datetime.date):
            days = value.toordinal() - _EPOCH.toordinal()
            return {"$q": "timestamp", "iso": value.isoformat(), "ms": days * 86_400_000}
        if isinstance(value, (bytes, bytearray)):
            return {"$q": "bytes", "b": list(value)}
        if isinstance(value, str):
            return str.__str__(value)
        if _arrays.is_array(value):
            return self.array(_arrays.host(value))
        return self.object(value)

    def attach(self, value):
        self.media.append(value._handle())
        self._keep.append(value)
        return len(self.media) - 1

    def dictionary(self, value):
        pairs = [[key if isinstance(key, str) else self.key(key), self.cell(item)] for key, item in value.items()]
        if any(key == "$q" for key, _ in pairs):
            return {"$q": "dict", "v": pairs}
        return dict(pairs)

    def numpy(self, value):
        if getattr(value, "shape", None) == () and not hasattr(value, "__setitem__"):
            return self.scalar(value)
        return self.array(value)

    def scalar(self, value):
        kind = value.dtype.kind
        if kind in "biu":
            return value.item()
        if kind == "f":
            number = float(value)
            return {"$q": "np", "v": number} if number != number else number
        if kind == "U":
            return {"$q": "npstr", "v": str(value)}
        if kind == "M":
            return _datetime64(value)
        if kind == "c":
            self.unstorable = "complex"
            return {"$q": "object", "class": "complex", "type": "number"}
        return self.object(value)

    def array(self, value):
        view = _arrays.view(value)
        if view is None:
            if hasattr(value, "tolist"):
                return self.cell(value.tolist())
            return self.object(value)
        self.views.append(view[0])
        self._keep.append(view)
        return {"$q": "ndarray", "i": len(self.views) - 1}

    def object(self, value):
        result = {"$q": "object", "class": type(value).__name__}
        if type(value).__name__ == "Decimal":
            result["run"], result["artifact"] = str(value), float(value)
            return result
        try:
            if not isinstance(value, (complex, range)):
                result["run"] = result["artifact"] = _convert.Row().value(value)
                return result
        except (TypeError, ValueError):
            pass
        self.unstorable = type(value).__name__  # an error when the table is logged, as with W&B
        return result


def _timestamp(value):
    iso = value.isoformat()
    if iso.endswith("+00:00"):
        iso = iso[:-6] + "Z"
    if value.tzinfo is not None:
        value = value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    delta = value - _EPOCH
    micros = (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
    return {"$q": "timestamp", "iso": iso, "ms": abs(micros) // 1000 * (1 if micros >= 0 else -1)}


def _datetime64(value):
    if str(value) == "NaT":
        return {"$q": "timestamp"}
    unit = str(value.dtype)
    count = int(value.astype("int64"))
    if unit == "datetime64[ns]":
        return {"$q": "timestamp", "ns": count}
    milliseconds = int(value.astype("datetime64[ms]").astype("int64"))
    iso = value.item().isoformat() if hasattr(value.item(), "isoformat") else str(value)
    return {"$q": "timestamp", "iso": iso, "ms": milliseconds}


def column_type(dtype):
    """W&B's way to write a column's type, as JSON: Python types, [t], [a, b], {key: t}, or a constant."""
    if dtype is None:
        return None
    if isinstance(dtype, type):
        if dtype in _TYPE_NAMES:
            return _TYPE_NAMES[dtype]
        if dtype is list or dtype is tuple or dtype is set:
            return {"wb_type": "list", "params": {"element_type": {"wb_type": "unknown"}, "length": None}}
        if dtype is dict:
            return {"wb_type": "typedDict", "params": {"type_map": {}}}
        if issubclass(dtype, datetime.date):
            return "timestamp"
        name = dtype.__name__
        if name in _MEDIA_NAMES and issubclass(dtype, _convert.Media):
            return {"wb_type": _MEDIA_NAMES[name]}
        return {"wb_type": "pythonObject", "params": {"class_name": name}}
    if isinstance(dtype, (list, tuple)):
        if len(dtype) == 1:
            element = column_type(dtype[0])
            return {"wb_type": "list", "params": {"element_type": _as_object(element), "length": None}}
        return {"wb_type": "union", "params": {"allowed_types": [_as_object(column_type(part)) for part in dtype]}}
    if isinstance(dtype, dict):
        if "wb_type" in dtype:
            return dtype
        members = {str(key): _as_object(column_type(value)) for key, value in dtype.items()}
        return {"wb_type": "typedDict", "params": {"type_map": members}}
    return {"wb_type": "const", "params": {"val": dtype, "is_set": False}}


def _as_object(json):
    return {"wb_type": json} if isinstance(json, str) else json


class Table(_convert.Media):
    """Rows of cells under named columns.

    Args:
      columns: names; default Input, Output, Expected.
      data: rows: lists of cells, or an array.
      dataframe: columns and rows of a pandas DataFrame.
      dtype: type of all columns, or a list with one type per column; default: learned from the cells.
      optional: whether cells may be None; for all columns or one per column.
      allow_mixed_types: any cell in any column.
      log_mode: what logging the same table again does: "IMMUTABLE" repeats the first, "MUTABLE" writes all rows
        again, "INCREMENTAL" writes the new rows.
    """

    MAX_ROWS = 10_000
    MAX_ARTIFACT_ROWS = 200_000

    def __init__(
        self,
        columns=None,
        data=None,
        rows=None,
        dataframe=None,
        dtype=None,
        optional=True,
        allow_mixed_types=False,
        log_mode="IMMUTABLE",
    ):
        _assert(log_mode in _LOG_MODES, f"log_mode must be one of {', '.join(_LOG_MODES)}, not {log_mode!r}")
        self.log_mode = log_mode
        data = rows if data is None else data
        if dataframe is None and _arrays.module_of(data) == "pandas":
            dataframe = data
        if dataframe is not None:
            columns = [name if type(name) is int else str(name) for name in dataframe.columns]
            values = [list(dataframe.iloc[:, n].to_numpy()) for n in range(len(columns))]
            data = [list(row) for row in zip(*values)] if values else []
        if columns is None:
            columns = ["Input", "Output", "Expected"]
        _assert(isinstance(columns, list), "columns must be a list")
        _assert(all(type(name) in (str, int) for name in columns), "columns must be texts or integers")
        self.columns = list(columns)
        self.data = []
        self._media = None
        self._unstorable = None
        self._media = self._new(dtype, optional, allow_mixed_types)
        if data is not None:
            if hasattr(data, "tolist") and hasattr(data, "shape"):
                data = [list(row) for row in data]
            _assert(isinstance(data, list), "data must be a list of rows")
            with _collector_at_rest():
                self._extend([list(row) for row in data])

    def _new(self, dtype, optional, allow_mixed_types):
        options = _ffi.struct_of(_ffi.TableOptions)
        options.log_mode = _LOG_MODES.index(self.log_mode)
        options.allow_mixed_types = 1 if allow_mixed_types else 0
        schema = {}
        if any(type(name) is int for name in self.columns):
            schema["names"] = self.columns
        if dtype is not None:
            types = dtype if isinstance(dtype, list) else [dtype] * len(self.columns)
            schema["types"] = [column_type(part) for part in types]
        if optional is not True:
            several = isinstance(optional, (list, tuple))
            schema["optional"] = [bool(part) for part in optional] if several else bool(optional)
        text = _convert.text(schema) if schema else None
        options.schema_json = _ffi.string(text)
        names = [str(name) for name in self.columns]
        status, handle, error = _ffi.new_handle(
            _lib.quipu_table_new, _ffi.strings(names), len(names), _ffi.reference(options)
        )
        _check(status, error)
        return handle

    def _extend(self, rows):
        for row in rows:
            if len(row) != len(self.columns):
                raise errors.make(
                    "table_row_width", f"a row needs {len(self.columns)} cells, one per column, not {len(row)}", -105
                )
        if not rows:
            return
        cells = _Cells()
        if _PLAIN.issuperset(map(type, itertools.chain.from_iterable(rows))):
            text = _convert.text(rows)
        else:
            text = _convert.text([[cells.cell(value) for value in row] for row in rows])
        status, error = _ffi.call(
            _lib.quipu_table_add_rows_json,
            self._media,
            _ffi.string(text),
            _ffi.handles(cells.media),
            len(cells.media),
            _ffi.arrays(cells.views),
            len(cells.views),
        )
        _check(status, error)
        self._unstorable = self._unstorable or cells.unstorable
        self.data.extend(rows)

    def add_data(self, *data):
        """Adds one row, a value per column. A row that does not fit is refused with TypeError or ValueError."""
        self._extend([list(data)])

    def add_row(self, *row):
        """Older name of add_data()."""
        self.add_data(*row)

    def add_column(self, name, data, optional=False):
        """Adds a column: a value per row, or any number of values for a table without columns."""
        if self.log_mode == "INCREMENTAL":
            raise errors.make(
                "table_incremental", "an INCREMENTAL table takes no new columns; use MUTABLE", -200, errors.Error
            )
        _assert(isinstance(name, str) and name not in self.columns, f"the column {name!r} must be new and text")
        is_array = _arrays.is_array(data)
        _assert(isinstance(data, list) or is_array, "data must be a list or an array")
        values = list(data)
        expected = len(self.data) if self.columns else len(values)
        _assert(len(values) == expected, f"expected {expected} values, found {len(values)}")
        view = _arrays.view(_arrays.host(data)) if is_array and len(getattr(data, "shape", (0,))) == 1 else None
        if view is not None:
            status, error = _ffi.call(
                _lib.quipu_table_add_column,
                self._media,
                _ffi.cstring(name),
                _ffi.reference(view[0]),
                int(bool(optional)),
            )
        else:
            cells = _Cells()
            text = _convert.text([cells.cell(value) for value in values])
            status, error = _ffi.call(
                _lib.quipu_table_add_column_json,
                self._media,
                _ffi.cstring(name),
                _ffi.string(text),
                _ffi.handles(cells.media),
                len(cells.media),
                _ffi.arrays(cells.views),
                len(cells.views),
                int(bool(optional)),
            )
            self._unstorable = self._unstorable or (cells.unstorable if status == _ffi.OK else None)
        _check(status, error)
        if self.columns:
            for row, value in zip(self.data, values):
                row.append(value)
        else:
            self.data = [[value] for value in values]
        self.columns.append(name)

    def add_computed_columns(self, fn):
        """Adds columns computed from each row by `fn(index, row)`, which returns a dictionary of new values."""
        added = {}
        for index, row in self.iterrows():
            for name, value in fn(index, dict(zip(self.columns, row))).items():
                added.setdefault(name, []).append(value)
        for name, values in added.items():
            self.add_column(name, values)

    def get_column(self, name, convert_to=None):
        """The values of a column; `convert_to="numpy"` gives an array."""
        _assert(name in self.columns, f"there is no column {name!r}")
        _assert(convert_to in (None, "numpy"), "convert_to must be None or 'numpy'")
        at = self.columns.index(name)
        values = [row[at] for row in self.data]
        if convert_to == "numpy":
            import importlib

            return importlib.import_module("numpy").array(values)
        return values

    def get_index(self):
        """Row numbers for cells of other tables that refer to this one."""
        return [RowIndex(n, self) for n in range(len(self.data))]

    def index_ref(self, index):
        _assert(0 <= index < len(self.data), f"there is no row {index}")
        return RowIndex(index, self)

    def _row(self, n):
        return dict(zip(self.columns, self.data[n]))

    def iterrows(self):
        """(index, row) for each row."""
        for n, row in enumerate(self.data):
            yield RowIndex(n, self), row

    def get_dataframe(self):
        """The table as a pandas DataFrame (needs pandas)."""
        import importlib

        return importlib.import_module("pandas").DataFrame.from_records(self.data, columns=self.columns)

    def _alter(self, command, other=None):
        status, error = _ffi.call(
            _lib.quipu_table_alter,
            self._media,
            _ffi.string(_convert.text(command)),
            other._handle() if other is not None else None,
        )
        _check(status, error)

    def cast(self, col_name, dtype, optional=False):
        """Gives a column another type, which all its values must fit."""
        _assert(col_name in self.columns, f"there is no column {col_name!r}")
        self._alter({"op": "cast", "column": col_name, "type": column_type(dtype), "optional": bool(optional)})

    def set_pk(self, key):
        """Declares a column of texts the key of the rows."""
        _assert(key in self.columns, f"there is no column {key!r}")
        self._alter({"op": "set_pk", "column": key})

    def set_fk(self, key, table, table_col):
        """Declares that a column of texts holds keys of another table's column."""
        _assert(key in self.columns, f"there is no column {key!r}")
        _assert(table_col in table.columns, f"the other table has no column {table_col!r}")
        self._alter({"op": "set_fk", "column": key, "other_column": table_col}, table)

    def _handle(self):
        return self._media

    def _check_storable(self):
        if self._unstorable is not None:
            raise errors.make(
                "not_serializable", f"a cell of the table holds a {self._unstorable}, which no file can hold", -107
            )

    def __len__(self):
        return len(self.data)

    def __eq__(self, other):
        if not isinstance(other, Table):
            return NotImplemented
        return self.columns == other.columns and self.data == other.data

    __hash__ = object.__hash__

    def __del__(self):
        handle = self.__dict__.get("_media")
        if handle:
            _lib.quipu_media_free(handle)

    def __reduce__(self):
        raise TypeError("a Table cannot be pickled; pass its columns and data")

    def __repr__(self):
        return f"<quipu Table {len(self.data)} rows, columns {self.columns}>"
