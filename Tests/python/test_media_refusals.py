"""What every kind of media refuses: the error names the argument, and the run has nothing of it."""

import array
import gzip
import io
import json
import os

import numpy
import pytest
import quipu
import runs

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a49444154789c63600000000200"
    "0148afa4710000000049454e44ae426082"
)
RGB = numpy.zeros((4, 6, 3), "u1")
GLB = b"glTF\x02\x00\x00\x00\x0c\x00\x00\x00"


@pytest.fixture
def here(tmp_path):
    """A folder with files that are not what they should be."""
    names = "png jpg gif bmp webp tiff wav mp4 webm glb gltf obj stl babylon pts.json pdb cif mol2 sdf mmtf html json"
    for name in names.split():
        (tmp_path / f"empty.{name}").write_bytes(b"")
        (tmp_path / f"folder.{name}").mkdir()
        other = PNG if name not in ("png", "jpg", "gif", "bmp", "webp", "tiff") else b"%PDF-1.4\n"
        (tmp_path / f"other.{name}").write_bytes(other)
    (tmp_path / "jpeg.png").write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(40))
    (tmp_path / "cut.png").write_bytes(PNG[:20])
    (tmp_path / "cut.glb").write_bytes(GLB[:8] + b"\xff\x00\x00\x00")
    (tmp_path / "text.glb.gz").write_bytes(gzip.compress(GLB))
    (tmp_path / "latin.html").write_bytes("<p>é".encode("latin-1"))
    return tmp_path


def box(**changes):
    made = {"position": {"minX": 0.1, "maxX": 0.5, "minY": 0.1, "maxY": 0.5}, "class_id": 1}
    made.update(changes)
    return {"found": {"box_data": [made], "class_labels": {1: "car"}}}


def image(**layers):
    return quipu.Image(RGB, **layers)


def mask(data, **more):
    return {"truth": {"mask_data": data, "class_labels": {0: "sky"}, **more}}


def table(*rows, **options):
    made = quipu.Table(columns=["a", "b"], **options)
    for row in rows:
        made.add_data(*row)
    return made


def at(position, **more):
    return box(position=position, **more)


