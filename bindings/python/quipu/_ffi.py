"""The only module that imports ctypes: it loads the library and knows the signature of every function of quipu.h.

`CDLL`, never `PyDLL`: the interpreter lock is free during a call, so a call that waits stops no other thread, and a
diagnostics callback on a thread of the library can take the lock.
"""

import ctypes
import os
import sys
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    byref,
    c_char_p,
    c_double,
    c_int32,
    c_int64,
    c_size_t,
    c_uint32,
    c_uint64,
    c_uint8,
    c_void_p,
)

ABI = 0

STEP_AUTO = -1
STEP_MAX = 2**63 - 1
WAIT_FOREVER = -1

OK = 0
ERROR_VALUE = -107
ERROR_DEVICE = -111
ERROR_FINISHED = -201
ERROR_FORKED = -203
ERROR_NOT_FOUND = -205
ERROR_TIMEOUT = -206
ERROR_FULL = -207
ERROR_FORMAT = -402
ERROR_DISK_FULL = -403
ERROR_NO_API_KEY = -601

TYPE_BOOL, TYPE_INT, TYPE_DOUBLE = 1, 2, 3
STDOUT, STDERR, LINES = 1, 2, 3
UPLOAD_OFF, UPLOAD_CONNECTING, UPLOAD_STREAMING, UPLOAD_WAITING, UPLOAD_FINISHING, UPLOAD_DONE, UPLOAD_FAILED = range(7)
TOGGLE_DEFAULT, TOGGLE_ON, TOGGLE_OFF = 0, 1, 2
LEVEL_INFO, LEVEL_WARNING, LEVEL_ERROR = 1, 2, 3

MODES = {"online": 1, "run": 1, "offline": 2, "dryrun": 2, "disabled": 3, "shared": 4}
RESUMES = {"allow": 1, "must": 2, "never": 3, "auto": 4}

# Element types by the letter and size of an array interface's `typestr`.
DTYPES = {
    "b1": 1,
    "i1": 2, "i2": 3, "i4": 4, "i8": 5,
    "u1": 6, "u2": 7, "u4": 8, "u8": 9,
    "f2": 10, "f4": 12, "f8": 13,
    "c8": 14, "c16": 15,
}  # fmt: skip
# Bytes of an element, by the type's number.
ITEM_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 2, 8: 4, 9: 8, 10: 2, 11: 2, 12: 4, 13: 8, 14: 8, 15: 16}
BFLOAT16 = 11
BYTE_SWAPPED = 1
MAX_DIMENSIONS = 32


class Str(Structure):
    """quipu_str as an argument: keeps the bytes alive."""

    _fields_ = [("data", c_char_p), ("size", c_size_t)]


class OutStr(Structure):
    """quipu_str as a result: a plain address, since the text may hold NUL."""

    _fields_ = [("data", c_void_p), ("size", c_size_t)]


class RunOptions(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("mode", c_int32),
        ("project", c_char_p),
        ("entity", c_char_p),
        ("id", c_char_p),
        ("name", c_char_p),
        ("notes", c_char_p),
        ("group", c_char_p),
        ("job_type", c_char_p),
        ("dir", c_char_p),
        ("tags", POINTER(c_char_p)),
        ("tag_count", c_size_t),
        ("config_json", Str),
        ("config_path", c_char_p),
        ("settings_json", Str),
        ("resume", c_int32),
        ("low_steps", c_int32),
        ("resume_from", c_char_p),
        ("fork_from", c_char_p),
        ("ring_bytes", c_uint64),
        ("full_wait_ms", c_int64),
        ("program", c_char_p),
        ("language", c_char_p),
    ]


class RunStats(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("disk_failing", c_uint32),
        ("calls_accepted", c_uint64),
        ("rows_written", c_uint64),
        ("rows_dropped_low_step", c_uint64),
        ("calls_dropped_full", c_uint64),
        ("records_lost", c_uint64),
        ("values_dropped", c_uint64),
        ("bytes_written", c_uint64),
        ("write_errors", c_uint64),
        ("media_pending", c_uint64),
        ("step", c_int64),
        ("upload_state", c_int32),
        ("stop_requested", c_int32),
        ("rows_uploaded", c_uint64),
        ("rows_pending", c_uint64),
        ("files_uploaded", c_uint64),
        ("files_pending", c_uint64),
        ("bytes_uploaded", c_uint64),
        ("log_bytes_read", c_uint64),
        ("upload_requests", c_uint64),
        ("upload_retries", c_uint64),
        ("retry_in_ms", c_int64),
    ]


