"""The parity program in Python. Arguments: the directory of the run, the directory of the input file."""
import os
import sys

import quipu as wandb

directory, source = sys.argv[1:3]
run = wandb.init(
    project="parity", id="parity01", name="parity run", notes="four languages", tags=["a", "b"], group="g",
    job_type="train", config={"rate": 0.1, "layers": [64, 10], "nested": {"a": "b"}}, mode="offline", dir=directory,
    settings=wandb.Settings(console="off", x_disable_stats=True))

run.define_metric("epoch")
run.define_metric("val/*", step_metric="epoch", summary="min,max")
run.config.update({"seed": 7})
for step in range(10):
    run.log({"loss": 1.0 / (step + 1), "count": step * step, "even": step % 2 == 0}, step=step * 2)
for epoch in range(3):
    run.log({"val/accuracy": 0.5 + epoch * 0.125, "epoch": epoch})
run.log({"tree": {"a": 1, "b": {"c": "text", "d": [1, 2, 3], "e": None}}, "text": 'übung "quoted"',
         "odd": float("nan"), "large": 1e300})

import numpy

pixels = numpy.zeros((6, 8, 3), numpy.uint8)
pixels[:, :, 0] = numpy.arange(8) * 30
pixels[:, :, 1] = (numpy.arange(6) * 40)[:, None]
pixels[:, :, 2] = 128
table = wandb.Table(columns=["number", "text", "flag"])
for x in range(3):
    table.add_data(x * 0.5, f"row {x}", x == 1)
run.log({"image": wandb.Image(pixels, caption="a picture"),
         "histogram": wandb.Histogram(numpy.arange(100.0) ** 2, num_bins=10),
         "cloud": wandb.Object3D(numpy.arange(12, dtype=numpy.float32).reshape(4, 3) * numpy.float32(0.5)),
         "table": table})

run.summary["best"] = 0.25
run.summary["deep"] = {"er": "x"}
run.alert("Done", "It is done.", level=wandb.AlertLevel.WARN)
run.save(os.path.join(source, "*.md"), base_path=source, policy="end")
run.tags = ["a", "c"]
run.name = "renamed"
path = os.path.dirname(run.dir)
run.finish()
print(path)