# name: (the call, a word that the error must have). `here` is the folder above.
REFUSED = {
    "image: five axes": (lambda here: quipu.Image(numpy.zeros((2, 3, 4, 5, 6))), "shape"),
    "image: five channels": (lambda here: quipu.Image(numpy.zeros((2, 2, 5))), "shape"),
    "image: no pixels": (lambda here: quipu.Image(numpy.zeros((0, 4))), "0"),
    "image: list": (lambda here: quipu.Image([[1, 2], [3, 4]]), "list"),
    "image: mode": (lambda here: quipu.Image(RGB, mode="CMYK"), "mode"),
    "image: type": (lambda here: quipu.Image(RGB, file_type="tga"), "file_type"),
    "image: caption": (lambda here: quipu.Image(RGB, caption=5), "caption"),
    "image: quality": (lambda here: quipu.Image(RGB, file_type="jpg", quality=101), "quality"),
    "image: depth": (lambda here: quipu.Image(RGB, bit_depth=12), "bit_depth"),
    "image: jpeg under the name of a png": (lambda here: quipu.Image(str(here / "jpeg.png")), "jpeg.png"),
    "image: cut off": (lambda here: quipu.Image(str(here / "cut.png")), "cut.png"),
    "image: bytes": (lambda here: quipu.Image(b"not a picture"), "picture"),
    "mask: size": (lambda here: image(masks=mask(numpy.zeros((4, 5), "u1"))), "mask_data"),
    "mask: channels": (lambda here: image(masks=mask(RGB)), "mask_data"),
    "mask: range": (lambda here: image(masks=mask(numpy.full((4, 6), 256))), "mask_data"),
    "mask: negative": (lambda here: image(masks=mask(numpy.full((4, 6), -1))), "mask_data"),
    "mask: nothing": (lambda here: image(masks={"truth": {}}), "mask"),
    "mask: labels": (
        lambda here: image(masks={"truth": {"mask_data": RGB[:, :, 0], "class_labels": 5}}), "class_labels"),
    "boxes: right of the image": (
        lambda here: image(boxes=at({"minX": 0.5, "maxX": 1.5, "minY": 0, "maxY": 1})), "position"),
    "boxes: pixels outside": (
        lambda here: image(boxes=at({"minX": 0, "maxX": 7, "minY": 0, "maxY": 1}, domain="pixel")), "position"),
    "boxes: negative": (lambda here: image(boxes=at({"minX": -0.5, "maxX": 1, "minY": 0, "maxY": 1})), "position"),
    "boxes: NaN": (lambda here: image(boxes=at({"minX": float("nan"), "maxX": 1, "minY": 0, "maxY": 1})), "position"),
    "boxes: domain": (lambda here: image(boxes=box(domain="percent")), "domain"),
    "boxes: position": (lambda here: image(boxes=at({"minX": 0})), "position"),
    "boxes: class": (lambda here: image(boxes=box(class_id="car")), "class_id"),
    "boxes: caption": (lambda here: image(boxes=box(box_caption=5)), "box_caption"),
    "boxes: score": (lambda here: image(boxes=box(scores={"score": "high"})), "scores"),
    "boxes: list": (lambda here: image(boxes=[1]), "boxes"),
    "classes: no name": (lambda here: quipu.Classes([{"id": 1}]), "name"),
    "histogram: NaN": (lambda here: quipu.Histogram(numpy.array([1.0, float("nan")])), "NaN"),
    "histogram: bins": (lambda here: quipu.Histogram(numpy.zeros(4), num_bins=513), "num_bins"),
    "histogram: no bins": (lambda here: quipu.Histogram(numpy.zeros(4), num_bins=0), "num_bins"),
    "histogram: fraction of a bin": (lambda here: quipu.Histogram(numpy.zeros(4), num_bins=2.5), "num_bins"),
    "histogram: text": (lambda here: quipu.Histogram("abc"), "numbers"),
    "histogram: edges": (lambda here: quipu.Histogram(np_histogram=([1, 2], [0, 1])), "edges"),
    "histogram: complex": (lambda here: quipu.Histogram(numpy.zeros(4, "c8")), "complex"),
    "points: five columns": (lambda here: quipu.Object3D(numpy.zeros((2, 5))), "points"),
    "points: complex": (lambda here: quipu.Object3D(numpy.zeros((2, 3), "c8")), "points"),
    "points: rows that differ": (lambda here: quipu.Object3D.from_point_cloud([[1, 2, 3], [1]], []), "points"),
    "points: caption": (lambda here: quipu.Object3D(numpy.zeros((2, 3)), caption=b"x"), "caption"),
    "scene: box": (lambda here: quipu.Object3D.from_point_cloud([[1, 2, 3]], [{"corners": 1}]), "corners"),
    "scene: label": (lambda here: quipu.Object3D.from_point_cloud([[1, 2, 3]], [{"label": 1}]), "label"),
    "model: suffix": (lambda here: quipu.Object3D("model.ply"), "path"),
    "model: cut off": (lambda here: quipu.Object3D(str(here / "cut.glb")), "cut.glb"),
    "model: stream": (lambda here: quipu.Object3D(io.StringIO("v"), file_type="ply"), "file_type"),
    "molecule: suffix": (lambda here: quipu.Molecule("x.xyz"), "path"),
    "molecule: stream": (lambda here: quipu.Molecule(io.StringIO("A"), file_type="xyz"), "file_type"),
    "molecule: SMILES": (lambda here: quipu.Molecule.from_smiles("not a molecule"), "smiles"),
    "molecule: caption": (lambda here: quipu.Molecule(io.StringIO("A"), file_type="pdb", caption=5), "caption"),
    "page: number": (lambda here: quipu.Html(5), "data"),
    "page: not UTF-8": (lambda here: quipu.Html(str(here / "latin.html")), "latin.html"),
    "audio: three axes": (lambda here: quipu.Audio(numpy.zeros((2, 2, 2)), sample_rate=8000), "samples"),
    "audio: no rate": (lambda here: quipu.Audio(numpy.zeros(4)), "sample_rate"),
    "audio: rate": (lambda here: quipu.Audio(numpy.zeros(4), sample_rate=0), "sample_rate"),
    "audio: dtype": (lambda here: quipu.Audio(numpy.zeros(4, "c8"), sample_rate=8000), "samples"),
    "audio: caption": (lambda here: quipu.Audio(numpy.zeros(4), sample_rate=8000, caption=5), "caption"),
    "video: axes": (lambda here: quipu.Video(numpy.zeros((4, 4))), "frames"),
    "video: channels": (lambda here: quipu.Video(numpy.zeros((2, 2, 4, 4))), "frames"),
    "video: fps": (lambda here: quipu.Video(numpy.zeros((2, 3, 4, 4), "u1"), fps=-1, format="gif"), "fps"),
    "video: format": (lambda here: quipu.Video(numpy.zeros((2, 3, 4, 4), "u1"), format="avi"), "format"),
    "video: caption": (lambda here: quipu.Video(numpy.zeros((2, 3, 4, 4), "u1"), caption=5, format="gif"), "caption"),
    "table: rows that differ": (lambda here: quipu.Table(columns=["a", "b"], data=[[1, 2], [1]]), "column"),
    "table: short row": (lambda here: table([1, 2], [1]), "column"),
    "table: type": (lambda here: table([1, 2], ["x", 2]), "a"),
    "table: column's length": (lambda here: table([1, 2]).add_column("c", [1, 2]), "data: column 'c'"),
    "table: column twice": (lambda here: table([1, 2]).add_column("a", [1]), "a"),
    "table: no such column": (lambda here: table([1, 2]).get_column("z"), "z"),
    "chart: not a table": (lambda here: quipu.plot.line([1], "x", "y"), "table"),
    "chart: scores without axes": (lambda here: quipu.plot.roc_curve([0, 1], [0.5, 0.5]), "y_probas"),
    "chart: NaN": (lambda here: quipu.plot.pr_curve([0, 1], [[0.5, float("nan")], [1, 0]]), "y_probas"),
    "chart: lengths": (lambda here: quipu.plot.confusion_matrix(y_true=[0, 1], preds=[0]), "preds"),
    "chart: series": (lambda here: quipu.plot.line_series([[1], [2]], [[1]]), "xs"),
    "figure: not one": (lambda here: quipu.Plotly(5), "figure"),
}  # fmt: skip
FILES = {
    "image": (lambda path: quipu.Image(path), "png jpg gif bmp webp tiff"),
    "model": (lambda path: quipu.Object3D(path), "glb gltf obj stl babylon pts.json"),
    "molecule": (lambda path: quipu.Molecule(path), "pdb cif mol2 sdf mmtf"),
    "audio": (lambda path: quipu.Audio(path), "wav"),
    "video": (lambda path: quipu.Video(path), "mp4 webm gif"),
    "page": (lambda path: quipu.Html(path), "html"),
    "mask": (lambda path: quipu.Image(RGB, masks={"m": {"path": path}}), "png"),
}
for _kind, (_make, _suffixes) in FILES.items():
    for _suffix in _suffixes.split():
        for _what in ("empty", "folder", "other"):
            if _kind == "page" and _what == "other":
                continue  # the bytes of a picture are not UTF-8, which is tested above
            _name = f"{_what}.{_suffix}"
            REFUSED[f"{_kind}: {_name}"] = (
                lambda here, make=_make, name=_name: make(str(here / name)), _name
            )  # fmt: skip
        if _kind != "page":  # a text that is no file is the page
            REFUSED[f"{_kind}: missing.{_suffix}"] = (
                lambda here, make=_make, name=f"missing.{_suffix}": make(str(here / name)), f"missing.{_suffix}"
            )  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refusal_names_its_argument_and_leaves_nothing(name, here):
    make, word = REFUSED[name]
    run = runs.start()
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the classes are the vectors' business
        run.log({"bad": make(here)})
    # An error of ours, not an accident on the way.
    assert hasattr(caught.value, "kind"), repr(caught.value)
    assert word in str(caught.value), f"{type(caught.value).__name__}: {caught.value}"
    run.log({"good": 1})
    rows = runs.rows(run)
    assert len(rows) == 1 and rows[0]["good"] == 1 and "bad" not in json.dumps(rows[0])
    assert not os.path.exists(os.path.join(run.dir, "media"))
    assert run.stats()["values_dropped"] == 0


@pytest.mark.parametrize("what", ["list of kinds", "nested", "chart in a list", "image in a list"])
def test_values_that_rows_cannot_hold_leave_nothing(what):
    picture = quipu.Image(RGB)
    bad = {
        "list of kinds": [picture, 1],
        "nested": [[picture]],
        "chart in a list": [quipu.plot.line(quipu.Table(columns=["x"]), "x", "x")],
        "image in a list": [{"a": picture}],
    }[what]
    run = runs.start()
    with pytest.raises((TypeError, ValueError)):
        run.log({"bad": bad})
    assert runs.rows(run) == []
    assert not os.path.exists(os.path.join(run.dir, "media"))


def test_a_file_larger_than_the_limit_is_refused(here):
    path = here / "large.wav"
    with open(path, "wb") as file:
        file.truncate((64 << 30) + 1)
    with pytest.raises(ValueError, match="limit"):
        quipu.Audio(str(path))


def test_arrays_of_other_libraries_are_checked_too():
    with pytest.raises((ValueError, TypeError)):
        quipu.Object3D(array.array("d", [1, 2, 3]))
    with pytest.raises((ValueError, TypeError)):
        quipu.Audio(memoryview(b"abc"), sample_rate=0)
