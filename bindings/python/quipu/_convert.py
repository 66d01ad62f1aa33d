"""Python values as JSON text for the library.

Three sets of rules (reference: how a value is stored in a row, in the summary, in the config). Media become
`{"$quipu": i}` with a handle beside the text.

A dictionary of the user that has "$quipu" as its only key and an integer there would be taken for such a mark; its
number is written as a float, which the library does not take for one and stores as the same number.
"""

import datetime
import enum
import json
import math
import types
from collections import abc, deque

from . import _arrays, _ffi, errors

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
MAX_DEPTH = 400  # the library reads 500 levels, and Python allows 1000 calls inside each other by default

_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=True, separators=(",", ":"))
_ascii_encoder = json.JSONEncoder(ensure_ascii=True, allow_nan=True, separators=(",", ":"))


def text(plain):
    """JSON as UTF-8, NaN and infinities bare. Lone surrogates become escapes, which UTF-8 can carry."""
    try:
        return _encoder.encode(plain).encode()
    except UnicodeEncodeError:
        return _ascii_encoder.encode(plain).encode()


def not_serializable(value):
    return errors.make(
        "not_serializable",
        f"a value of type {type(value).__name__} cannot be stored; pass numbers, text, lists, dictionaries, arrays "
        "or media",
        _ffi.ERROR_VALUE,
    )


def too_deep():
    return errors.make(
        "nested_too_deeply", f"values may be nested at most {MAX_DEPTH} levels deep", _ffi.ERROR_VALUE, ValueError
    )


class Media:
    """Base of values that are more than JSON. `_handle()` gives the library's handle."""

    def _check_storable(self):
        """Raises when the value cannot be logged."""

    def _handle(self):
        raise NotImplementedError


class _Free:
    """Owns a handle made for one call."""

    __slots__ = ("handle",)

    def __init__(self, handle):
        self.handle = handle

    def __del__(self):
        _ffi.lib.quipu_media_free(self.handle)


class Converter:
    """Converts the values of one call. `media` are the handles its text refers to."""

    # Whether a figure of a plotting library becomes a medium.
    takes_figures = False

    def __init__(self):
        self.media = []
        self._keep = []

    # -- to be changed by the subclasses

    def key(self, key):
        if key is True or key is False:
            return "true" if key else "false"
        return key if isinstance(key, str) else str(key)

    def member(self, value):
        """An enumeration's member."""
        return self.value(value.value)

    def big_array(self, value):
        """More than 32 elements, or a type that Python has no numbers of."""
        return self._library_array(value, _ffi.lib.quipu_array_value_new)

    def _library_array(self, value, function, *arguments):
        view = _arrays.view(value)
        if view is None:
            raise not_serializable(value)
        return self.own(_ffi.new_handle(function, _ffi.reference(view[0]), *arguments))

    def medium(self, value):
        value._check_storable()
        self.media.append(value._handle())
        self._keep.append(value)
        return {"$quipu": len(self.media) - 1}

    def other(self, value):
        raise not_serializable(value)

    def number(self, value):
        return value

    # -- common

    def own(self, made):
        status, handle, error = made
        if status != _ffi.OK:
            code, kind, message = _ffi.take_error(error, status)
            raise errors.make(kind, message, code)
        self._keep.append(_Free(handle))
        self.media.append(handle)
        return {"$quipu": len(self.media) - 1}

    def convert(self, value):
        """A value as plain Python."""
        try:
            return self.value(value)
        except RecursionError:
            raise too_deep() from None

    def value(self, value, depth=0, in_list=False):
        cls = type(value)
        if cls is str or cls is bool or value is None:
            return value
        if cls is float:
            return self.number(value)
        if cls is int:
            return value if INT64_MIN <= value <= INT64_MAX else _big(value)
        if cls is dict:
            return self.tree(value.items(), depth, in_list)
        if cls is list or cls is tuple:
            return self.sequence(value, depth, in_list)
        return self.special(value, depth, in_list)

    def tree(self, items, depth, in_list=False):
        if depth > MAX_DEPTH:
            raise too_deep()
        result = {}
        for key, value in items:
            result[key if type(key) is str else self.key(key)] = self.value(value, depth + 1, in_list)
        if len(result) == 1 and type(result.get("$quipu")) is int:
            result["$quipu"] = float(result["$quipu"])
        return result

    def sequence(self, values, depth, in_list=False):
        if depth > MAX_DEPTH:
            raise too_deep()
        if values and not in_list:
            media = sum(isinstance(value, Media) for value in values)
            if media == len(values):
                return [self.medium(value) for value in values]
            if media:
                raise not_serializable(next(value for value in values if isinstance(value, Media)))
        return [self.value(value, depth + 1, True) for value in values]

    def array(self, value, depth, in_list):
        value = _arrays.host(value)
        count = _arrays.size(value)
        if str(getattr(value, "dtype", "")) == "bfloat16":  # NumPy's has no Python numbers
            return self._library_array(value, _ffi.lib.quipu_array_value_new) if count <= 32 else self.big_array(value)
        if count == 1 and hasattr(value, "item"):
            return self.value(value.item(), depth + 1, in_list)
        if count <= 32:
            items = value.tolist() if hasattr(value, "tolist") else list(value)
            if isinstance(items, list):
                return self.sequence(items, depth, True)
            return self.value(items, depth + 1, in_list)
        return self.big_array(value)

    def special(self, value, depth, in_list):
        if isinstance(value, Media):
            if in_list:
                raise not_serializable(value)
            return self.medium(value)
        if isinstance(value, enum.Enum):
            return self.member(value)
        if isinstance(value, str):
            return str.__str__(value)
        if isinstance(value, int):
            return self.value(int(value))
        if isinstance(value, float):
            return self.number(float(value))
        if _arrays.is_array(value):
            return self.array(value, depth, in_list)
        if isinstance(value, (bytes, bytearray)):
            return self.raw(value)
        if isinstance(value, abc.Mapping):
            return self.tree(((key, value[key]) for key in value), depth, in_list)
        if isinstance(value, (set, frozenset, tuple, list, deque, abc.KeysView, abc.ValuesView)):
            return self.sequence(list(value), depth, in_list)
        if isinstance(value, datetime.datetime):
            stamp = value.isoformat()
            return stamp[:-6] + "Z" if stamp.endswith("+00:00") else stamp
        if isinstance(value, (datetime.date, datetime.time)):
            return value.isoformat()
        if isinstance(value, datetime.timedelta):
            return duration(value)
        if isinstance(value, complex):
            return str(value).strip("()")
        if isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType)):
            return f"{value.__module__}.{value.__qualname__}"
        name = f"{type(value).__module__}.{type(value).__name__}"
        if name in ("decimal.Decimal", "uuid.UUID") or hasattr(value, "__fspath__"):
            return str(value)
        if hasattr(value, "__dataclass_fields__"):
            return self.tree(((field, getattr(value, field)) for field in value.__dataclass_fields__), depth, in_list)
        if not in_list and self.takes_figures and _is_figure(value):
            from . import _figures

            if _figures.is_figure(value):
                return self.medium(_figures.medium(value))
        if _arrays.module_of(value) == "pandas":
            return self.pandas(value, depth, in_list)
        if isinstance(value, abc.Iterator):
            return self.sequence(list(value), depth, in_list)
        return self.other(value)

    def raw(self, value):
        try:
            return bytes(value).decode()
        except UnicodeDecodeError:
            raise errors.make("not_serializable", "bytes must be UTF-8 text", -102, ValueError) from None

    def pandas(self, value, depth, in_list):
        if hasattr(value, "columns") and not in_list:
            from ._table import Table

            return self.medium(Table(dataframe=value))
        if hasattr(value, "isoformat"):
            return value.isoformat()
        if hasattr(value, "to_numpy"):
            return self.array(value.to_numpy(), depth, in_list)
        return self.other(value)


