"""Media of every kind on their way to a server: each file arrives byte for byte, each value as the log has it."""

import hashlib
import pathlib

import pytest
from conftest import QUIET, run_directory
from programs import fill
from test_files import files_of

pytest.importorskip("numpy")

EVERY_KIND = """
import numpy as np
import wandb
rng = np.random.default_rng(1)
photo = rng.integers(0, 256, (24, 32, 3), dtype="u1")
masks = {"truth": {"mask_data": photo[:, :, 0] % 3, "class_labels": {0: "sky", 1: "road", 2: "car"}}}
boxes = {"found": {"box_data": [{"position": {"minX": 0.1, "maxX": 0.4, "minY": 0.2, "maxY": 0.9}, "class_id": 1,
         "scores": {"iou": 0.5}}], "class_labels": {1: "road"}}}
table = wandb.Table(columns=["n", "picture", "sound"])
for n in range(3):
    table.add_data(n, wandb.Image(photo[n:]), wandb.Audio(np.sin(np.arange(400) * n), sample_rate=8000))
open("note.html", "w").write("<p>hello")
run = wandb.init(project="media", id=ID)
run.log({
    "image": wandb.Image(photo, caption="c", masks=masks, boxes=boxes),
    "images": [wandb.Image(photo, masks=masks), wandb.Image(photo[::-1])],
    "histogram": wandb.Histogram(rng.normal(size=1000)),
    "cloud": wandb.Object3D(rng.normal(size=(50, 6))),
    "audio": wandb.Audio(rng.normal(size=(800, 2)), sample_rate=8000, caption="a"),
    "video": wandb.Video(rng.integers(0, 256, (4, 3, 16, 16), dtype="u1"), fps=4, format="gif"),
    "html": wandb.Html("note.html"),
    "table": table,
    "roc": wandb.plot.roc_curve([0, 1, 1, 0], [[.9, .1], [.4, .6], [.3, .7], [.6, .4]]),
    "deep": {"confusion": wandb.plot.confusion_matrix(y_true=[0, 1, 1], preds=[0, 1, 0], class_names=["a", "b"])},
    "array": rng.normal(size=100),
})
run.summary["best"] = wandb.Image(photo[:5])
run.finish()
"""

FOLDERS = {"images", "images/mask", "metadata/boxes2D", "object3D", "audio", "videos", "html", "table"}


def media_below(directory):
    top = directory / "files"
    return {
        str(path.relative_to(top)): hashlib.md5(path.read_bytes()).hexdigest()
        for path in sorted((top / "media").rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("way", ["live", "later"])
def test_every_kind_of_medium_arrives(server, quipu, run_id, way):
    env = {**QUIET, "WANDB_MODE": "online" if way == "live" else "offline"}
    made = quipu(fill(EVERY_KIND, ID=run_id), env=env)
    directory = run_directory(made)
    if way == "later":
        quipu.sync(directory, directory=made.directory)
    mine = media_below(directory)
    assert {str(pathlib.PurePath(name).parent.relative_to("media")) for name in mine} >= FOLDERS
    there = files_of(server, run_id, "media")
    assert {name: there.get(name) for name in mine} == mine
    run = server.api().run(f"local/media/{run_id}")
    [row] = run.scan_history()
    assert row["image"]["masks"]["truth"]["path"] in mine and row["image"]["boxes"]["found"]["path"] in mine
    assert row["images"]["count"] == 2 and row["images"]["all_masks"][1] is None
    assert row["histogram"]["_type"] == "histogram" and len(row["array"]["values"]) == 32
    assert row["roc_table"]["_type"] == row["deep.confusion_table"]["_type"] == row["table"]["_type"] == "table-file"
    assert run.summary["best"]["path"] in mine
    client = run.rawconfig["_wandb"]
    assert set(client["visualize"]) == {"roc", "deep.confusion"}
    assert client["mask/class_labels"]["image_wandb_delimeter_truth"]["value"] == {"0": "sky", "1": "road", "2": "car"}
    assert "image_wandb_delimeter_found" in client["bounding_box/class_labels"]
    assert {artifact.type for artifact in run.logged_artifacts()} == {"run_table"}
    assert len(list(run.logged_artifacts())) == 3
