"""Image, Histogram and Object3D: their Python arguments become views and texts for the library."""

import io
import json
import os

from . import _arrays, _convert, _ffi, _terminal, errors

_lib = _ffi.lib
_HISTOGRAM_MAX = 512
_REMOTE = ("http://", "https://", "gs://", "s3://")


def _new(function, *arguments):
    """A media handle, or the library's error."""
    status, handle, error = _ffi.new_handle(function, *arguments)
    if status != _ffi.OK:
        code, kind, message = _ffi.take_error(error, status)
        raise errors.make(kind, message, code)
    return handle


def _refuse(kind, message, cls=ValueError):
    return errors.make(kind, message, _ffi.ERROR_VALUE, cls)


class _Handle(_convert.Media):
    """A value that owns a handle of the library."""

    def __init__(self, handle):
        self._media = handle

    def _handle(self):
        return self._media

    def __del__(self):
        handle = self.__dict__.pop("_media", None)
        if handle:
            _lib.quipu_media_free(handle)

    def __reduce__(self):
        raise TypeError(f"a {type(self).__name__} cannot be pickled; make it in the process that logs it")


class Image(_Handle):
    """A picture.

    Args:
      data_or_path: an array [height, width] or [height, width, 1|3|4], a tensor [1|3|4, height, width], a picture
        object, a figure, the path of a picture file, or another Image. Values are taken as 0..255 and never rescaled.
      mode: "L", "LA", "RGB", "RGBA"; default: from the shape.
      caption: shown below the picture.
      file_type: "png" (default) or "bmp"; for picture objects also "jpg".
    """

    def __init__(
        self,
        data_or_path,
        mode=None,
        caption=None,
        grouping=None,
        classes=None,
        boxes=None,
        masks=None,
        file_type=None,
    ):
        for name, value in (("classes", classes), ("boxes", boxes), ("masks", masks)):
            if value is not None:
                _terminal.warn_once("image_overlays", f"Image({name}=...) is accepted but not stored by this version")
        if file_type not in (None, "", "png", "jpg", "jpeg", "bmp"):
            raise _refuse("image_bad_type", f"file_type must be png, jpg, jpeg or bmp, not {file_type!r}")
        self._caption = caption
        self._source = None
        options = _ffi.struct_of(_ffi.ImageOptions)
        options.mode = _ffi.cstring(mode)
        options.caption = _ffi.cstring(caption)
        options.file_type = _ffi.cstring(file_type or None)
        options.grouping = int(grouping or 0)
        super().__init__(None)
        if isinstance(data_or_path, Image):
            self._source = data_or_path
            self._caption = data_or_path._caption
        else:
            self._media = self._make(data_or_path, options, file_type or "png")

    def _make(self, data, options, file_type):
        if isinstance(data, (str, os.PathLike)):
            if str(data).startswith(_REMOTE):
                raise _refuse("image_reference", "a picture behind a URL cannot be logged; download it first")
            return _new(_lib.quipu_image_open, _ffi.path_bytes(data), _ffi.reference(options))
        module = _arrays.module_of(data)
        if module == "PIL" or hasattr(data, "savefig"):
            return self._encoded(data, options, file_type)
        if _arrays.is_tensor(data):
            options.channels_first = 1
        elif hasattr(data, "numpy") and not hasattr(data, "__array_interface__"):
            data = data.numpy()
        view = _arrays.view(data) if _arrays.is_array(data) else None
        if view is None:
            raise _refuse(
                "image_not_array", f"an Image needs an array, a picture or a path, not {type(data).__name__}",
                AttributeError,
            )  # fmt: skip
        return _new(_lib.quipu_image_new, _ffi.reference(view[0]), _ffi.reference(options))

    @staticmethod
    def _encoded(data, options, file_type):
        """A picture object or figure encodes itself; the library then copies the file."""
        import tempfile

        content = io.BytesIO()
        if hasattr(data, "savefig"):
            data.savefig(content, format="png")
            file_type = "png"
        else:
            data.save(content, format="JPEG" if file_type in ("jpg", "jpeg") else file_type.upper())
        descriptor, path = tempfile.mkstemp(suffix="." + file_type)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content.getbuffer())
            return _new(_lib.quipu_image_open, _ffi.path_bytes(path), _ffi.reference(options))
        finally:
            os.unlink(path)

    def _handle(self):
        return self._source._handle() if self._source is not None else self._media

    @property
    def caption(self):
        return self._caption

    def __repr__(self):
        return "<quipu Image>" if self._caption is None else f"<quipu Image {self._caption!r}>"