class Item(Structure):
    _fields_ = [
        ("key", c_char_p),
        ("type", c_int32),
        ("reserved", c_int32),
        ("integer", c_int64),
        ("number", c_double),
        ("text", Str),
        ("media", c_void_p),
    ]


class MetricOptions(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("step_sync", c_int32),
        ("hidden", c_int32),
        ("overwrite", c_int32),
        ("step_metric", c_char_p),
        ("summary", c_char_p),
        ("goal", c_char_p),
    ]


class Array(Structure):
    _fields_ = [
        ("data", c_void_p),
        ("dtype", c_int32),
        ("ndim", c_int32),
        ("shape", POINTER(c_int64)),
        ("strides", POINTER(c_int64)),
        ("flags", c_uint32),
        ("reserved", c_uint32),
    ]


class Limit(Structure):
    _fields_ = [("dtype", c_int32), ("is_integer", c_uint32), ("integer", c_int64), ("number", c_double)]


class HistogramOptions(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("density", c_uint32),
        ("bins", c_int64),
        ("estimator", c_char_p),
        ("edges", POINTER(Array)),
        ("range", POINTER(Limit)),
        ("weights", POINTER(Array)),
        ("skip_nonfinite", c_uint32),
        ("reserved", c_uint32),
    ]


class HistogramResult(Structure):
    _fields_ = [("counts", Array), ("edges", Array), ("skipped", c_int64)]


class ImageOptions(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("channels_first", c_uint32),
        ("mode", c_char_p),
        ("caption", c_char_p),
        ("file_type", c_char_p),
        ("grouping", c_int64),
        ("raw_values", c_uint32),
        ("bit_depth", c_int32),
        ("quality", c_int32),
        ("any_layers", c_uint32),
    ]


class VideoOptions(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("channels_last", c_uint32),
        ("fps", c_double),
        ("format", c_char_p),
        ("caption", c_char_p),
    ]


class Labels(Structure):
    _fields_ = [("numbers", POINTER(Array)), ("texts", POINTER(Str)), ("count", c_size_t)]


class ChartOptions(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("split_table", c_uint32),
        ("title", c_char_p),
        ("class_names", POINTER(Labels)),
        ("classes_to_plot", POINTER(Labels)),
        ("interp_size", c_int64),
    ]


class Box3D(Structure):
    _fields_ = [
        ("corners", c_double * 24),
        ("score", c_double),
        ("label", c_char_p),
        ("color", c_uint8 * 3),
        ("has_score", c_uint8),
        ("reserved", c_uint32),
    ]


class SceneOptions(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("reserved", c_uint32),
        ("points", POINTER(Array)),
        ("boxes", POINTER(Box3D)),
        ("box_count", c_size_t),
        ("vectors", POINTER(c_double)),
        ("vector_count", c_size_t),
        ("boxes_json", Str),
        ("vectors_json", Str),
        ("caption", c_char_p),
    ]


class BoxesOptions(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("layout", c_int32),
        ("in_pixels", c_uint32),
        ("score_count", c_uint32),
        ("class_ids", POINTER(Array)),
        ("scores", POINTER(Array)),
        ("score_names", POINTER(c_char_p)),
        ("captions", POINTER(c_char_p)),
        ("classes", c_void_p),
        ("key", c_char_p),
    ]


class Class(Structure):
    _fields_ = [("id", c_int64), ("name", c_char_p)]


class TableOptions(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("log_mode", c_int32),
        ("allow_mixed_types", c_uint32),
        ("required", c_uint32),
        ("schema_json", Str),
    ]


class Cells(Structure):
    _fields_ = [
        ("form", c_int32),
        ("unit", c_int32),
        ("missing_is_nan", c_uint32),
        ("reserved", c_uint32),
        ("array", Array),
        ("text", Str),
        ("offsets", POINTER(c_int64)),
        ("count", c_size_t),
        ("valid", POINTER(c_uint8)),
        ("media", POINTER(c_void_p)),
        ("media_count", c_size_t),
        ("arrays", POINTER(Array)),
        ("array_count", c_size_t),
    ]


