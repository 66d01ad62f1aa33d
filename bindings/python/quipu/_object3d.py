"""Point clouds, scenes and 3-D models."""

import os

from . import _arrays, _convert, _ffi
from ._handle import Handle, check, checked_caption, new, number, read_stream, refuse

_lib = _ffi.lib
_OBJECT3D_TYPES = ("gltf", "pts.json", "glb", "babylon", "stl", "obj")
_SCENE = "lidar/beta"


class Object3D(Handle):
    """A point cloud, a scene or a 3-D model.

    Args:
      data_or_path: an array [n, 3] x y z, [n, 4] x y z category or [n, 6] x y z r g b; a dictionary
        {"type": "lidar/beta", "points", "boxes", "vectors"} of arrays; the path of a model file (.obj, .gltf, .glb,
        .babylon, .stl, .pts.json); or a stream with `file_type`.
      caption: shown below it.
      file_type: the format of a stream's content.
    """

    SUPPORTED_TYPES = frozenset(_OBJECT3D_TYPES)
    SUPPORTED_POINT_CLOUD_TYPES = frozenset({_SCENE})

    def __init__(self, data_or_path, caption=None, file_type=None, **_unused):
        self._caption = caption
        super().__init__(None)
        self._media = self._make(data_or_path, checked_caption(caption), file_type)

    @classmethod
    def _make(cls, data, caption, file_type):
        if hasattr(data, "read"):
            name = getattr(data, "name", None)
            if isinstance(name, (str, os.PathLike)):
                data = name
            else:
                if file_type is None:
                    raise refuse("object3d_no_type", "file_type: a stream needs one of " + ", ".join(_OBJECT3D_TYPES))
                if file_type not in _OBJECT3D_TYPES:
                    raise refuse(
                        "object3d_bad_type", f"file_type: must be one of {', '.join(_OBJECT3D_TYPES)}, not {file_type!r}"
                    )
                content = read_stream(data, "data_or_path")
                return new(_lib.quipu_object3d_from_text, _ffi.string(content), _ffi.cstring(file_type), caption)
        if isinstance(data, (str, os.PathLike)):
            return new(_lib.quipu_object3d_open, _ffi.path_bytes(data), caption)
        if isinstance(data, dict) and "type" in data:
            return cls._scene(data, caption)
        if _arrays.is_array(data):
            view = _arrays.view(_arrays.host(data))
            if view is not None:
                return new(_lib.quipu_point_cloud_new, _ffi.reference(view[0]), caption)
        raise refuse(
            "object3d_bad_data",
            f"data_or_path: must be an array of numbers, a scene, a path or a stream, not {type(data).__name__}",
        )

    @classmethod
    def _scene(cls, data, caption):
        if data["type"] != _SCENE:
            raise refuse("object3d_bad_scene", f"type: of a scene must be {_SCENE}, not {data['type']!r}")
        parts = {}
        for part in ("points", "boxes", "vectors"):
            values = data.get(part)
            if values is not None and not hasattr(values, "tolist"):
                raise refuse("object3d_bad_scene", f"{part}: of a scene must be an array", AttributeError)
            parts[part] = values
        view = None
        if parts["points"] is not None:
            view = _arrays.view(_arrays.host(parts["points"]))
            if view is None:
                raise refuse("object3d_bad_data", "points: must be an array of numbers")
        return cls._new_scene(view, *(None if parts[part] is None else parts[part].tolist() for part in ("boxes", "vectors")), caption)  # fmt: skip

    @staticmethod
    def _new_scene(view, boxes, vectors, caption):
        options = _ffi.struct_of(_ffi.SceneOptions)
        options.caption = caption
        if view is not None:
            options.points = _ffi.pointer(view[0])
        lists = [
            _ffi.string(_convert.text(_convert.Config().value(list(values if values is not None else ()))))
            for values in (boxes, vectors)
        ]
        options.boxes_json, options.vectors_json = lists
        return new(_lib.quipu_scene_new, _ffi.reference(options))

    @classmethod
    def _wrap(cls, handle, caption):
        result = cls.__new__(cls)
        result._caption = caption
        Handle.__init__(result, handle)
        return result

    @classmethod
    def from_file(cls, data_or_path, file_type=None, caption=None):
        """From a model file or a stream."""
        return cls(data_or_path, caption, file_type)

    @classmethod
    def from_numpy(cls, data, caption=None):
        """From an array of points [n, 3], [n, 4] or [n, 6]."""
        if not _arrays.is_array(data):
            raise refuse("object3d_bad_data", f"data: must be an array, not {type(data).__name__}")
        return cls(data, caption)

    @classmethod
    def from_point_cloud(cls, points, boxes, vectors=None, point_cloud_type=_SCENE, caption=None):
        """From points, boxes (`box3d`) and vectors.

        Args:
          points: rows of 3, 4 or 6 numbers, or an array. One float makes all of them floats.
          boxes: dictionaries with corners (8 points), label, color (r, g, b) and score.
          vectors: dictionaries with start and end (x, y, z).
        """
        if point_cloud_type != _SCENE:
            raise refuse("object3d_bad_scene", f"point_cloud_type: must be {_SCENE}, not {point_cloud_type!r}")
        for name, value in (("boxes", boxes), ("vectors", vectors)):
            if isinstance(value, (str, bytes, dict)) or not (value is None or hasattr(value, "__iter__")):
                raise refuse("object3d_bad_scene", f"{name}: must be a list of dictionaries")
        handle = cls._new_scene(_points(points), boxes, vectors, checked_caption(caption))
        return cls._wrap(handle, caption)

    def __repr__(self):
        return "<quipu Object3D>"