def _is_figure(value):
    """Whether a plotting library made the value; decided without loading what handles it."""
    name = value.__name__ if isinstance(value, types.ModuleType) else type(value).__module__ or ""
    return name.startswith(("plotly.", "matplotlib."))


class Row(Converter):
    """Values of log()."""

    takes_figures = True


class Summary(Converter):
    takes_figures = True

    def big_array(self, value):
        name = _ffi.cstring(_arrays.type_name(value))
        return self._library_array(value, _ffi.lib.quipu_array_statistics_new, name)

    def key(self, key):
        raise errors.make(
            "summary_key_not_str", f"keys of a dictionary in the summary must be text, not {type(key).__name__}", -103
        )


class Config(Converter):
    def medium(self, value):
        raise errors.make(
            "config_wbvalue", f"a {type(value).__name__} cannot be put into the config; log it instead", -107
        )

    def member(self, value):
        return value.name

    def number(self, value):
        return None if math.isnan(value) else value

    def big_array(self, value):
        return str(value)

    def special(self, value, depth, in_list):
        if isinstance(value, range):
            return self.sequence(list(value), depth, in_list)
        if isinstance(value, slice):
            return {
                "slice_start": self.value(value.start),
                "slice_step": self.value(value.step),
                "slice_stop": self.value(value.stop),
            }
        return super().special(value, depth, in_list)

    def raw(self, value):
        return bytes(value).decode("utf-8", "backslashreplace")

    def pandas(self, value, depth, in_list):
        return value.isoformat() if hasattr(value, "isoformat") else str(value)

    def other(self, value):
        return str(value)


def _big(value):
    """An integer beyond 64 bits as the nearest double."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def duration(value):
    """A timedelta as ISO 8601 text."""
    sign = "-" if value < datetime.timedelta(0) else ""
    value = abs(value)
    result = f"{sign}P{value.days}D" if value.days else sign + "P"
    if value.seconds or value.microseconds or not value.days:
        fraction = f"{value.microseconds:06d}".rstrip("0")
        hours, rest = divmod(value.seconds, 3600)
        minutes, seconds = divmod(rest, 60)
        result += "T" + (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
        if seconds or fraction or not (hours or minutes):
            result += f"{seconds}.{fraction}S" if fraction else f"{seconds}S"
    return result