class ArtifactOptions(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("reserved", c_uint32),
        ("description", c_char_p),
        ("metadata_json", Str),
    ]


class LoginOptions(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("verify", c_int32),
        ("store", c_int32),
        ("relogin", c_int32),
        ("host", c_char_p),
        ("timeout_ms", c_int64),
    ]


DiagnosticFn = CFUNCTYPE(None, c_int32, c_char_p, c_char_p, c_char_p, c_void_p)

StopFn = CFUNCTYPE(None, c_void_p, c_void_p)

_run = _columns = _media = _artifact = _error = c_void_p  # opaque handles
_out = POINTER(c_void_p)  # where a handle or an error is put
_strings = POINTER(c_char_p)
_arrays = POINTER(Array)
_doubles = POINTER(c_double)
_text = POINTER(OutStr)
_labels = POINTER(Labels)
_chart_options = POINTER(ChartOptions)
_status = c_int32

# name: (result, arguments). Tests/python/test_header.py compares this with include/quipu.h.
SIGNATURES = {
    "quipu_version": (c_char_p, ()),
    "quipu_version_number": (c_uint32, ()),
    "quipu_abi_version": (c_uint32, ()),
    "quipu_status_name": (c_char_p, (_status,)),
    "quipu_status_text": (c_char_p, (_status,)),
    "quipu_error_code": (_status, (_error,)),
    "quipu_error_message": (c_char_p, (_error,)),
    "quipu_error_kind": (c_char_p, (_error,)),
    "quipu_error_free": (None, (_error,)),
    "quipu_text_free": (None, (OutStr,)),
    "quipu_set_diagnostics": (None, (DiagnosticFn, c_void_p)),
    "quipu_run_options_init": (_status, (POINTER(RunOptions), c_size_t)),
    "quipu_run_start": (_status, (POINTER(RunOptions), _out, _out)),
    "quipu_run_finish": (_status, (_run, c_int32, c_int64, _out)),
    "quipu_run_flush": (_status, (_run, c_int64, _out)),
    "quipu_run_free": (None, (_run,)),
    "quipu_run_get_stats": (_status, (_run, POINTER(RunStats))),
    "quipu_run_info_json": (_status, (_run, _text, _out)),
    "quipu_run_wait_online": (_status, (_run, c_int64, _out)),
    "quipu_run_stop_requested": (c_int32, (_run,)),
    "quipu_run_set_stop_handler": (_status, (_run, StopFn, c_void_p)),
    "quipu_run_id": (c_char_p, (_run,)),
    "quipu_run_directory": (c_char_p, (_run,)),
    "quipu_run_set_name": (_status, (_run, c_char_p, _out)),
    "quipu_run_set_notes": (_status, (_run, c_char_p, _out)),
    "quipu_run_set_tags": (_status, (_run, _strings, c_size_t, _out)),
    "quipu_run_log": (_status, (_run, c_char_p, c_double)),
    "quipu_run_log_doubles": (_status, (_run, _strings, POINTER(c_double), c_size_t, c_int64, c_int32)),
    "quipu_run_log_items": (_status, (_run, POINTER(Item), c_size_t, c_int64, c_int32, _out)),
    "quipu_run_log_json": (_status, (_run, Str, _out, c_size_t, c_int64, c_int32, _out)),
    "quipu_columns_new": (_status, (_strings, POINTER(c_int32), c_size_t, _out, _out)),
    "quipu_columns_free": (None, (_columns,)),
    # The cells are bytes of struct.pack, so char * is the cheapest way to pass them.
    "quipu_run_log_columns": (_status, (_run, _columns, c_char_p, c_int64, c_int32)),
    "quipu_run_define_metric": (_status, (_run, c_char_p, POINTER(MetricOptions), _out)),
    "quipu_run_config_update": (_status, (_run, Str, c_int32, _out)),
    "quipu_run_config_set_defaults": (_status, (_run, Str, _out)),
    "quipu_run_config_lock": (_status, (_run, Str, c_char_p, _out)),
    "quipu_run_config_json": (_status, (_run, _text, _out)),
    "quipu_run_summary_set": (_status, (_run, _strings, c_size_t, Str, _out, c_size_t, _out)),
    "quipu_run_summary_remove": (_status, (_run, _strings, c_size_t, _out)),
    "quipu_run_summary_json": (_status, (_run, c_int64, _text, _out)),
    "quipu_array_from_dlpack": (_status, (c_void_p, _arrays, POINTER(c_int64), c_size_t, _out)),
    "quipu_media_free": (None, (_media,)),
    "quipu_media_json": (_status, (_media, _text, _out)),
    "quipu_media_list_new": (_status, (_out, c_size_t, _out, _out)),
    "quipu_image_new": (_status, (_arrays, POINTER(ImageOptions), _out, _out)),
    "quipu_images_new": (_status, (_arrays, _strings, POINTER(ImageOptions), _out, _out)),
    "quipu_image_open": (_status, (c_char_p, POINTER(ImageOptions), _out, _out)),
    "quipu_image_from_bytes": (_status, (c_char_p, c_size_t, POINTER(ImageOptions), _out, _out)),
    "quipu_image_copy": (_status, (_media, POINTER(ImageOptions), _out, _out)),
    "quipu_classes_new": (_status, (POINTER(Class), c_size_t, _out, _out)),
    "quipu_classes_from_json": (_status, (Str, _out, _out)),
    "quipu_mask_new": (_status, (_arrays, _media, c_char_p, _out, _out)),
    "quipu_mask_open": (_status, (c_char_p, _out, _out)),
    "quipu_boxes_new": (_status, (_arrays, POINTER(BoxesOptions), _out, _out)),
    "quipu_boxes_from_json": (_status, (Str, c_char_p, _out, _out)),
    "quipu_image_add": (_status, (_media, c_char_p, _media, _out)),
    "quipu_histogram_new": (_status, (_arrays, POINTER(HistogramOptions), _out, _out)),
    "quipu_histogram_from_counts": (_status, (_arrays, _arrays, _out, _out)),
    "quipu_histogram_from_json": (_status, (Str, _out, _out)),
    "quipu_histogram_compute": (
        _status,
        (_arrays, POINTER(HistogramOptions), POINTER(POINTER(HistogramResult)), _out),
    ),
    "quipu_histogram_result_free": (None, (POINTER(HistogramResult),)),
    "quipu_array_value_new": (_status, (_arrays, _out, _out)),
    "quipu_array_statistics_new": (_status, (_arrays, c_char_p, _out, _out)),
    "quipu_point_cloud_new": (_status, (_arrays, c_char_p, _out, _out)),
    "quipu_box3d_turn": (_status, (_doubles, _doubles, _doubles, POINTER(Box3D), _out)),
    "quipu_scene_new": (_status, (POINTER(SceneOptions), _out, _out)),
    "quipu_object3d_from_text": (_status, (Str, c_char_p, c_char_p, _out, _out)),
    "quipu_object3d_open": (_status, (c_char_p, c_char_p, _out, _out)),
    "quipu_html_new": (_status, (Str, c_int32, _out, _out)),
    "quipu_html_open": (_status, (c_char_p, c_int32, _out, _out)),
    "quipu_molecule_open": (_status, (c_char_p, c_char_p, _out, _out)),
    "quipu_molecule_from_text": (_status, (Str, c_char_p, c_char_p, _out, _out)),
    "quipu_molecule_check_smiles": (_status, (Str, _out)),
    "quipu_audio_new": (_status, (_arrays, c_int64, c_char_p, _out, _out)),
    "quipu_audio_open": (_status, (c_char_p, c_char_p, _out, _out)),
    "quipu_audio_from_bytes": (_status, (Str, c_char_p, c_char_p, _out, _out)),
    "quipu_video_new": (_status, (_arrays, POINTER(VideoOptions), _out, _out)),
    "quipu_video_open": (_status, (c_char_p, c_char_p, _out, _out)),
    "quipu_video_from_bytes": (_status, (Str, c_char_p, c_char_p, _out, _out)),
    "quipu_table_new": (_status, (_strings, c_size_t, POINTER(TableOptions), _out, _out)),
    "quipu_table_add_row": (_status, (_media, POINTER(Item), c_size_t, _out)),
    "quipu_table_add_rows_json": (_status, (_media, Str, _out, c_size_t, _arrays, c_size_t, _out)),
    "quipu_table_add_rows": (_status, (_media, POINTER(Cells), c_size_t, _out)),
    "quipu_table_add_column": (_status, (_media, c_char_p, POINTER(Cells), c_int32, _out)),
    "quipu_table_from_arrow": (_status, (c_void_p, POINTER(TableOptions), _out, _out)),
    "quipu_table_json": (_status, (_media, c_int64, c_int64, _text, _out)),
    "quipu_table_alter": (_status, (_media, Str, _media, _out)),
    "quipu_table_row_count": (c_size_t, (_media,)),
    "quipu_table_column_count": (c_size_t, (_media,)),
    "quipu_chart_new": (_status, (_media, c_char_p, Str, Str, c_int32, _out, _out)),
    "quipu_chart_visualize": (_status, (_media, c_char_p, _out, _out)),
    "quipu_chart_line": (_status, (_media, c_char_p, c_char_p, c_char_p, _chart_options, _out, _out)),
    "quipu_chart_scatter": (_status, (_media, c_char_p, c_char_p, _chart_options, _out, _out)),
    "quipu_chart_bar": (_status, (_media, c_char_p, c_char_p, _chart_options, _out, _out)),
    "quipu_chart_histogram": (_status, (_media, c_char_p, _chart_options, _out, _out)),
    "quipu_chart_line_series": (
        _status,
        (_arrays, c_size_t, _arrays, c_size_t, _labels, c_char_p, _chart_options, _out, _out),
    ),
    "quipu_chart_pr_curve": (_status, (_labels, _arrays, _chart_options, _out, _out)),
    "quipu_chart_roc_curve": (_status, (_labels, _arrays, _chart_options, _out, _out)),
    "quipu_chart_confusion_matrix": (_status, (_labels, _labels, _arrays, _chart_options, _out, _out)),
    "quipu_plotly_new": (_status, (Str, _out, _out)),
    "quipu_bokeh_new": (_status, (Str, _out, _out)),
    "quipu_bokeh_open": (_status, (c_char_p, _out, _out)),
    "quipu_graph_new": (_status, (Str, _out, _out)),
    "quipu_joined_table_new": (_status, (_media, c_char_p, _media, c_char_p, c_char_p, c_char_p, _out, _out)),
    "quipu_partitioned_table_new": (_status, (c_char_p, _out, _out)),
    "quipu_artifact_new": (_status, (c_char_p, c_char_p, POINTER(ArtifactOptions), _out, _out)),
    "quipu_artifact_free": (None, (_artifact,)),
    "quipu_artifact_add_media": (_status, (_artifact, _media, c_char_p, c_int32, _text, _out)),
    "quipu_artifact_add_file": (_status, (_artifact, c_char_p, c_char_p, c_uint32, _out)),
    "quipu_artifact_add_directory": (_status, (_artifact, c_char_p, c_char_p, c_uint32, _out)),
    "quipu_artifact_add_bytes": (_status, (_artifact, Str, c_char_p, c_uint32, _out)),
    "quipu_artifact_add_reference": (_status, (_artifact, c_char_p, c_char_p, c_char_p, c_int64, _out)),
    "quipu_artifact_json": (_status, (_artifact, _text, _out)),
    "quipu_run_log_artifact": (_status, (_run, _artifact, _strings, c_size_t, _strings, c_size_t, _out)),
    "quipu_run_save": (_status, (_run, c_char_p, c_char_p, c_int32, c_int32, _text, _out)),
    "quipu_run_alert": (_status, (_run, c_char_p, Str, c_char_p, c_int64, _out)),
    "quipu_run_mark_preempting": (_status, (_run,)),
    "quipu_run_output": (_status, (_run, c_int32, Str)),
    "quipu_run_record_file": (_status, (_run, c_char_p, c_int32, _out)),
    "quipu_run_record_requirements": (_status, (_run, Str, _out)),
    "quipu_run_report": (_status, (_run, _text, _out)),
    "quipu_login": (_status, (c_char_p, POINTER(LoginOptions), _text, _out)),
    "quipu_logout": (_status, (c_char_p, POINTER(c_int32), _out)),
    "quipu_set_exit_code": (None, (c_int32,)),
    "quipu_finish_all": (_status, (c_int32, c_int64)),
    "quipu_recover": (_status, (c_char_p, _text, _out)),
}