class Histogram(_Handle):
    """Counts of values in bins.

    Args:
      sequence: numbers, nested lists of numbers or an array: counted as numpy.histogram does.
      np_histogram: (counts, edges), taken as they are; wins over `sequence`.
      num_bins: 1..512.
    """

    MAX_LENGTH = _HISTOGRAM_MAX

    def __init__(self, sequence=None, np_histogram=None, num_bins=64):
        if np_histogram is not None and len(np_histogram):
            super().__init__(self._ready_made(np_histogram))
        else:
            super().__init__(self._counted(sequence, num_bins))

    @staticmethod
    def _ready_made(np_histogram):
        if len(np_histogram) != 2:
            raise _refuse("histogram_bad_pair", "np_histogram must be (counts, edges)")
        counts, edges = (
            values.tolist() if hasattr(values, "tolist") else [_number(value) for value in values]
            for values in np_histogram
        )
        if len(counts) > _HISTOGRAM_MAX:
            raise _refuse("histogram_too_long", f"a histogram may have at most {_HISTOGRAM_MAX} bins")
        text = _convert.text({"values": counts, "bins": edges})
        return _new(_lib.quipu_histogram_from_json, _ffi.string(text))

    @staticmethod
    def _counted(sequence, num_bins):
        if isinstance(num_bins, bool) or not hasattr(type(num_bins), "__index__"):
            raise _refuse("histogram_bad_bins", "num_bins must be an integer", TypeError)
        bins = num_bins.__index__()
        if not 1 <= bins <= _HISTOGRAM_MAX:
            raise _refuse("histogram_bad_bins", f"num_bins must be 1..{_HISTOGRAM_MAX}, not {bins}")
        view = None
        if _arrays.is_array(sequence):
            view = _arrays.view(_arrays.host(sequence))
        elif sequence is not None and not isinstance(sequence, (str, bytes, dict)):
            if isinstance(sequence, (int, float)):
                sequence = [sequence]
            elif not isinstance(sequence, (list, tuple)):
                sequence = list(sequence) if hasattr(sequence, "__iter__") else [sequence]
            view = _arrays.from_numbers(sequence)
        if view is None:
            raise _refuse(
                "histogram_not_numbers", f"a Histogram needs numbers, not {type(sequence).__name__}", TypeError
            )
        return _new(_lib.quipu_histogram_new, _ffi.reference(view[0]), bins)

    def _content(self):
        """What a row holds, read once."""
        content = self.__dict__.get("_read")
        if content is None:
            status, text, error = _ffi.call_text(_lib.quipu_media_json, self._media)
            if status != _ffi.OK:
                code, kind, message = _ffi.take_error(error, status)
                raise errors.make(kind, message, code)
            content = self._read = json.loads(text)
        return content

    @property
    def histogram(self):
        """The counts."""
        return list(self._content()["values"])

    @property
    def bins(self):
        """The edges, one more than counts."""
        return list(self._content()["bins"])

    def __repr__(self):
        return "<quipu Histogram>"


def _number(value):
    return value.item() if hasattr(value, "item") else value


_OBJECT3D_TYPES = ("gltf", "pts.json", "glb", "babylon", "stl", "obj")


class Object3D(_Handle):
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
                    raise _refuse("object3d_no_type", "a stream needs file_type")
                if file_type not in _OBJECT3D_TYPES:
                    raise _refuse("object3d_bad_type", f"file_type must be one of {', '.join(_OBJECT3D_TYPES)}")
                if hasattr(data, "seek"):
                    data.seek(0)
                return cls._text(data.read(), file_type, caption)
        if isinstance(data, (str, os.PathLike)):
            path = os.fspath(data)
            suffix = next((name for name in _OBJECT3D_TYPES if path.endswith(name)), None)
            if suffix is None:
                raise _refuse("object3d_bad_type", f"{path}: must end in one of {', '.join(_OBJECT3D_TYPES)}")
            if not path.endswith("." + suffix):
                raise _refuse("object3d_bad_path", f"{path}: must end in .{suffix}", AssertionError)
            return _new(_lib.quipu_object3d_open, _ffi.path_bytes(path), _ffi.cstring(caption))
        if isinstance(data, dict) and "type" in data:
            if data["type"] != "lidar/beta":
                raise _refuse("object3d_bad_scene", "the type of a scene must be lidar/beta")
            scene = {"type": "lidar/beta"}
            for part in ("vectors", "points", "boxes"):
                values = data.get(part)
                if values is not None and not hasattr(values, "tolist"):
                    raise _refuse("object3d_bad_scene", f"{part} of a scene must be an array", AttributeError)
                scene[part] = [] if values is None else values.tolist()
            return cls._json(scene, caption)
        if _arrays.is_array(data):
            view = _arrays.view(_arrays.host(data))
            if view is not None:
                return _new(_lib.quipu_point_cloud_new, _ffi.reference(view[0]), _ffi.cstring(caption))
        raise _refuse(
            "object3d_bad_data", f"an Object3D needs an array, a dictionary or a file, not {type(data).__name__}"
        )

    @staticmethod
    def _text(text, file_type, caption):
        return _new(
            _lib.quipu_object3d_from_text, _ffi.string(text), _ffi.cstring(file_type), _ffi.cstring(caption)
        )

    @classmethod
    def _json(cls, scene, caption):
        return cls._text(_convert.text(_convert.Config().value(scene)), "json", caption)

    @classmethod
    def _wrap(cls, handle, caption):
        result = cls.__new__(cls)
        result._caption = caption
        _Handle.__init__(result, handle)
        return result

    @classmethod
    def from_file(cls, data_or_path, file_type=None, caption=None):
        """From a model file or a text stream."""
        return cls(data_or_path, caption, file_type)

    @classmethod
    def from_numpy(cls, data, caption=None):
        """From an array of points."""
        if not _arrays.is_array(data):
            raise _refuse("object3d_bad_data", "from_numpy needs an array")
        return cls(data, caption)

    @classmethod
    def from_point_cloud(cls, points, boxes, vectors=None, point_cloud_type="lidar/beta", caption=None):
        """From lists of points, boxes (`box3d`) and vectors."""
        if point_cloud_type != "lidar/beta":
            raise _refuse("object3d_bad_scene", "point_cloud_type must be lidar/beta")
        points = points.tolist() if hasattr(points, "tolist") else [list(point) for point in points]
        points = [[_number(value) for value in point] for point in points]
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
        raise _refuse("box3d_zero_orientation", "the orientation of a box may not be zero")
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
    return {"corners": corners, "color": [_number(value) for value in color], "label": label, "score": _number(score)}
