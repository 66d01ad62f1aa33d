"""Counts each array of the np_histogram vectors with quipu.histogram: histograms.py FOLDER OUT.npz ERRORS.json

Cases that a logged histogram can be asked for as well (all that have at most 512 bins) are made as quipu.Histogram too,
and must have the same values.
"""

import json
import os
import sys

import numpy
import quipu


def limit(x):
    if not isinstance(x, dict):
        return x
    if "float" in x:
        return float.fromhex(x["float"]) if x["float"] not in ("nan", "inf", "-inf") else float(x["float"])
    value = x["value"]
    if isinstance(value, dict):
        value = limit(value)
    return numpy.dtype(x["np"]).type(value)


def arguments(spec, archive):
    made = {"bins": archive["bins"] if spec["bins"] == "array" else spec["bins"]}
    if spec.get("range") is not None:
        made["range"] = tuple(limit(x) for x in spec["range"])
    if spec.get("weights"):
        made["weights"] = archive["weights"]
    if spec.get("density") is not None:
        made["density"] = spec["density"]
    return made


def logged(values, made, counts, edges):
    """What differs between the result and the value of a row."""
    if len(counts) > 512 or len(edges) != len(counts) + 1 or counts.dtype.kind == "c":
        return None
    histogram = quipu.Histogram(values, **made)
    for got, wanted in ((histogram.histogram, counts), (histogram.bins, edges)):
        if not numpy.array_equal(numpy.array(got, "f8"), wanted.astype("f8"), equal_nan=True):
            return f"Histogram has {got[:4]}..., histogram() {wanted[:4]}..."
    return None


def main(folder, out, errors_out):
    with open(os.path.join(folder, "cases.json"), encoding="utf-8") as file:
        specs = json.load(file)
    errors, results = {}, {}
    for spec in specs:
        name = str(spec["id"])
        with numpy.load(os.path.join(folder, f"{spec['id']:04d}.npz")) as archive:
            values, made = archive["a"], arguments(spec, archive)
        try:
            counts, edges = quipu.histogram(values, **made)
            difference = logged(values, made, counts, edges)
            if difference:
                raise RuntimeError(difference)
        except Exception as error:  # noqa: BLE001 - recorded
            classes = [cls.__name__ for cls in type(error).__mro__]
            errors[name] = {"statement": 0, "types": classes, "message": str(error)}
            continue
        results[f"counts{name}"], results[f"edges{name}"] = counts, edges
    numpy.savez(out, **results)
    with open(errors_out, "w", encoding="utf-8") as file:
        json.dump(errors, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
