"""The table of signatures in _ffi.py is the header's."""

import ctypes as c
import re

import header
import pytest
from quipu import _ffi

SCALARS = {
    "int32_t": c.c_int32, "uint32_t": c.c_uint32, "int64_t": c.c_int64, "uint64_t": c.c_uint64, "size_t": c.c_size_t,
    "double": c.c_double, "uint8_t": c.c_uint8, "quipu_status": c.c_int32, "quipu_level": c.c_int32, "quipu_mode": c.c_int32,
    "quipu_resume": c.c_int32, "quipu_low_steps": c.c_int32, "quipu_commit": c.c_int32, "quipu_type": c.c_int32,
    "quipu_toggle": c.c_int32, "quipu_box_layout": c.c_int32, "quipu_dtype": c.c_int32, "quipu_table_log_mode": c.c_int32,
    "quipu_file_policy": c.c_int32, "quipu_stream": c.c_int32, "quipu_upload_state": c.c_int32,
    "quipu_cells_form": c.c_int32, "quipu_time_unit": c.c_int32, "quipu_artifact_flags": c.c_uint32,
    "quipu_diagnostic_fn": _ffi.DiagnosticFn, "quipu_stop_fn": _ffi.StopFn, "void": None,
}  # fmt: skip
STRUCTURES = {
    "quipu_run_options": _ffi.RunOptions, "quipu_run_stats": _ffi.RunStats, "quipu_item": _ffi.Item,
    "quipu_metric_options": _ffi.MetricOptions, "quipu_array": _ffi.Array, "quipu_image_options": _ffi.ImageOptions,
    "quipu_boxes_options": _ffi.BoxesOptions, "quipu_class": _ffi.Class,
    "quipu_box3d": _ffi.Box3D, "quipu_scene_options": _ffi.SceneOptions,
    "quipu_table_options": _ffi.TableOptions, "quipu_login_options": _ffi.LoginOptions,
    "quipu_labels": _ffi.Labels, "quipu_chart_options": _ffi.ChartOptions,
    "quipu_limit": _ffi.Limit, "quipu_histogram_options": _ffi.HistogramOptions,
    "quipu_histogram_result": _ffi.HistogramResult,
    "quipu_video_options": _ffi.VideoOptions,
    "quipu_cells": _ffi.Cells, "quipu_artifact_options": _ffi.ArtifactOptions,
}  # fmt: skip
OPAQUE = {"quipu_run", "quipu_columns", "quipu_media", "quipu_artifact", "quipu_error"}


def acceptable(text):
    """The ctypes types that stand for a C type. A pointer to bytes may be char * or void *."""
    if text in SCALARS:
        return (SCALARS[text],)
    if text == "quipu_str":
        return (_ffi.Str, _ffi.OutStr)
    if not text.endswith("*"):
        return (STRUCTURES[text],)
    pointed = re.sub(r"\bconst\b", "", text[:-1]).replace(" ", "")
    pointed = re.sub(r"^struct", "", pointed)
    if pointed == "char":
        return (c.c_char_p,)
    if pointed == "void":
        return (c.c_void_p, c.c_char_p)
    if pointed in OPAQUE or pointed in ("DLTensor", "ArrowArrayStream"):
        return (c.c_void_p,)
    if pointed == "char*":
        return (c.POINTER(c.c_char_p),)
    if pointed.endswith("*") and pointed[:-1] in OPAQUE:
        return (c.POINTER(c.c_void_p),)
    if pointed.endswith("*") and pointed[:-1] in STRUCTURES:
        return (c.POINTER(c.POINTER(STRUCTURES[pointed[:-1]])),)
    if pointed == "quipu_str":
        return (c.POINTER(_ffi.OutStr), c.POINTER(_ffi.Str))
    if pointed in STRUCTURES:
        return (c.POINTER(STRUCTURES[pointed]),)
    return (c.POINTER(SCALARS[pointed]),)


def test_reader_finds_the_functions_of_the_header():
    found = header.functions()
    assert found["quipu_run_log"] == ("quipu_status", ["quipu_run*", "const char*", "double"])
    assert found["quipu_version"] == ("const char*", [])
    assert len(found) > 50


def test_table_names_every_function_and_no_other():
    assert set(_ffi.SIGNATURES) == set(header.functions())


@pytest.mark.parametrize("name", sorted(header.functions()))
def test_signature_equals_the_header(name):
    result, parameters = header.functions()[name]
    table_result, table_parameters = _ffi.SIGNATURES[name]
    assert table_result in acceptable(result)
    assert len(table_parameters) == len(parameters)
    for at, (text, kind) in enumerate(zip(parameters, table_parameters)):
        assert kind in acceptable(text), f"parameter {at} of {name} is {text}"


@pytest.mark.parametrize("name", sorted(STRUCTURES))
def test_structure_has_the_members_of_the_header(name):
    members = header.structures()[name]
    fields = STRUCTURES[name]._fields_
    assert [field for field, _ in fields] == [member for _, member in members]
    for (field, kind), (text, _) in zip(fields, members):
        if issubclass(kind, c.Array):
            kind = kind._type_
        assert kind in acceptable(text), f"{name}.{field} is {text}"


def test_constants_equal_the_header():
    found = header.constants()
    assert found["QUIPU_ABI"] == _ffi.ABI
    assert found["QUIPU_STEP_AUTO"] == _ffi.STEP_AUTO
    assert found["QUIPU_WAIT_FOREVER"] == _ffi.WAIT_FOREVER
    names = "FINISHED FORKED NOT_FOUND TIMEOUT FULL FORMAT DISK_FULL VALUE DEVICE NO_API_KEY"
    for name in names.split():
        assert found[f"QUIPU_ERROR_{name}"] == getattr(_ffi, f"ERROR_{name}")
    for name in ("BOOL", "INT", "DOUBLE"):
        assert found[f"QUIPU_TYPE_{name}"] == getattr(_ffi, f"TYPE_{name}")
    for name in ("STDOUT", "STDERR", "LINES"):
        assert found[f"QUIPU_STREAM_{name}"] == getattr(_ffi, name)
    for name in ("OFF", "CONNECTING", "STREAMING", "WAITING", "FINISHING", "DONE", "FAILED"):
        assert found[f"QUIPU_UPLOAD_{name}"] == getattr(_ffi, f"UPLOAD_{name}")
    for name in ("DEFAULT", "ON", "OFF"):
        assert found[f"QUIPU_TOGGLE_{name}"] == getattr(_ffi, f"TOGGLE_{name}")
    names = {"b1": "BOOL", "f2": "FLOAT16", "f4": "FLOAT32", "f8": "FLOAT64", "c8": "COMPLEX64", "c16": "COMPLEX128"}
    for text, number in _ffi.DTYPES.items():
        kind = names.get(text) or {"i": "INT", "u": "UINT"}[text[0]] + str(8 * int(text[1:]))
        assert found[f"QUIPU_DTYPE_{kind}"] == number


def test_only_one_module_imports_ctypes():
    import os

    package = os.path.dirname(_ffi.__file__)
    users = []
    for name in os.listdir(package):
        if name.endswith(".py"):
            text = open(os.path.join(package, name)).read()
            if re.search(r"^\s*(import|from) ctypes", text, re.M):
                users.append(name)
    assert users == ["_ffi.py"]


def test_numpy_and_torch_are_never_imported():
    import os

    package = os.path.dirname(_ffi.__file__)
    for name in os.listdir(package):
        if name.endswith(".py"):
            text = open(os.path.join(package, name)).read()
            assert not re.search(r"^\s*(import|from) (numpy|torch)", text, re.M), name