def _candidates():
    """Where the library may be, in order of preference."""
    explicit = os.environ.get("QUIPU_LIBRARY")
    if explicit:
        yield explicit
        return
    here = os.path.dirname(os.path.abspath(__file__))
    names = ("libquipu.dylib",) if sys.platform == "darwin" else ("libquipu.so", f"libquipu.so.{ABI}")
    for name in names:
        yield os.path.join(here, "_lib", name)  # a wheel, or an installed package
    root = os.path.dirname(os.path.dirname(os.path.dirname(here)))
    for name in names:
        yield os.path.join(root, "build", "lib", name)  # a checkout after `make build`


def _load():
    tried = []
    for path in _candidates():
        if os.path.exists(path):
            try:
                return ctypes.CDLL(path), path
            except OSError as error:
                raise ImportError(f"quipu: the library {path} cannot be loaded: {error}") from None
        tried.append(path)
    raise ImportError(
        "quipu: libquipu is missing. Build it with `make build`, or set QUIPU_LIBRARY to its path. Looked at: "
        + ", ".join(tried)
    )


lib, library_path = _load()

for _name, (_result, _arguments) in SIGNATURES.items():
    try:
        _function = getattr(lib, _name)
    except AttributeError:
        raise ImportError(f"quipu: {library_path} has no function {_name}; it is of another version") from None
    _function.restype = _result
    _function.argtypes = _arguments

