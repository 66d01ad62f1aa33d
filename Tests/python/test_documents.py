"""Point clouds, scenes, models, pages and molecules from Python."""

import io
import json
import os
import subprocess
import sys

import numpy
import pytest
import quipu
from test_media import logged


def content(value, run):
    with open(os.path.join(run.dir, value["path"]), "rb") as file:
        return file.read()


def test_scene_of_arrays_has_its_parts():
    box = quipu.box3d((0, 0, 0), (2, 2, 2), (1, 0, 0, 0), (255, 0, 0), "car", 0.5)
    assert box["corners"][0] == [-1.0, -1.0, -1.0]
    scene = {
        "type": "lidar/beta",
        "points": numpy.arange(6, dtype="f4").reshape(2, 3),
        "boxes": numpy.array([box]),
        "vectors": numpy.array([{"start": [0, 0, 0], "end": [1, 1, 1]}]),
    }
    value, run = logged(quipu.Object3D(scene, caption="c"))
    assert value["caption"] == "c"
    read = json.loads(content(value, run))
    assert list(read) == ["type", "vectors", "points", "boxes"]
    assert read["points"] == [[0, 1, 2], [3, 4, 5]]
    assert read["boxes"] == [box]
    assert read["vectors"] == [{"start": [0, 0, 0], "end": [1, 1, 1]}]


@pytest.mark.parametrize(("rows", "columns", "dtype"), [(70_001, 3, "i4"), (50_001, 4, "f4"), (33_334, 6, "f8")])
def test_clouds_that_two_threads_write_read_back_as_they_were(rows, columns, dtype):
    noise = numpy.random.default_rng(rows)
    points = (noise.normal(size=(rows, columns)) * 1000).astype(dtype)
    value, run = logged(quipu.Object3D(points))
    text = content(value, run)
    assert numpy.array_equal(numpy.array(json.loads(text), dtype), points)
    assert text == json.dumps(points.tolist(), separators=(",", ":")).encode() or dtype != "i4"


def test_point_lists_with_one_float_are_floats():
    value, run = logged(quipu.Object3D.from_point_cloud([[1, 2, 3], (4, 5, 6.5)], []))
    assert b'"points":[[1.0,2.0,3.0],[4.0,5.0,6.5]]' in content(value, run)
    value, run = logged(quipu.Object3D.from_point_cloud([], []))
    assert b'"points":[]' in content(value, run)


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda q: q.Object3D(numpy.zeros((2, 5))), "points"),
        (lambda q: q.Object3D(numpy.zeros((2, 3), "c8")), "points"),
        (lambda q: q.Object3D([[1, 2, 3]]), "data_or_path"),
        (lambda q: q.Object3D(numpy.zeros((2, 3)), caption=5), "caption"),
        (lambda q: q.Object3D({"type": "other"}), "type"),
        (lambda q: q.Object3D({"type": "lidar/beta", "points": [[1, 2, 3]]}), "points"),
        (lambda q: q.Object3D({"type": "lidar/beta", "boxes": numpy.array([1])}), "boxes"),
        (lambda q: q.Object3D(io.StringIO("v 0 0 0")), "file_type"),
        (lambda q: q.Object3D(io.StringIO("v 0 0 0"), file_type="ply"), "file_type"),
        (lambda q: q.Object3D(io.StringIO(""), file_type="obj"), "text"),
        (lambda q: q.Object3D(io.StringIO("{"), file_type="pts.json"), "text"),
        (lambda q: q.Object3D("nowhere.obj"), "path"),
        (lambda q: q.Object3D("model.ply"), "path"),
        (lambda q: q.Object3D.from_point_cloud([[1, 2, 3], [4, 5]], []), "points"),
        (lambda q: q.Object3D.from_point_cloud([[1, 2]], []), "points"),
        (lambda q: q.Object3D.from_point_cloud([["a", "b", "c"]], []), "points"),
        (lambda q: q.Object3D.from_point_cloud("points", []), "points"),
        (lambda q: q.Object3D.from_point_cloud([[1, 2, 3]], [{"corners": [[0, 0, 0]]}]), "corners"),
        (lambda q: q.Object3D.from_point_cloud([[1, 2, 3]], 5), "boxes"),
        (lambda q: q.Object3D.from_point_cloud([[1, 2, 3]], [], [{"start": [0, 0, 0]}]), "vectors"),
        (lambda q: q.box3d((0, 0), (1, 1, 1), (1, 0, 0, 0), (1, 2, 3)), "center"),
        (lambda q: q.box3d((0, 0, 0), (1, 1, 1), (0, 0, 0, 0), (1, 2, 3)), "orientation"),
        (lambda q: q.Html(5), "data"),
        (lambda q: q.Html(io.BytesIO(b"\xff")), "page"),
        (lambda q: q.Molecule(5), "data_or_path"),
        (lambda q: q.Molecule(io.StringIO("ATOM")), "file_type"),
        (lambda q: q.Molecule(io.StringIO("ATOM"), file_type="xyz"), "file_type"),
        (lambda q: q.Molecule(io.StringIO("[1]"), file_type="pdb"), "text"),
        (lambda q: q.Molecule("nowhere.pdb"), "path"),
        (lambda q: q.Molecule("x.xyz"), "path"),
        (lambda q: q.Molecule.from_smiles("not a molecule"), "smiles"),
        (lambda q: q.Molecule.from_smiles("C1CC"), "smiles"),
        (lambda q: q.Molecule.from_smiles(5), "smiles"),
        (lambda q: q.Molecule.from_smiles("C", caption=1), "caption"),
    ],
)
def test_bad_input_is_an_error_that_names_its_argument(make, names):
    with pytest.raises((ValueError, TypeError, AttributeError, OSError)) as caught:
        make(quipu)
    assert names in str(caught.value)


