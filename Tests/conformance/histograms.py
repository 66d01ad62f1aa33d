"""Logs a Histogram of each array of the np_histogram vectors: histograms.py FOLDER OUT"""

import json
import os
import sys

import numpy
import quipu


def main(folder, out):
    with open(os.path.join(folder, "cases.json"), encoding="utf-8") as file:
        specs = json.load(file)
    settings = {"console": "off", "silent": True, "x_save_requirements": False, "x_disable_meta": True}
    run = quipu.init(project="vectors", mode="offline", settings=settings)
    errors = {}
    for spec in specs:
        if not isinstance(spec["bins"], int) or spec.get("range") or spec.get("weights") or spec.get("density"):
            continue
        with numpy.load(os.path.join(folder, f"{spec['id']:04d}.npz")) as archive:
            values = archive["a"]
        try:
            run.log({f"k{spec['id']}": quipu.Histogram(values, num_bins=spec["bins"])})
        except Exception as error:  # noqa: BLE001 - recorded
            classes = [cls.__name__ for cls in type(error).__mro__]
            errors[str(spec["id"])] = {"error": {"statement": 0, "types": classes, "message": str(error)}}
    run.finish()
    with open(out, "w", encoding="utf-8") as file:
        json.dump({"log": run._info["log_path"], "errors": errors}, file)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