if lib.quipu_abi_version() != ABI:
    raise ImportError(
        f"quipu: {library_path} has binary interface {lib.quipu_abi_version()}, this package needs {ABI}"
    )

version = lib.quipu_version().decode()
_text_free = lib.quipu_text_free
_error_free = lib.quipu_error_free


def encode(text):
    """UTF-8; a lone surrogate, which UTF-8 cannot hold, becomes U+FFFD."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def cstring(text):
    """An argument of type `const char *`: None stays None."""
    if text is None:
        return None
    data = text if isinstance(text, bytes) else encode(text)
    if b"\0" in data:
        raise ValueError("text for this argument may not hold a NUL character")
    return data


def path_bytes(path):
    return cstring(os.fsencode(path))


def string(text):
    """An argument of type `quipu_str`: str, bytes or None."""
    if text is None:
        return Str(None, 0)
    data = text if isinstance(text, bytes) else encode(text)
    return Str(data, len(data))


def strings(texts):
    """An array of `const char *`, never NULL, so that an empty list is one."""
    return (c_char_p * max(len(texts), 1))(*[cstring(text) for text in texts])


def handles(values):
    """An array of handles; None for an empty one."""
    return (c_void_p * len(values))(*values) if values else None


def take_error(error, status):
    """(code, kind, message) of a failed call; frees the detail."""
    if not error:
        return status, "", lib.quipu_status_text(status).decode("utf-8", "replace")
    code = lib.quipu_error_code(error) or status
    kind = lib.quipu_error_kind(error).decode("utf-8", "replace")
    message = lib.quipu_error_message(error).decode("utf-8", "replace")
    _error_free(error)
    return code, kind, message


def take_text(text):
    """The content of a text result; frees it."""
    data = ctypes.string_at(text.data, text.size) if text.data else b""
    _text_free(text)
    return data.decode("utf-8", "replace")


def new_handle(function, *arguments):
    """Calls a function that makes a handle. Returns (status, handle or None, error)."""
    handle, error = c_void_p(), c_void_p()
    status = function(*arguments, byref(handle), byref(error))
    return status, handle.value, error


def call(function, *arguments):
    """Calls a function whose last argument is `quipu_error **`. Returns (status, error)."""
    error = c_void_p()
    return function(*arguments, byref(error)), error


def call_text(function, *arguments):
    """Calls a function whose last arguments are a text result and an error. Returns (status, text or "", error)."""
    text, error = OutStr(), c_void_p()
    status = function(*arguments, byref(text), byref(error))
    return status, take_text(text) if status == OK else "", error


def stats(handle):
    """The counters of a run as a dictionary."""
    record = RunStats()
    record.struct_size = ctypes.sizeof(RunStats)
    status = lib.quipu_run_get_stats(handle, byref(record))
    return status, {name: getattr(record, name) for name, _ in RunStats._fields_ if name != "struct_size"}


def make_columns(keys, types):
    """A `quipu_columns` handle, or None when the library refuses the keys."""
    status, handle, error = new_handle(
        lib.quipu_columns_new, strings(keys), (c_int32 * max(len(types), 1))(*types), len(keys)
    )
    if status != OK:
        take_error(error, status)
        return None
    return handle


def struct_of(kind):
    """A zeroed options structure with its size set."""
    value = kind()
    value.struct_size = ctypes.sizeof(kind)
    return value


def array(address, dtype, shape, strides=None, flags=0):
    """A `quipu_array`; keeps shape and strides alive (ctypes holds what is assigned to pointer fields)."""
    view = Array()
    view.data = address
    view.dtype = dtype
    view.ndim = len(shape)
    view.shape = (c_int64 * max(len(shape), 1))(*shape)
    if strides is not None:
        view.strides = (c_int64 * max(len(strides), 1))(*strides)
    view.flags = flags
    return view


def labels(view=None, texts=()):
    """A `quipu_labels`; what it points to lives as long as it does."""
    value = Labels()
    if view is not None:
        value.numbers = ctypes.pointer(view)
    else:
        value.texts = (Str * max(len(texts), 1))(*map(string, texts))
        value.count = len(texts)
    return value


def pointer_to(value):
    """A pointer for a field of a structure; None for None."""
    return None if value is None else ctypes.pointer(value)


def pointer(view):
    """A `quipu_array` as a member of options."""
    return ctypes.pointer(view)


def reshaped(view, shape):
    """The same elements, which lie one behind the other, in another shape."""
    return array(view.data, view.dtype, shape, None, view.flags)


def arrays(views):
    """A C array of `quipu_array`; None for an empty one."""
    return (Array * len(views))(*views) if views else None


def doubles(values):
    """An array of `double`."""
    return (c_double * len(values))(*values)


def bytes_address(data):
    """The address of a bytes object's content; the caller keeps the object alive."""
    return ctypes.cast(c_char_p(data), c_void_p).value


