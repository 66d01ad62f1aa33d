"""Table: rows of cells under named columns. The library learns and checks the types of the columns."""

import contextlib
import datetime
import gc
import itertools
import json

from . import _arrays, _cells, _convert, _ffi, _interchange, errors
from ._handle import Handle
from ._histogram import Histogram

_lib = _ffi.lib
_LOG_MODES = ("IMMUTABLE", "MUTABLE", "INCREMENTAL")
_EPOCH = datetime.datetime(1970, 1, 1)

_TYPE_NAMES = {str: "string", int: "number", float: "number", complex: "number", bool: "boolean", type(None): "none"}
_MEDIA_NAMES = {"Image": "image-file", "Object3D": "object3D-file", "Audio": "audio-file", "Video": "video-file",
                "Html": "html-file"}  # fmt: skip

# Fewer rows than this go as one JSON text, more column by column.
_MANY_ROWS = 16


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
            return _timestamp(value) if value == value else {"$q": "timestamp"}
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
      data: rows: lists of cells, an array, or a dataframe.
      dataframe: a dataframe: of pandas, or of any library that exports Arrow's stream (polars, pyarrow, DuckDB...) or
        the interchange protocol. It brings its own column names.
      dtype: type of all columns, or a list with one type per column; default: learned from the cells.
      optional: whether cells may be None; for all columns or one per column.
      allow_mixed_types: any cell in any column.
      log_mode: what logging the same table again does: "IMMUTABLE" repeats the first, "MUTABLE" writes all rows
        again, "INCREMENTAL" writes the new rows.

    `MAX_ROWS` and `MAX_ARTIFACT_ROWS` may be set to write other numbers of rows to the run's file and to the artifact.
    """

    MAX_ROWS = 10_000
    MAX_ARTIFACT_ROWS = 200_000
    _LIMITS = (MAX_ROWS, MAX_ARTIFACT_ROWS)

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
        self._media = None
        self._unstorable = None
        self._rows = []
        self._parts = None  # columns that are not yet rows
        self._limits = self._LIMITS
        data = rows if data is None else data
        if dataframe is None and _interchange.is_frame(data):
            dataframe = data
        if dataframe is not None:
            self._take_frame(dataframe, dtype, optional, allow_mixed_types)
            return
        if columns is None:
            columns = ["Input", "Output", "Expected"]
        _assert(isinstance(columns, list), "columns must be a list")
        _assert(all(type(name) in (str, int) for name in columns), "columns must be texts or integers")
        self.columns = list(columns)
        self._media = self._new(dtype, optional, allow_mixed_types)
        if data is None:
            return
        if hasattr(data, "tolist") and hasattr(data, "shape"):
            if self._take_array(data):
                return
            data = [list(row) for row in data]
        _assert(isinstance(data, list), "data must be a list of rows")
        with _collector_at_rest():
            self._extend([list(row) for row in data])

    def _options(self, dtype, optional, allow_mixed_types):
        """Options for the library, and the text they borrow."""
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
        return options

    def _new(self, dtype, optional, allow_mixed_types):
        options = self._options(dtype, optional, allow_mixed_types)
        names = [str(name) for name in self.columns]
        status, handle, error = _ffi.new_handle(
            _lib.quipu_table_new, _ffi.strings(names), len(names), _ffi.reference(options)
        )
        _check(status, error)
        return handle

    # -- whole columns

    def _take_frame(self, frame, dtype, optional, allow_mixed_types):
        if _arrays.module_of(frame) == "pandas":
            names, columns = _interchange.pandas_columns(frame)
        elif hasattr(frame, "__arrow_c_stream__"):
            self._take_arrow(frame, dtype, optional, allow_mixed_types)
            return
        elif hasattr(frame, "__dataframe__"):
            names, columns = _interchange.protocol_columns(frame.__dataframe__(allow_copy=True))
        else:
            raise errors.make(
                "table_assertion",
                f"dataframe must be one of pandas or export Arrow's stream or the interchange protocol, which "
                f"{type(frame).__name__} does not",
                _ffi.ERROR_VALUE,
                AssertionError,
            )
        self.columns = names
        self._media = self._new(dtype, optional, allow_mixed_types)
        self._add_columns([cells for cells, _ in columns], [values for _, values in columns])

    def _take_arrow(self, frame, dtype, optional, allow_mixed_types):
        self.columns = []
        options = self._options(None, optional, allow_mixed_types)
        capsule = frame.__arrow_c_stream__()
        status, handle, error = _ffi.new_handle(
            _lib.quipu_table_from_arrow, _ffi.arrow_stream(capsule), _ffi.reference(options)
        )
        _check(status, error, None)
        self._media = handle
        content = self._read(0, 0)
        self.columns = content["columns"]
        self._rows = None
        self._source = frame
        if dtype is not None:
            types = dtype if isinstance(dtype, list) else [dtype] * len(self.columns)
            several = optional if isinstance(optional, (list, tuple)) else [optional] * len(self.columns)
            for name, part, may_miss in zip(self.columns, types, several):
                if part is not None:
                    self.cast(name, part, may_miss)

    def _read(self, start, count):
        status, text, error = _ffi.call_text(_lib.quipu_table_json, self._media, start, count)
        _check(status, error)
        return json.loads(text)

    def _take_array(self, data):
        """The columns of a numeric array with two axes. False for others."""
        if len(data.shape) != 2 or data.shape[1] != len(self.columns) or data.dtype.kind not in "biuf":
            return False
        copy = data.copy()
        columns = [_cells.from_array(copy[:, at]) for at in range(len(self.columns))]
        if not columns or any(column is None for column in columns):
            return False
        self._add_columns(columns, [copy[:, at] for at in range(len(self.columns))])
        return True

    def _add_columns(self, cells, values):
        """Rows column by column; `values` are the same cells for Python's side."""
        if not cells:
            return
        status, error = _ffi.call(_lib.quipu_table_add_rows, self._media, _ffi.cells_array(cells), len(cells))
        _check(status, error)
        if self._parts is None and not self._rows:
            self._parts = values
        else:
            self.data.extend(map(list, zip(*values)))

    @property
    def data(self):
        """The rows, lists of cells. What came as columns becomes rows when they are first asked for."""
        if self._parts is not None:
            self._rows = list(map(list, zip(*self._parts)))
            self._parts = None
        elif self._rows is None:
            self._rows = _interchange.rows(self._source) or self._read(0, len(self))["data"]
            self._source = None
        return self._rows

    # -- rows

    def _extend(self, rows):
        for row in rows:
            if len(row) != len(self.columns):
                raise errors.make(
                    "table_row_width", f"a row needs {len(self.columns)} cells, one per column, not {len(row)}", -105
                )
        if not rows:
            return
        cells = _Cells()
        if len(rows) >= _MANY_ROWS and self.columns:
            parts = [_cells.column(values, cells) for values in zip(*rows)]
            status, error = _ffi.call(_lib.quipu_table_add_rows, self._media, _ffi.cells_array(parts), len(parts))
        else:
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
        count = len(data)
        expected = len(self) if self.columns else count
        _assert(count == expected, f"data: column {name!r} has {count} values for {expected} rows")
        converted = _Cells()
        cells = _cells.from_array(data) if is_array else None
        if cells is None:
            cells = _cells.column(list(data), converted)
        values = data.copy() if is_array and hasattr(data, "copy") else list(data)
        status, error = _ffi.call(
            _lib.quipu_table_add_column,
            self._media,
            _ffi.cstring(name),
            _ffi.reference(cells),
            int(bool(optional)),
        )
        _check(status, error)
        self._unstorable = self._unstorable or converted.unstorable
        if not self.columns:
            self._parts = [values]
        elif self._parts is not None:
            self._parts.append(values)
        else:
            for row, value in zip(self.data, values):
                row.append(value)
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
        if self._parts is not None:
            values = list(self._parts[at])
        else:
            values = [row[at] for row in self.data]
        if convert_to == "numpy":
            import importlib

            return importlib.import_module("numpy").array(values)
        return values

    def get_index(self):
        """Row numbers for cells of other tables that refer to this one."""
        return [RowIndex(n, self) for n in range(len(self))]

    def index_ref(self, index):
        _assert(0 <= index < len(self), f"there is no row {index}")
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
        limits = (self.MAX_ROWS, self.MAX_ARTIFACT_ROWS)
        if limits != self._limits:
            self._alter({"op": "limits", "rows": int(limits[0]), "artifact_rows": int(limits[1])})
            self._limits = limits
        return self._media

    def _check_storable(self):
        if self._unstorable is not None:
            raise errors.make(
                "not_serializable", f"a cell of the table holds a {self._unstorable}, which no file can hold", -107
            )

    def __len__(self):
        return _lib.quipu_table_row_count(self._media)

    def __bool__(self):
        return True

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
        return f"<quipu Table {len(self)} rows, columns {self.columns}>"


