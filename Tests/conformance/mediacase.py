"""Runs the statements of one case of the media vectors through the Python binding. Called in a process of its own:

    mediacase.py CASE_DIRECTORY OUT

The run is made in the working directory. OUT gets the run's directories and the statement that failed.
"""

import datetime
import decimal
import io
import json
import operator
import os
import sys

import quipu

_OPERATORS = {"add": operator.add, "sub": operator.sub, "mul": operator.mul}
_TYPES = {
    "str": str, "int": int, "float": float, "bool": bool, "list": list, "dict": dict, "datetime": datetime.datetime,
}  # fmt: skip


class Case:
    def __init__(self, directory):
        self.directory = directory
        self.names = {}

    def input(self, name):
        return os.path.join(self.directory, "input", name)

    def array(self, x):
        import numpy

        value = numpy.load(self.input(x["$npy"]), allow_pickle=False)
        if x.get("slice"):
            value = eval(f"value[{x['slice']}]", {"value": value})  # noqa: S307 - index text of the vectors
        if x.get("transpose"):
            value = value.transpose(x["transpose"])
        if x.get("astype"):
            value = value.astype(x["astype"])
        return value

    def new(self, x):
        target = quipu
        for part in x["$new"].split(".")[1:]:
            target = getattr(target, part)
        arguments = [self.value(item) for item in x.get("args", [])]
        named = {name: self.value(item) for name, item in x.get("kwargs", {}).items()}
        if x["$new"] == "wandb.Image" and "normalize" not in named:
            # What client 0.31 does without being asked.
            named.update(normalize=False, strict=False)
        return target(*arguments, **named)

    def value(self, x):
        if isinstance(x, list):
            return [self.value(item) for item in x]
        if not isinstance(x, dict):
            return x
        tag = next((key for key in x if key.startswith("$")), None)
        if tag is None:
            return {key: self.value(item) for key, item in x.items()}
        return self.tagged(tag, x)

    def tagged(self, tag, x):
        content = x[tag]
        if tag == "$new":
            return self.new(x)
        if tag == "$npy":
            return self.array(x)
        if tag == "$ref":
            return self.names[content]
        if tag == "$file":
            return self.input(content)
        if tag == "$pil":
            import numpy
            from PIL import Image

            return Image.fromarray(numpy.load(self.input(content)))
        if tag == "$torch":
            import numpy
            import torch

            value = torch.from_numpy(numpy.load(self.input(content)))
            return value.permute(x["transpose"]) if x.get("transpose") else value
        if tag == "$textio":
            return io.StringIO(content)
        if tag == "$bytesio":
            with open(self.input(content), "rb") as file:
                return io.BytesIO(file.read())
        if tag == "$dict":
            return {self.value(key): self.value(item) for key, item in content}
        if tag == "$tuple":
            return tuple(self.value(item) for item in content)
        if tag == "$set":
            return {self.value(item) for item in content}
        if tag == "$bytes":
            return content.encode("latin-1")
        if tag == "$decimal":
            return decimal.Decimal(content)
        if tag == "$float":
            return float(content)
        if tag == "$np":
            import numpy

            return numpy.dtype(x["dtype"]).type(self.value(content))
        if tag == "$datetime":
            return datetime.datetime.fromisoformat(content)
        if tag == "$date":
            return datetime.date.fromisoformat(content)
        if tag == "$datetime64":
            import numpy

            return numpy.datetime64(content, x["unit"])
        if tag == "$type":
            return _TYPES[content]
        if tag == "$rows":
            return [[number] for number in range(content)]
        if tag == "$repeat":
            item, count = content
            return [self.value(item) for _ in range(count)]
        if tag == "$rowfn":
            rules = content
            return lambda index, row: {
                name: _OPERATORS[rule](row[one], row[other]) for name, (rule, one, other) in rules.items()
            }
        if tag == "$dataframe":
            import pandas

            return pandas.DataFrame({name: self.value(values) for name, values in content})
        if tag == "$plotly":
            import plotly.graph_objects

            return plotly.graph_objects.Figure(self.value(content))
        if tag == "$mplfig":
            import matplotlib

            matplotlib.use("Agg")
            import matplotlib.pyplot

            figure = matplotlib.pyplot.figure(figsize=(2, 1.5), dpi=50)
            figure.add_subplot(111).plot(content["x"], content["y"])
            return figure
        if tag == "$bokeh":
            import bokeh.plotting

            figure = bokeh.plotting.figure(width=100, height=80)
            figure.line(content["x"], content["y"])
            return figure
        raise NotImplementedError(tag)

    def statement(self, run, x):
        if "let" in x:
            self.names[x["let"]] = self.value(x["be"])
        elif "do" in x:
            arguments = [self.value(item) for item in x.get("args", [])]
            named = {name: self.value(item) for name, item in x.get("kwargs", {}).items()}
            result = getattr(self.names[x["do"]], x["method"])(*arguments, **named)
            if x.get("as"):
                self.names[x["as"]] = result
        elif "log" in x:
            arguments = {name: x[name] for name in ("step", "commit") if name in x}
            run.log({key: self.value(item) for key, item in x["log"].items()}, **arguments)
        elif "artifact" in x:
            artifact = quipu.Artifact(x["artifact"], x.get("type", "dataset"))
            for name, item in x["add"].items():
                artifact.add(self.value(item), name)
            run.log_artifact(artifact)
        elif "summary" in x:
            for key, item in x["summary"].items():
                run.summary[key] = self.value(item)
        else:
            raise NotImplementedError(str(sorted(x)))


def main(directory, out):
    with open(os.path.join(directory, "case.json"), encoding="utf-8") as file:
        spec = json.load(file)
    case = Case(directory)
    settings = {"console": "off", "silent": True, "x_save_requirements": False, "x_disable_meta": True,
                "x_disable_stats": True, "disable_git": True}  # fmt: skip
    run = quipu.init(project="vectors", id="vec00001", mode="offline", settings=settings)
    failed = None
    for number, statement in enumerate(spec["script"]):
        try:
            case.statement(run, statement)
        except NotImplementedError:
            raise
        except Exception as error:  # noqa: BLE001 - recorded
            classes = [cls.__name__ for cls in type(error).__mro__]
            failed = {"statement": number, "types": classes, "message": str(error)}
            break
    run.finish()
    outcome = {"dir": run.dir, "log": run._info["log_path"], "error": failed, "stats": run.stats()}
    with open(out, "w", encoding="utf-8") as file:
        json.dump(outcome, file)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