def buffer_address(view):
    """The address of a writable, contiguous memoryview; the caller keeps the view alive."""
    return ctypes.addressof(ctypes.c_char.from_buffer(view)) if view.nbytes else None


def histogram(array, options):
    """(status, ((bytes, dtype, count) of counts, of edges, skipped) or None, error) of `quipu_histogram_compute`."""
    result, error = POINTER(HistogramResult)(), c_void_p()
    status = lib.quipu_histogram_compute(byref(array), byref(options), byref(result), byref(error))
    if status != OK:
        return status, None, error
    try:
        found = []
        for values in (result.contents.counts, result.contents.edges):
            count = values.shape[0]
            data = ctypes.string_at(values.data, count * ITEM_BYTES[values.dtype]) if count else b""
            found.append((data, values.dtype, count))
        return status, (*found, result.contents.skipped), error
    finally:
        lib.quipu_histogram_result_free(result)


# DLPack: a capsule is taken by giving it another name; from then on its deleter is the taker's to call, once.

_capsules = ctypes.pythonapi
_capsules.PyCapsule_IsValid.restype = ctypes.c_int
_capsules.PyCapsule_IsValid.argtypes = (ctypes.py_object, c_char_p)
_capsules.PyCapsule_GetPointer.restype = c_void_p
_capsules.PyCapsule_GetPointer.argtypes = (ctypes.py_object, c_char_p)
_capsules.PyCapsule_SetName.restype = ctypes.c_int
_capsules.PyCapsule_SetName.argtypes = (ctypes.py_object, c_char_p)