class JoinedTable(Handle):
    """Two tables joined by a column, shown as one.

    Args:
      table1, table2: tables, or the paths of tables in the artifact that this one is added to.
      join_key: the name of the column, or a list of two names.
    """

    def __init__(self, table1, table2, join_key):
        super().__init__(None)
        tables, paths = [], []
        for argument, value in (("table1", table1), ("table2", table2)):
            value = getattr(value, "path", value) if not isinstance(value, (str, Table)) else value
            if not isinstance(value, (str, Table)):
                raise errors.make(
                    "joined_table_bad", f"{argument} must be a Table or the path of one in an artifact", -107, ValueError
                )
            tables.append(value if isinstance(value, Table) else None)
            paths.append(value if isinstance(value, str) else None)
        keys = [join_key] if isinstance(join_key, str) else join_key
        is_pair = isinstance(keys, (list, tuple)) and all(isinstance(key, str) for key in keys)
        if not is_pair or len(keys) != (1 if isinstance(join_key, str) else 2):
            raise errors.make(
                "join_key_bad", "join_key must be the name of a column, or a list of two names", -107, ValueError
            )
        self._tables = tables
        status, handle, error = _ffi.new_handle(
            _lib.quipu_joined_table_new,
            tables[0]._handle() if tables[0] is not None else None,
            _ffi.cstring(paths[0]),
            tables[1]._handle() if tables[1] is not None else None,
            _ffi.cstring(paths[1]),
            _ffi.cstring(keys[0]),
            _ffi.cstring(keys[1]) if len(keys) > 1 else None,
        )
        _check(status, error, ValueError)
        self._media = handle

    def _check_storable(self):
        for table in self._tables:
            if table is not None:
                table._check_storable()


class PartitionedTable(Handle):
    """All tables below a folder of an artifact, shown as one."""

    def __init__(self, parts_path):
        super().__init__(None)
        status, handle, error = _ffi.new_handle(_lib.quipu_partitioned_table_new, _ffi.cstring(str(parts_path)))
        _check(status, error, ValueError)
        self._media = handle