def test_pages_of_text_file_and_stream(tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<html><head></head><body>é</body></html>", encoding="utf-8")
    marked, run = logged(quipu.Html(str(page)))
    assert "<head><base" in content(marked, run).decode()
    value, run = logged(quipu.Html(page, inject=False))
    assert content(value, run) == page.read_bytes()
    value, run = logged(quipu.Html(io.BytesIO("é".encode()), inject=False))
    assert content(value, run) == "é".encode()
    value, run = logged(quipu.Html(str(page), inject=False, data_is_not_path=True))
    assert content(value, run) == str(page).encode()
    (tmp_path / "bad.html").write_bytes(b"<p>\xff")
    (tmp_path / "empty.html").write_bytes(b"")
    (tmp_path / "folder.html").mkdir()
    for name in ("bad", "empty", "folder"):
        with pytest.raises((ValueError, OSError, quipu.Error)) as caught:
            quipu.Html(str(tmp_path / f"{name}.html"))
        assert f"{name}.html" in str(caught.value)


def test_molecule_of_a_smiles_through_rdkit():
    chem = pytest.importorskip("rdkit.Chem")
    value, run = logged(quipu.Molecule.from_smiles("CC(=O)O", caption="vinegar"))
    assert value["_type"] == "molecule-file" and value["caption"] == "vinegar" and value["path"].endswith(".pdb")
    block = content(value, run).decode()
    molecule = chem.MolFromPDBBlock(block, removeHs=False)
    assert molecule.GetNumAtoms() == 8
    value, run = logged(quipu.Molecule.from_rdkit(chem.MolFromSmiles("C"), convert_to_3d_and_optimize=False))
    assert content(value, run).decode().count("HETATM") == 1
    with pytest.raises(ValueError, match="valences"):
        quipu.Molecule.from_smiles("C(C)(C)(C)(C)C")
    with pytest.raises(ValueError, match="data_or_path"):
        quipu.Molecule.from_rdkit(5)


def test_from_smiles_without_rdkit_says_what_to_install():
    program = """
import sys, importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "rdkit" else find(name, *rest)
import quipu
try:
    quipu.Molecule.from_smiles("CC")
except ModuleNotFoundError as error:
    assert "pip install rdkit" in str(error), error
    sys.exit(7)
"""
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    assert subprocess.run([sys.executable, "-c", program], check=False, env=environment).returncode == 7