# Capsules keep the address of their name.
_TENSOR, _USED_TENSOR = c_char_p(b"dltensor"), c_char_p(b"used_dltensor")
_VERSIONED, _USED_VERSIONED = c_char_p(b"dltensor_versioned"), c_char_p(b"used_dltensor_versioned")
_Deleter = CFUNCTYPE(None, c_void_p)
_TENSOR_BYTES = 48  # of DLTensor, in front of DLManagedTensor's context and deleter


class _VersionedTensor(Structure):
    """DLManagedTensorVersioned up to its DLTensor."""

    _fields_ = [
        ("major", c_uint32), ("minor", c_uint32), ("context", c_void_p), ("deleter", c_void_p), ("flags", c_uint64),
    ]  # fmt: skip


class Tensor:
    """A DLPack tensor taken out of its capsule. The producer's deleter is called when this object goes."""

    __slots__ = ("_deleter", "_managed", "address", "version")

    def __init__(self, capsule):
        self._deleter = None
        if _capsules.PyCapsule_IsValid(capsule, _VERSIONED):
            self._managed = _capsules.PyCapsule_GetPointer(capsule, _VERSIONED)
            head = _VersionedTensor.from_address(self._managed)
            self.version = head.major, head.minor
            self.address = self._managed + ctypes.sizeof(_VersionedTensor)
            deleter, used = head.deleter, _USED_VERSIONED
        elif _capsules.PyCapsule_IsValid(capsule, _TENSOR):
            self._managed = self.address = _capsules.PyCapsule_GetPointer(capsule, _TENSOR)
            self.version = 0, 0
            deleter, used = c_void_p.from_address(self._managed + _TENSOR_BYTES + 8).value, _USED_TENSOR
        else:
            raise TypeError("__dlpack__() returned no capsule named dltensor; a capsule can be used once")
        _capsules.PyCapsule_SetName(capsule, used)
        self._deleter = deleter

    def release(self):
        """Gives the memory back now: an exception would keep it as long as its traceback."""
        deleter, self._deleter = self._deleter, None
        if deleter and _Deleter is not None:  # None: the interpreter is going
            _Deleter(deleter)(self._managed)

    __del__ = release


