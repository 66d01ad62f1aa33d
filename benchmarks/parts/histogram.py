"""np.histogram with 64 bins of a million numbers, against numpy: time on one thread, and equality to the last bit."""

import ctypes
import json
import time
from ctypes import byref

from bench import duration, sizes, times


def arrays(np):
    """(what, values, ratio that is the bar or None)."""
    noise = np.random.default_rng(7)
    normal = noise.normal(0, 1, 1_000_000)
    yield "float32, normal", normal.astype("f4"), 5
    yield "float32, heavy tails", noise.standard_cauchy(1_000_000).astype("f4"), 5
    yield "float32, half zeros", np.maximum(normal, 0).astype("f4"), 5
    yield "float64, normal", normal, 5
    yield "float64, heavy tails", noise.standard_cauchy(1_000_000), 5
    yield "uint8", noise.integers(0, 256, 1_000_000).astype("u1"), 5
    yield "uint16", noise.integers(0, 60_000, 1_000_000).astype("u2"), None
    yield "float16", normal.astype("f2"), None
    yield "int32", noise.integers(-100_000, 100_000, 1_000_000).astype("i4"), None
    yield "int64", noise.integers(-100_000, 100_000, 1_000_000), None


def measure(result):
    try:
        import numpy as np
    except ImportError:
        result.note("histogram: numpy is not installed")
        return
    from parts import library

    rounds = sizes(31, 5)
    options = library.HistogramOptions(ctypes.sizeof(library.HistogramOptions), 0, 64)
    for name, values, bar in arrays(np):
        view = library.view(values)
        ours, theirs = [], []
        for _ in range(rounds):
            a = time.perf_counter_ns()
            counts, edges = np.histogram(values, bins=64)
            b = time.perf_counter_ns()
            handle = library.make(library.lib.quipu_histogram_new, byref(view), byref(options))
            c = time.perf_counter_ns()
            text = library.json_of(handle)
            library.lib.quipu_media_free(handle)
            theirs.append(b - a)
            ours.append(c - b)
        found = json.loads(text)
        equal = found["values"] == counts.tolist() and [float(x).hex() for x in found["bins"]] == [
            float(x).hex() for x in edges
        ]
        ours, theirs = sorted(ours)[rounds // 2], sorted(theirs)[rounds // 2]
        result.row(
            f"np.histogram, 64 bins, 1 M {name}",
            f"{duration(ours)}, {'equal to the last bit' if equal else 'NOT EQUAL'}",
            f"numpy {duration(theirs)}",
            times(theirs / ours),
            f"{bar}x, equal" if bar else "equal",
            equal and theirs / ours >= (bar or 0),
        )
    result.note(f"histogram: quipu_histogram_new through ctypes, {rounds} pairs in turn, medians")
