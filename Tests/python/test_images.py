"""Images beside Pillow and NumPy: pixels, formats, masks and boxes; random pictures, read back by Pillow."""

import io
import json
import os

import pytest
import quipu
import runs

numpy = pytest.importorskip("numpy")
PIL = pytest.importorskip("PIL.Image")

_DTYPES = ("?", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8")


def logged(value):
    run = runs.start()
    run.log({"v": value})
    run.finish()
    return runs.rows(run)[0]["v"], run


def content(run, value):
    with open(os.path.join(run.dir, value["path"]), "rb") as file:
        return file.read()


def picture(value, **options):
    """What Pillow reads of an image that was logged."""
    stored, run = logged(quipu.Image(value, **options))
    data = content(run, stored)
    shown = PIL.open(io.BytesIO(data))
    assert (shown.width, shown.height) == (stored["width"], stored["height"])
    return shown


def expected(array):
    """The documented samples of an array."""
    if array.dtype == bool:
        return array.astype("u1") * 255
    if array.dtype.kind in "ui":
        return numpy.clip(array, 0, 255).astype("u1")
    finite = array[numpy.isfinite(array)]
    wide = array.astype("f4") if array.dtype.itemsize == 2 else array.astype(array.dtype.newbyteorder("="))
    with numpy.errstate(invalid="ignore"):
        if ((finite >= 0) & (finite <= 1)).all():
            wide = wide * wide.dtype.type(255)
        return numpy.nan_to_num(numpy.clip(wide, 0, 255), nan=0).astype("u1")


def draw(random):
    """A random array in a random layout."""
    dtype = numpy.dtype(_DTYPES[random.integers(len(_DTYPES))])
    shape = tuple(random.integers(2, 50, 2)) + ((), (1,), (3,), (4,))[random.integers(4)]
    if dtype.kind == "f":
        values = random.random(shape) if random.integers(2) else random.normal(120, 150, shape)
        for odd in (numpy.nan, numpy.inf, -numpy.inf):
            values[random.random(shape) < 0.02] = odd
    else:
        low, high = (0, 2) if dtype == bool else (numpy.iinfo(dtype).min, numpy.iinfo(dtype).max)
        values = random.integers(max(low, -1000), min(high, 1000), shape)
        if random.integers(3) == 0:
            values = values % 3 * 40  # few colours
    array = values.astype(dtype)
    if random.integers(2):
        array = array.astype(dtype.newbyteorder(">"))
    layout = random.integers(4)
    if layout == 0:
        array = numpy.asfortranarray(array)
    elif layout == 1:
        array = array[::-1, ::-1]
    elif layout == 2:
        array = numpy.repeat(array, 2, axis=1)[:, ::2]
    return array


@pytest.mark.parametrize("seed", range(6))
def test_random_arrays_have_the_documented_pixels(seed):
    random = numpy.random.default_rng(seed)
    arrays = [draw(random) for _ in range(40)]
    run = runs.start()
    for number, array in enumerate(arrays):
        run.log({f"k{number}": quipu.Image(array)})
    run.finish()
    for number, (array, row) in enumerate(zip(arrays, runs.rows(run))):
        shown = PIL.open(io.BytesIO(content(run, row[f"k{number}"])))
        wanted = expected(array)
        wanted = wanted[..., 0] if wanted.ndim == 3 and wanted.shape[2] == 1 else wanted
        mode = {2: "L", 3: {3: "RGB", 4: "RGBA"}.get(wanted.shape[-1])}[wanted.ndim]
        got = numpy.asarray(shown.convert(mode))
        assert got.shape == wanted.shape and (got == wanted).all(), (number, array.dtype, array.shape)


@pytest.mark.parametrize("seed", range(3))
def test_random_jpegs_are_as_near_as_pillows(seed):
    random = numpy.random.default_rng(seed)
    for _ in range(15):
        shape = tuple(random.integers(1, 90, 2)) + ((), (3,))[random.integers(2)]
        noise = random.normal(0, 20, shape)
        smooth = numpy.add.outer(numpy.arange(shape[0]) * 1.5, numpy.arange(shape[1]))
        array = numpy.clip((smooth if len(shape) == 2 else smooth[..., None] + [0, 20, 60]) + noise, 0, 255).astype("u1")
        quality = int(random.integers(1, 101))
        kind = ("jpg", "jpeg")[random.integers(2)]
        if array.ndim == 3 and min(array.shape[:2]) == 1:
            continue  # an axis of length 1 is no axis
        mine = picture(array, file_type=kind, quality=quality)
        theirs = io.BytesIO()
        PIL.fromarray(array).save(theirs, "JPEG", quality=quality)
        theirs = PIL.open(theirs)
        assert (mine.format, mine.mode, mine.size) == ("JPEG", theirs.mode, theirs.size)
        assert mine.quantization == theirs.quantization and mine.layer == theirs.layer
        errors = [
            numpy.sqrt(((numpy.asarray(shown).astype("f8") - array) ** 2).mean()) for shown in (mine, theirs)
        ]
        assert errors[0] <= errors[1] * 1.05 + 0.5


@pytest.mark.parametrize("colours", (2, 4, 5, 16, 17, 256, 257))
def test_pictures_of_few_colours_are_small_and_read_back_the_same(colours):
    random = numpy.random.default_rng(colours)
    table = random.choice(2**24, colours, replace=False)
    at = random.integers(0, colours, (200, 300))
    at.flat[:colours] = range(colours)
    array = numpy.stack([table[at] >> shift & 255 for shift in (16, 8, 0)], axis=2).astype("u1")
    stored, run = logged(quipu.Image(array))
    data = content(run, stored)
    shown = PIL.open(io.BytesIO(data))
    assert shown.mode == ("P" if colours <= 256 else "RGB") or colours <= 2
    assert (numpy.asarray(shown.convert("RGB")) == array).all()
    theirs = io.BytesIO()
    PIL.fromarray(array).save(theirs, "PNG")
    assert len(data) < len(theirs.getvalue()) * 1.05


def test_sixteen_bits_are_kept():
    array = numpy.arange(64 * 48, dtype="u2").reshape(64, 48) * 21
    assert (numpy.asarray(picture(array, bit_depth=16)) == array).all()
    assert (numpy.asarray(picture(array / 65535, mode="I;16")) == (array / 65535 * 65535).astype("u2")).all()
    with pytest.raises((ValueError, OSError)):
        quipu.Image(array, bit_depth=16, file_type="jpg")
    with pytest.raises(ValueError):
        quipu.Image(array, bit_depth=12)


def test_raw_cast_on_request():
    array = numpy.array([[-1.0, 0.5, 256.0, 300.7]])
    assert numpy.asarray(picture(array, normalize=False)).tolist() == [[255, 0, 0, 44]]
    assert numpy.asarray(picture(array)).tolist() == [[0, 0, 255, 255]]


def test_channels_first_on_request():
    array = numpy.random.default_rng(1).integers(0, 256, (3, 20, 30)).astype("u1")
    assert (numpy.asarray(picture(array, channels_first=True)) == array.transpose(1, 2, 0)).all()


@pytest.mark.parametrize("mode", ("L", "LA", "RGB", "RGBA", "P", "1", "I;16", "CMYK"))
@pytest.mark.parametrize("size", ((30, 20), (1, 7), (5, 1)))
def test_picture_objects_keep_their_mode(mode, size):
    array = numpy.random.default_rng(2).integers(0, 256, (size[1], size[0], 3)).astype("u1")
    base = PIL.fromarray(array)
    given = base.convert("L").convert("I;16") if mode == "I;16" else base.convert(mode)
    if mode == "CMYK":
        with pytest.raises(OSError):
            quipu.Image(given)
        return
    shown = picture(given)
    assert shown.size == size
    assert (numpy.asarray(shown.convert("RGBA")) == numpy.asarray(given.convert("RGBA"))).all()
    assert shown.mode in (mode, "I", "I;16") if mode == "I;16" else shown.mode == mode


def test_batches_are_lists_of_images():
    random = numpy.random.default_rng(3)
    batch = random.integers(0, 256, (5, 12, 9, 3)).astype("u1")
    images = quipu.Image.from_batch(batch, captions=[f"n{number}" for number in range(5)])
    assert len(images) == 5
    value, run = logged(images)
    assert (value["_type"], value["count"], value["captions"][4]) == ("images/separated", 5, "n4")
    for name, array in zip(value["filenames"], batch):
        assert (numpy.asarray(PIL.open(os.path.join(run.dir, name))) == array).all()
    floats = random.random((2, 3, 8, 8)).astype("f4")
    value, run = logged(quipu.Image.from_batch(floats, channels_first=True))
    shown = numpy.asarray(PIL.open(os.path.join(run.dir, value["filenames"][1])))
    assert (shown == (floats[1].transpose(1, 2, 0) * numpy.float32(255)).astype("u1")).all()
    for bad in (batch[0, 0], numpy.zeros((2, 4, 4, 5))):
        with pytest.raises((ValueError, TypeError)):
            quipu.Image.from_batch(bad)
    with pytest.raises(ValueError, match="captions"):
        quipu.Image.from_batch(batch, captions=["one"])


@pytest.mark.parametrize("kind", ("png", "jpeg", "gif", "bmp", "webp", "tiff"))
def test_files_and_bytes_of_every_format_pass_unchanged(kind, tmp_path):
    array = numpy.random.default_rng(4).integers(0, 256, (11, 23, 3)).astype("u1")
    data = io.BytesIO()
    PIL.fromarray(array).save(data, kind.upper())
    data = data.getvalue()
    stored, run = logged(quipu.Image(data))
    assert content(run, stored) == data
    assert (stored["width"], stored["height"]) == (23, 11)
    assert stored["format"] == ("jpg" if kind == "jpeg" else kind)
    for name in (f"a.{kind}", "b.dat", "noext"):
        path = tmp_path / name
        path.write_bytes(data)
        stored, run = logged(quipu.Image(path))
        assert content(run, stored) == data and stored["width"] == 23
    wrong = tmp_path / ("wrong.png" if kind != "png" else "wrong.jpg")
    wrong.write_bytes(data)
    with pytest.raises(OSError, match="rename"):
        quipu.Image(wrong)
    for cut in (data[: len(data) // 2], b"", b"no picture"):
        with pytest.raises((OSError, ValueError)):
            quipu.Image(cut)


def test_files_that_are_none_are_refused_and_nothing_is_kept(tmp_path):
    (tmp_path / "empty.png").write_bytes(b"")
    run = runs.start()
    for name, error in (("missing.png", FileNotFoundError), ("empty.png", ValueError), ("", Exception)):
        with pytest.raises(error):
            run.log({"v": quipu.Image(tmp_path / name)})
    run.finish()
    assert runs.rows(run) == [] and not os.path.exists(os.path.join(run.dir, "media"))


def test_masks_are_their_numbers_whatever_their_type():
    array = numpy.zeros((40, 50, 3), "u1")
    numbers = numpy.random.default_rng(5).integers(0, 4, (40, 50))
    for dtype in ("u1", "i8", "f4", "i2", "u8"):
        stored, run = logged(
            quipu.Image(array, masks={"m": {"mask_data": numbers.astype(dtype), "class_labels": {0: "a", 3: "b"}}})
        )
        shown = PIL.open(io.BytesIO(content(run, stored["masks"]["m"])))
        assert shown.mode == "L" and (numpy.asarray(shown) == numbers).all()
    two = quipu.Image(array, masks={"m": {"mask_data": numbers}, "n": {"mask_data": numbers > 1}})
    stored, run = logged(two)
    assert list(stored["masks"]) == ["m", "n"]


def test_layers_that_do_not_fit_are_refused():
    array = numpy.zeros((4, 6, 3), "u1")
    mask = numpy.zeros((4, 6), "u1")

    def box(**position):
        return {"b": {"box_data": [{"position": position, "class_id": 1}]}}

    for masks in (
        {"m": {"mask_data": mask[:3]}},
        {"m": {"mask_data": mask - 1.0}},
        {"m": {"mask_data": mask + numpy.nan}},
        {"m": {"mask_data": mask[..., None]}},
        {"m": {"mask_data": mask, "class_labels": {"0": "text"}}},
        {"m": {"mask_data": mask, "class_labels": {0: 5}}},
        {"m": {}},
        {"m": 5},
        [mask],
    ):
        with pytest.raises((ValueError, TypeError, KeyError)):
            quipu.Image(array, masks=masks)
    for boxes in (
        box(minX=0.5, maxX=1.5, minY=0, maxY=1),
        box(minX=-0.5, maxX=0.5, minY=0, maxY=1),
        box(minX=0.5, maxX=0.2, minY=0, maxY=1),
        box(minX=float("nan"), maxX=1, minY=0, maxY=1),
        box(middle=[0.5, 0.5], width=2, height=1),
        box(minX=0, maxX=1),
        {"b": {"box_data": [{"position": {"minX": 0, "maxX": 7, "minY": 0, "maxY": 1}, "domain": "pixel", "class_id": 1}]}},
        {"b": {"box_data": [{"position": {"minX": 0, "maxX": 1, "minY": 0, "maxY": 1}, "domain": "inch", "class_id": 1}]}},
        {"b": {"box_data": [{"position": {"minX": 0, "maxX": 1, "minY": 0, "maxY": 1}}]}},
    ):
        with pytest.raises((ValueError, TypeError, KeyError)):
            quipu.Image(array, boxes=boxes)
    quipu.Image(array, masks={"m": {"mask_data": mask[:3]}}, boxes=box(minX=0, maxX=9, minY=0, maxY=1), strict=False)


def test_boxes_from_arrays_are_those_of_dictionaries():
    array = numpy.zeros((100, 200, 3), "u1")
    rows = numpy.array([[10, 20, 30, 60], [0, 0, 200, 100]])
    boxes = quipu.BoundingBoxes2D.from_arrays if hasattr(quipu, "BoundingBoxes2D") else None
    boxes = boxes or quipu.data_types.BoundingBoxes2D.from_arrays
    made = boxes(
        rows, domain="pixel", class_ids=numpy.array([1, 2]), scores={"iou": [0.5, 0.25]}, captions=["a", "b"],
        class_labels={1: "x", 2: "y"},
    )  # fmt: skip
    stored, run = logged(quipu.Image(array, boxes={"p": made}))
    data = json.loads(content(run, stored["boxes"]["p"]))
    assert data == {
        "box_data": [
            {"position": {"minX": 10, "maxX": 30, "minY": 20, "maxY": 60}, "domain": "pixel", "class_id": 1,
             "box_caption": "a", "scores": {"iou": 0.5}},
            {"position": {"minX": 0, "maxX": 200, "minY": 0, "maxY": 100}, "domain": "pixel", "class_id": 2,
             "box_caption": "b", "scores": {"iou": 0.25}},
        ],
        "class_labels": {"1": "x", "2": "y"},
    }  # fmt: skip
    quipu.Image(array, boxes={"p": boxes(rows / [200, 100, 200, 100])})
    middle = boxes(numpy.array([[0.5, 0.5, 1.0, 1.0]]), layout="cxcywh")
    quipu.Image(array, boxes={"p": middle})
    quipu.Image(array, boxes={"p": boxes(numpy.array([[10, 20, 190, 80]]), layout="xywh", domain="pixel")})
    for bad in (
        lambda: boxes(rows[:, :3]),
        lambda: boxes(rows, layout="yx"),
        lambda: boxes(rows, class_ids=numpy.array([1.5, 2])),
        lambda: boxes(rows, class_ids=numpy.array([1])),
        lambda: boxes(rows, scores=[1.0]),
        lambda: boxes(rows, captions=["a"]),
        lambda: boxes(rows, captions=[1, 2]),
        lambda: quipu.Image(array, boxes={"p": boxes(rows)}),
    ):
        with pytest.raises((ValueError, TypeError)):
            bad()


def test_layers_belong_to_images():
    mask = quipu.data_types.ImageMask({"mask_data": numpy.zeros((4, 6), "u1")}, "m")
    run = runs.start()
    with pytest.raises(ValueError, match="belong to an image"):
        run.log({"v": mask})
    image = quipu.Image(numpy.zeros((4, 6), "u1"), masks={"m": mask})
    other = quipu.Image(image, masks={"n": mask})
    run.log({"v": [image, other]})
    run.finish()
    value = runs.rows(run)[0]["v"]
    assert [list(masks) for masks in value["all_masks"]] == [["m"], ["n"]]


@pytest.mark.parametrize("caption", (5, b"bytes", ["list"]))
def test_captions_that_are_not_text_are_refused(caption):
    with pytest.raises(TypeError, match="caption"):
        quipu.Image(numpy.zeros((4, 6), "u1"), caption=caption)
