"""DLPack: capsules are taken once, deleters called once, whatever goes wrong; what cannot be read is refused."""

import array
import ctypes
import gc

import pytest
import quipu
import runs

NEW = ctypes.pythonapi.PyCapsule_New
NEW.restype = ctypes.py_object
NEW.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
NAME = ctypes.pythonapi.PyCapsule_GetName
NAME.restype = ctypes.c_char_p
NAME.argtypes = (ctypes.py_object,)
DELETER = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
FLOAT, DOUBLE, LANES, FLOAT8 = (2, 32, 1), (2, 64, 1), (2, 32, 4), (10, 8, 1)


class DLTensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p), ("device_type", ctypes.c_int32), ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32), ("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)), ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]  # fmt: skip


class Managed(ctypes.Structure):
    _fields_ = [("tensor", DLTensor), ("context", ctypes.c_void_p), ("deleter", DELETER)]


class Versioned(ctypes.Structure):
    _fields_ = [
        ("major", ctypes.c_uint32), ("minor", ctypes.c_uint32), ("context", ctypes.c_void_p), ("deleter", DELETER),
        ("flags", ctypes.c_uint64), ("tensor", DLTensor),
    ]  # fmt: skip


class Producer:
    """An array of another library, as far as DLPack shows it."""

    def __init__(self, values=(0.0, 1.0, 2.0, 4.0), dtype=DOUBLE, version=None, device=1, said=None, offset=0):
        self.values = (ctypes.c_double * len(values))(*values)
        self.shape = (len(values) - offset,)
        self.dtype = dtype
        self.version = version
        self.device = device
        self.said = device if said is None else said
        self.offset = offset
        self.deleted = 0
        self.exported = 0
        self.capsule = None

    def __dlpack_device__(self):
        return self.said, 0

    def _capsule(self, version):
        self.exported += 1
        tensor = DLTensor(
            ctypes.addressof(self.values), self.device, 0, 1, *self.dtype, (ctypes.c_int64 * 1)(*self.shape), None,
            8 * self.offset,
        )  # fmt: skip

        def delete(managed):
            assert managed == ctypes.addressof(self.managed)
            self.deleted += 1

        self.deleter = DELETER(delete)
        if version:
            self.managed = Versioned(*version, None, self.deleter, 1, tensor)
            self.name = b"dltensor_versioned"
        else:
            self.managed = Managed(tensor, None, self.deleter)
            self.name = b"dltensor"
        self.capsule = NEW(ctypes.addressof(self.managed), self.name, None)
        return self.capsule


class Old(Producer):
    """Before DLPack 1.0 there was no max_version."""

    def __dlpack__(self, stream=None):
        return self._capsule(None)


class New(Producer):
    def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
        assert max_version is not None and max_version[0] >= 1
        return self._capsule(self.version or (1, 0))


def count(value):
    return list(quipu.histogram(value, 4)[0])


@pytest.mark.parametrize("kind", [Old, New])
def test_capsule_is_taken_and_its_deleter_called_once(kind):
    value = kind()
    assert count(value) == [1, 1, 1, 1]
    gc.collect()
    assert value.exported == 1 and value.deleted == 1
    assert NAME(value.capsule) == b"used_" + value.name


@pytest.mark.parametrize("kind", [Old, New])
def test_byte_offset_is_added(kind):
    value = kind((99.0, 0.0, 1.0, 2.0, 4.0), offset=1)
    assert count(value) == [1, 1, 1, 1]
    assert value.deleted == 1


@pytest.mark.parametrize("kind", [Old, New])
@pytest.mark.parametrize("dtype", [LANES, FLOAT8, (2, 128, 1), (0, 4, 1)])
def test_unknown_element_types_are_refused_and_their_memory_given_back(kind, dtype):
    value = kind(dtype=dtype)
    with pytest.raises(TypeError, match="convert it"):
        count(value)
    gc.collect()
    assert value.exported == 1 and value.deleted == 1


def test_newer_major_version_is_refused_and_its_memory_given_back():
    value = New(version=(2, 0))
    with pytest.raises(ValueError, match=r"DLPack 2\.0"):
        count(value)
    gc.collect()
    assert value.deleted == 1
    assert count(New(version=(1, 9))) == [1, 1, 1, 1]


@pytest.mark.parametrize("kind", [Old, New])
def test_memory_that_turns_out_to_be_on_a_device_is_refused_and_given_back(kind):
    value = kind(device=2, said=1)
    with pytest.raises(ValueError, match=r"\.cpu\(\)") as caught:
        count(value)
    assert caught.value.kind == "array_on_device"
    gc.collect()
    assert value.deleted == 1


@pytest.mark.parametrize(
    ("module", "device", "way"),
    [
        ("cupy", 2, r"array\.get\(\)"),
        ("jaxlib.xla_extension", 2, r"jax\.device_get\(array\)"),
        ("mlx.core", 8, r"numpy\.array\(array\)"),
        ("somelib", 10, r"\.cpu\(\) or \.get\(\)"),
    ],
)
def test_device_memory_is_refused_before_anything_is_exported(module, device, way):
    kind = type("Array", (New,), {"__module__": module})
    value = kind(device=device)
    with pytest.raises(ValueError, match=way) as caught:
        count(value)
    assert caught.value.kind == "array_on_device" and caught.value.code == -111
    assert value.exported == 0 and value.deleted == 0


def test_devices_that_share_the_hosts_memory_are_read_through_the_buffer_protocol():
    class Shared(array.array):
        """As mlx does on a Mac."""

        shape = (4,)

        def __dlpack_device__(self):
            return 8, 0

        def __dlpack__(self, **options):
            raise AssertionError("must not be asked")

    assert count(Shared("f", [0, 1, 2, 4])) == [1, 1, 1, 1]


@pytest.mark.parametrize("device", [1, 3, 11, 13])
def test_host_and_pinned_memory_is_read(device):
    assert count(New(device=device)) == [1, 1, 1, 1]


def test_capsule_that_was_used_is_refused():
    value = Old()
    first = value.__dlpack__()
    value.__class__ = type("Again", (Old,), {"__dlpack__": lambda self, stream=None: first})
    assert count(value) == [1, 1, 1, 1]
    with pytest.raises(TypeError, match="capsule"):
        count(value)
    assert value.deleted == 1


def test_rows_take_tensors_and_keep_nothing_of_them():
    value, small = New(tuple(float(n) for n in range(40))), New()
    small.tolist = lambda: list(small.values)
    run = runs.start()
    run.log({"h": value, "l": small})
    row = runs.rows(run)[0]
    assert row["h"]["_type"] == "histogram" and sum(row["h"]["values"]) == 40
    assert row["l"] == [0, 1, 2, 4]
    gc.collect()
    assert value.deleted == 1


def test_refused_row_gives_the_memory_back():
    value = New((float("nan"),) * 40)
    run = runs.start()
    with pytest.raises(ValueError, match="NaN"):
        run.log({"h": value})
    assert runs.rows(run) == []
    gc.collect()
    assert value.deleted == 1


def test_numpy_arrays_come_over_by_dlpack_too():
    numpy = pytest.importorskip("numpy")

    class Tensor:
        """Shows no other way to its memory."""

        def __init__(self, value):
            self.value = value
            self.shape = value.shape

        def __dlpack__(self, **options):
            return self.value.__dlpack__(**options)

        def __dlpack_device__(self):
            return self.value.__dlpack_device__()

    random = numpy.random.default_rng(3)
    for dtype in ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"):
        values = (random.random((6, 10)) * 100).astype(dtype)
        for view in (values, values.T, values[::-2, 1::3], values[2, 3:4], values[:0]):
            plain = view.astype("u1") if dtype == "?" else view
            counts, edges = quipu.histogram(Tensor(view), 5)
            wanted, wanted_edges = numpy.histogram(plain, 5)
            assert counts.tolist() == wanted.tolist() and edges.tolist() == wanted_edges.tolist()
    frozen = numpy.arange(8.0)
    frozen.flags.writeable = False
    assert quipu.histogram(Tensor(frozen), 2)[0].tolist() == [4, 4]


def test_torch_tensors_of_every_kind_are_read():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    numpy = pytest.importorskip("numpy")
    values = torch.arange(60).reshape(6, 10)
    for name in ("uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64"):
        for view in (values, values.T, values[::2, 1::3], values[3]):
            counts, edges = quipu.histogram(view.to(getattr(torch, name)), 5)
            wanted, wanted_edges = numpy.histogram(view.numpy(), 5)
            assert counts.tolist() == wanted.tolist(), name
            assert edges.tolist() == pytest.approx(wanted_edges.tolist(), rel=1e-3)
    parameter = torch.nn.Parameter(torch.arange(50.0))
    run = runs.start()
    run.log({"p": parameter, "s": torch.tensor(2.5), "l": torch.arange(3).bfloat16(), "b": torch.tensor([True, False])})
    run.summary["p"] = parameter
    found = runs.fold(run)
    row = found.rows[0]
    assert sum(row["p"]["values"]) == 50 and row["s"] == 2.5 and row["l"] == [0, 1, 2] and row["b"] == [True, False]
    assert found.summary()["p"]["_type"] == "torch.Tensor"
    with pytest.raises(ValueError, match="meta"):
        quipu.histogram(torch.empty(3, device="meta"))


def test_jax_arrays_of_every_kind_are_read():
    jax = pytest.importorskip("jax", reason="jax is not installed")
    numpy = pytest.importorskip("numpy")
    for name in ("bool", "uint8", "int8", "int16", "uint32", "float16", "bfloat16", "float32"):
        values = jax.numpy.arange(60).astype(name)
        counts, _ = quipu.histogram(values, 5)
        assert counts.tolist() == numpy.histogram(numpy.asarray(values).astype("f4"), 5)[0].tolist(), name
    run = runs.start()
    run.log({"h": jax.numpy.arange(40.0), "s": jax.numpy.float32(2.5), "l": jax.numpy.arange(3).astype("bfloat16")})
    row = runs.rows(run)[0]
    assert sum(row["h"]["values"]) == 40 and row["s"] == 2.5 and row["l"] == [0, 1, 2]
