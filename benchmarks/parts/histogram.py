"""np.histogram with 64 bins of a million float32, against numpy: time, and equality to the last bit."""

import json
import time
from ctypes import byref

from bench import duration, sizes, times


def measure(result):
    try:
        import numpy as np
    except ImportError:
        result.note("histogram: numpy is not installed")
        return
    from parts import library

    rounds = sizes(31, 5)
    noise = np.random.default_rng(7)
    cases = {
        "normal": noise.normal(0, 1, 1_000_000).astype(np.float32),
        "heavy tails": noise.standard_cauchy(1_000_000).astype(np.float32),
    }
    for name, values in cases.items():
        view = library.view(values)
        ours, theirs = [], []
        for _ in range(rounds):
            a = time.perf_counter_ns()
            counts, edges = np.histogram(values, bins=64)
            b = time.perf_counter_ns()
            handle = library.make(library.lib.quipu_histogram_new, byref(view), 64)
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
            f"np.histogram, 64 bins, 1 M float32, {name}",
            f"{duration(ours)}, {'equal to the last bit' if equal else 'NOT EQUAL'}",
            f"numpy {duration(theirs)}",
            times(theirs / ours),
            "5x, equal",
            equal and theirs / ours >= 5,
        )
    result.note(f"histogram: quipu_histogram_new through ctypes, {rounds} pairs in turn, medians")
