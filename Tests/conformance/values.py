"""The notation of values in the vectors of run semantics, and how outcomes are compared."""

import argparse
import base64
import dataclasses
import datetime
import decimal
import enum
import hashlib
import json
import math


class _Opaque:
    def __repr__(self):
        return "<opaque>"


def _array(x):
    import numpy

    if "arange" in x:
        value = numpy.arange(*x["arange"]).astype(x["dtype"])
    else:
        value = numpy.array(decode(x["data"]), dtype=x["dtype"])
    return value.reshape(x["shape"]) if "shape" in x else value


def _scalar(x):
    import numpy

    return numpy.dtype(x["dtype"]).type(decode(x["value"]))


def _histogram(x):
    import quipu

    return quipu.Histogram(**decode(x))


def _opaque(_):
    value = type("Opaque", (_Opaque,), {})()
    return value


_TAGS = {
    "$float": float,
    "$int": int,
    "$bytes": base64.b64decode,
    "$tuple": lambda x: tuple(map(decode, x)),
    "$set": lambda x: set(map(decode, x)),
    "$range": lambda x: range(*x),
    "$slice": lambda x: slice(*x),
    "$dict": lambda x: {decode(key): decode(value) for key, value in x},
    "$repeat": lambda x: x["text"] * x["times"],
    "$datetime": datetime.datetime.fromisoformat,
    "$date": datetime.date.fromisoformat,
    "$decimal": decimal.Decimal,
    "$complex": lambda x: complex(*x),
    "$enum": lambda x: enum.Enum("E", {x: 7})[x],
    "$dataclass": lambda x: dataclasses.make_dataclass("D", list(x))(**decode(x)),
    "$namespace": lambda x: argparse.Namespace(**decode(x)),
    "$object": _opaque,
    "$np": _array,
    "$npscalar": _scalar,
    "$histogram": _histogram,
}


def decode(x):
    """A Python value from the notation."""
    if isinstance(x, list):
        return [decode(item) for item in x]
    if isinstance(x, dict):
        if len(x) == 1:
            ((key, value),) = x.items()
            if key in _TAGS:
                return _TAGS[key](value)
        return {key: decode(value) for key, value in x.items()}
    return x


def encode(x):
    """The notation of an outcome."""
    if isinstance(x, str):
        if len(x) > 2000:
            return {"$text": {"length": len(x), "sha256": hashlib.sha256(x.encode()).hexdigest()}}
        return x
    if x is None or isinstance(x, bool):
        return x
    if isinstance(x, int):
        return x if abs(x) <= 2**53 else {"$int": str(x)}
    if isinstance(x, float):
        if math.isnan(x):
            return {"$float": "nan"}
        if math.isinf(x):
            return {"$float": "inf" if x > 0 else "-inf"}
        return int(x) if x == int(x) and abs(x) <= 2**53 else x
    if isinstance(x, dict):
        return {str(key): encode(value) for key, value in x.items()}
    if isinstance(x, (list, tuple)):
        return [encode(value) for value in x]
    return {"$other": type(x).__name__, "text": str(x)[:200]}


def put(tree, path, value):
    for key in path[:-1]:
        node = tree.get(key)
        if not isinstance(node, dict):
            node = tree[key] = {}
        tree = node
    tree[path[-1]] = value


def remove(tree, path):
    for key in path[:-1]:
        tree = tree.get(key)
        if not isinstance(tree, dict):
            return
    tree.pop(path[-1], None)


def normal(x):
    """Numbers compare by value; booleans are not numbers."""
    if isinstance(x, list):
        return [normal(item) for item in x]
    if isinstance(x, dict):
        return {key: normal(value) for key, value in x.items()}
    if isinstance(x, (int, float)) and not isinstance(x, bool):
        return float(x)
    return x


def text(x):
    return json.dumps(x, sort_keys=True, ensure_ascii=False)


def differences(expected, got, at=""):
    """"place: expected ..., got ..." for each difference."""
    if isinstance(expected, dict) and isinstance(got, dict):
        for key in sorted({*expected, *got}):
            yield from differences(expected.get(key, "<absent>"), got.get(key, "<absent>"), f"{at}/{key}")
    elif isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        for number, (one, other) in enumerate(zip(expected, got)):
            yield from differences(one, other, f"{at}/{number}")
    elif text(normal(expected)) != text(normal(got)):
        yield f"{at}: expected {text(expected)[:160]}, got {text(got)[:160]}"