def _points(points):
    """A view of points; of a list, of all its numbers as rows."""
    if _arrays.is_array(points):
        view = _arrays.view(_arrays.host(points))
    else:
        if isinstance(points, (str, bytes, dict)) or not hasattr(points, "__iter__"):
            raise refuse("object3d_bad_data", "points: must be a list of rows of numbers, or an array")
        rows = [row.tolist() if hasattr(row, "tolist") else row for row in points]
        for at, row in enumerate(rows):
            if not isinstance(row, (list, tuple)) or len(row) != len(rows[0]):
                wanted = f"of {len(rows[0])} numbers like the first" if isinstance(rows[0], (list, tuple)) else ""
                raise refuse("object3d_bad_data", f"points[{at}]: must be a row {wanted}")
        view = _arrays.from_numbers(rows)
        if view is not None and rows:
            shape = (len(rows), len(rows[0]))
            flat = view[0]
            if flat.shape[0] != shape[0] * shape[1]:
                raise refuse("object3d_bad_data", "points: must be rows of numbers")
            view = (_ffi.array(flat.data, flat.dtype, shape), view)
    if view is None:
        raise refuse("object3d_bad_data", "points: must be numbers")
    return view


def box3d(center, size, orientation, color, label=None, score=None):
    """A box of a scene.

    Args:
      center, size: three numbers.
      orientation: quaternion r, i, j, k.
      color: r, g, b, 0..255.
      label: a text.
      score: a number.
    """
    lists = {"center": (center, 3), "size": (size, 3), "orientation": (orientation, 4), "color": (color, 3)}
    for name, (values, count) in lists.items():
        values = lists[name] = [number(value) for value in values]
        if len(values) != count or not all(isinstance(value, (int, float)) for value in values):
            raise refuse("box3d_numbers", f"{name}: must be {count} numbers")
    box = _ffi.Box3D()
    status, error = _ffi.call(
        _lib.quipu_box3d_turn, *(_ffi.doubles(lists[name]) for name in ("center", "size", "orientation")),
        _ffi.reference(box),
    )  # fmt: skip
    check(status, error)
    corners = list(box.corners)
    return {
        "corners": [corners[at : at + 3] for at in range(0, 24, 3)],
        "color": lists["color"],
        "label": label,
        "score": number(score),
    }
