"""Every kind of media from Python; see media.c. Argument: the directory of the run."""
import io
import sys

import numpy
import quipu as wandb

run = wandb.init(project="parity", id="media001", name="media", mode="offline", dir=sys.argv[1],
                 settings=wandb.Settings(console="off", x_disable_stats=True))

y, x = numpy.mgrid[0:6, 0:8]
pixels = numpy.stack([x * 30, y * 40, numpy.full((6, 8), 128)], axis=2).astype("u1")
mask = (x // 4 + y // 3 * 2).astype("u1")
fractions = (x * y).astype("f4") / numpy.float32(35)
t, c, y, x = numpy.mgrid[0:4, 0:3, 0:8, 0:8]
frames = ((t * 60 + x * 8 + y * 4 + c * 20) % 256).astype("u1")
points = numpy.arange(12, dtype="f4").reshape(4, 3) * numpy.float32(0.5)
samples = ((numpy.arange(800) * 397 % 2000 - 1000) * 16).astype("i2").reshape(400, 2)

run.log({"image": wandb.Image(
    pixels, caption="a picture",
    masks={"truth": {"mask_data": mask, "class_labels": {0: "sky", 1: "road", 2: "car", 3: "tree"}}},
    boxes={"found": {"box_data": [{
        "position": {"minX": 0.125, "maxX": 0.5, "minY": 0.25, "maxY": 0.75}, "class_id": 1, "box_caption": "a car",
        "scores": {"score": 0.5}}], "class_labels": {1: "car"}}})})
run.log({"gray": wandb.Image(fractions)})
run.log({"images": [wandb.Image(pixels, caption="a picture"), wandb.Image(fractions, caption="another")]})

run.log({"cloud": wandb.Object3D(points, caption="four points")})
box = wandb.box3d((0, 0, 0), (2, 2, 2), (1, 0.5, 0, 0), (255, 0, 0), "car", 0.5)
run.log({"scene": wandb.Object3D.from_point_cloud(
    points, [box], [{"start": [0.0, 0.0, 0.0], "end": [1.0, 1.0, 1.0]}])})
run.log({"model": wandb.Object3D(io.StringIO("v 0 0 0\n"), file_type="obj")})
run.log({"molecule": wandb.Molecule(io.StringIO("ATOM\n"), file_type="pdb", caption="an atom")})
run.log({"page": wandb.Html("<p>page</p>")})

run.log({"audio": wandb.Audio(samples, sample_rate=8000, caption="a tone")})
run.log({"video": wandb.Video(frames, fps=10, caption="a film", format="gif")})

run.log({"histogram": wandb.Histogram(numpy.arange(100.0) ** 2, num_bins=10)})
table = wandb.Table(columns=["id", "score", "label", "picture"])
cell = wandb.Image(pixels)
for n in range(2):
    table.add_data(n, n * 0.25, "one" if n else "none", cell)
run.log({"table": table})
line = wandb.Table(columns=["x", "y"])
for n in range(3):
    line.add_data(n, n * 0.5)
run.log({"line": wandb.plot.line(line, "x", "y", title="a line")})

truth, chosen, names = [0, 1, 0, 1, 1, 0], [0, 1, 0, 1, 0, 0], ["cat", "dog"]
scores = [[0.9, 0.1], [0.4, 0.6], [0.65, 0.35], [0.3, 0.7], [0.55, 0.45], [0.8, 0.2]]
run.log({"pr": wandb.plot.pr_curve(truth, scores, labels=names)})
run.log({"roc": wandb.plot.roc_curve(truth, scores, labels=names)})
run.log({"confusion": wandb.plot.confusion_matrix(y_true=truth, preds=chosen, class_names=names)})
run.finish()
