"""Point clouds, scenes and 3-D models."""

import os

from . import _arrays, _convert, _ffi
from ._handle import Handle, new, number, refuse

_lib = _ffi.lib
_OBJECT3D_TYPES = ("gltf", "pts.json", "glb", "babylon", "stl", "obj")


class Object3D(Handle):
    """A point cloud or a 3-D model.

    Args:
      data_or_path: an array [n, 3] x y z, [n, 4] x y z category or [n, 6] x y z r g b; a dictionary
        {"type": "lidar/beta", "points", "boxes", "vectors"} of arrays; the path of a model file; or a text stream
        with `file_type`.
    """

    SUPPORTED_TYPES = frozenset(_OBJECT3D_TYPES)
    SUPPORTED_POINT_CLOUD_TYPES = frozenset({"lidar/beta"})

    def __init__(self, data_or_path, caption=None, file_type=None, **_unused):
        self._caption = caption
        super().__init__(None)
        self._media = self._make(data_or_path, caption, file_type)

    @classmethod
    def _make(cls, data, caption, file_type):
        if hasattr(data, "read"):
            name = getattr(data, "name", None)
            if isinstance(name, (str, os.PathLike)):
                data = name
            else:
                if file_type is None:
                    raise refuse("object3d_no_type", "a stream needs file_type")
                if file_type not in _OBJECT3D_TYPES:
                    raise refuse("object3d_bad_type", f"file_type must be one of {', '.join(_OBJECT3D_TYPES)}")
                if hasattr(data, "seek"):
                    data.seek(0)
                return cls._text(data.read(), file_type, caption)
        if isinstance(data, (str, os.PathLike)):
            path = os.fspath(data)
            suffix = next((name for name in _OBJECT3D_TYPES if path.endswith(name)), None)
            if suffix is None:
                raise refuse("object3d_bad_type", f"{path}: must end in one of {', '.join(_OBJECT3D_TYPES)}")
            if not path.endswith("." + suffix):
                raise refuse("object3d_bad_path", f"{path}: must end in .{suffix}", AssertionError)
            return new(_lib.quipu_object3d_open, _ffi.path_bytes(path), _ffi.cstring(caption))
        if isinstance(data, dict) and "type" in data:
            if data["type"] != "lidar/beta":
                raise refuse("object3d_bad_scene", "the type of a scene must be lidar/beta")
            scene = {"type": "lidar/beta"}
            for part in ("vectors", "points", "boxes"):
                values = data.get(part)
                if values is not None and not hasattr(values, "tolist"):
                    raise refuse("object3d_bad_scene", f"{part} of a scene must be an array", AttributeError)
                scene[part] = [] if values is None else values.tolist()
            return cls._json(scene, caption)
        if _arrays.is_array(data):
            view = _arrays.view(_arrays.host(data))
            if view is not None:
                return new(_lib.quipu_point_cloud_new, _ffi.reference(view[0]), _ffi.cstring(caption))
        raise refuse(
            "object3d_bad_data", f"an Object3D needs an array, a dictionary or a file, not {type(data).__name__}"
        )

    @staticmethod
    def _text(text, file_type, caption):
        return new(
            _lib.quipu_object3d_from_text, _ffi.string(text), _ffi.cstring(file_type), _ffi.cstring(caption)
        )

    @classmethod
    def _json(cls, scene, caption):
        return cls._text(_convert.text(_convert.Config().value(scene)), "json", caption)

    @classmethod
    def _wrap(cls, handle, caption):
        result = cls.__new__(cls)
        result._caption = caption
        Handle.__init__(result, handle)
        return result

    @classmethod
    def from_file(cls, data_or_path, file_type=None, caption=None):
        """From a model file or a text stream."""
        return cls(data_or_path, caption, file_type)

    @classmethod
    def from_numpy(cls, data, caption=None):
        """From an array of points."""
        if not _arrays.is_array(data):
            raise refuse("object3d_bad_data", "from_numpy needs an array")
        return cls(data, caption)

    @classmethod
    def from_point_cloud(cls, points, boxes, vectors=None, point_cloud_type="lidar/beta", caption=None):
        """From lists of points, boxes (`box3d`) and vectors."""
        if point_cloud_type != "lidar/beta":
            raise refuse("object3d_bad_scene", "point_cloud_type must be lidar/beta")
        points = points.tolist() if hasattr(points, "tolist") else [list(point) for point in points]
        points = [[number(value) for value in point] for point in points]
        if any(isinstance(value, float) for point in points for value in point):
            points = [[float(value) for value in point] for point in points]
        scene = {
            "type": point_cloud_type,
            "vectors": list(vectors) if vectors is not None else [],
            "points": points,
            "boxes": list(boxes) if boxes is not None else [],
        }
        return cls._wrap(cls._json(scene, caption), caption)

    def __repr__(self):
        return "<quipu Object3D>"


def box3d(center, size, orientation, color, label=None, score=None):
    """A box of a point cloud.

    Args:
      center, size: three numbers.
      orientation: quaternion r, i, j, k.
      color: r, g, b.
    """
    quaternion = [abs(float(value)) for value in orientation]
    largest = max(quaternion)
    if not largest > 0:
        raise refuse("box3d_zero_orientation", "the orientation of a box may not be zero")
    quaternion = [value / largest for value in quaternion]
    norm = sum(value * value for value in quaternion) ** 0.5
    r, i, j, k = (value / norm for value in quaternion)
    rotation = (
        (1 - 2 * (j * j + k * k), 2 * (i * j + k * r), 2 * (i * k - j * r)),
        (2 * (i * j - k * r), 1 - 2 * (i * i + k * k), 2 * (j * k + i * r)),
        (2 * (i * k + j * r), 2 * (j * k - i * r), 1 - 2 * (i * i + j * j)),
    )
    corners = []
    for x in (-1, 1):
        for y in (-1, 1):
            for z in (-1, 1):
                offset = [0.5 * float(extent) * sign for extent, sign in zip(size, (x, y, z))]
                corners.append(
                    [
                        float(center[axis]) + sum(offset[row] * rotation[row][axis] for row in range(3))
                        for axis in range(3)
                    ]
                )
    return {"corners": corners, "color": [number(value) for value in color], "label": label, "score": number(score)}