def dlpack_array(tensor):
    """(status, array, error) for a `Tensor`, which the array keeps alive."""
    view, strides, error = Array(), (c_int64 * MAX_DIMENSIONS)(), c_void_p()
    status = lib.quipu_array_from_dlpack(tensor.address, byref(view), strides, MAX_DIMENSIONS, byref(error))
    view._keep = (tensor, strides)
    return status, view, error



def array_cells(view, keep, unit=None):
    """Cells from an array; with a unit points in time. `keep` stays alive as long as the cells."""
    cells = Cells()
    cells.form = 0 if unit is None else 2
    cells.unit = unit or 0
    cells.array = view
    cells._keep = (view, keep)
    return cells


def text_cells(data, offsets, count):
    """Cells from texts, one after the other, and an array of 64-bit positions."""
    cells = Cells()
    cells.form = 1
    cells.text = Str(data, len(data))
    cells.offsets = (c_int64 * len(offsets)).from_buffer(offsets)
    cells.count = count
    cells._keep = (data, offsets)
    return cells


def json_cells(text, converted):
    """Cells from JSON text and the media and arrays that it refers to."""
    cells = Cells()
    cells.form = 3
    cells.text = Str(text, len(text))
    media, views = handles(converted.media), arrays(converted.views)
    cells.media = media
    cells.media_count = len(converted.media)
    cells.arrays = views
    cells.array_count = len(converted.views)
    cells._keep = (text, media, views, converted)
    return cells


def set_valid(cells, flags, missing_is_nan):
    """Marks cells as missing: bytes, one per cell, 0 where it is."""
    cells.valid = ctypes.cast(c_char_p(flags), POINTER(c_uint8))
    cells.missing_is_nan = 1 if missing_is_nan else 0
    cells._valid = flags


def cells_array(columns):
    """An array of cells; the columns stay alive with it."""
    result = (Cells * max(len(columns), 1))(*columns)
    result._columns = columns
    return result


def array_at(address, dtype, count, stride=None):
    """A one-axis array at an address."""
    return array(address, dtype, (count,), None if stride is None else (stride,))


def memory_at(address, size):
    """A copy of bytes at an address."""
    return ctypes.string_at(address, size) if size else b""


def arrow_stream(capsule):
    """The address of the stream in a capsule of Arrow's interface."""
    return _capsules.PyCapsule_GetPointer(capsule, b"arrow_array_stream")


reference = byref
pointer = ctypes.pointer  # keeps its target alive
