"""Images, and what lies over them: masks, boxes, classes."""

import io
import os

from . import _arrays, _convert, _ffi, _figures, errors
from ._handle import REMOTE, Handle, new, refuse

_lib = _ffi.lib
_FILE_TYPES = (None, "", "png", "jpg", "jpeg", "bmp")
_LAYOUTS = {"xyxy": 0, "xywh": 1, "cxcywh": 2}
_U8 = 6


class Image(Handle):
    """A picture.

    Args:
      data_or_path: an array [height, width] or [height, width, 1|3|4], a tensor [1|3|4, height, width], a picture
        object, a figure, the path or the bytes of a picture file (PNG, JPEG, GIF, BMP, WebP, TIFF), or another Image.
      mode: of an array: "L", "LA", "RGB", "RGBA", "1" or "I;16"; default: from the shape.
      caption: shown below the picture.
      grouping: kept with the picture.
      classes: `Classes`, or a list of {"id", "name"}: the classes of the picture, for tables and artifacts.
      boxes: name to {"box_data": [...], "class_labels": {id: name}}, or to `BoundingBoxes2D`.
      masks: name to {"mask_data": array, "class_labels": {number: name}}, to {"path": file}, or to `ImageMask`.
      file_type: "png" (default), "jpg", "jpeg" or "bmp".
      normalize: floats whose finite values all lie in 0..1 are multiplied by 255, other values are clipped to 0..255.
        False: the raw cast of wandb 0.31, which takes integers modulo 256.
      bit_depth: of an array's PNG: 8 (default) or 16.
      quality: of a JPEG: 1..100, default 75.
      channels_first: whether an array is [channel, height, width]; default: tensors are, arrays are not.
      strict: masks must have the picture's size, and boxes must lie in it. False: they are taken as they are.
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
        normalize=True,
        *,
        bit_depth=None,
        quality=None,
        channels_first=None,
        strict=True,
    ):
        self._media = None
        self._caption = caption
        options = _options(mode, caption, grouping, file_type, normalize, bit_depth, quality, strict)
        if type(data_or_path).__module__ == "numpy" and not channels_first:
            # The common case: a row may hold many, and each costs the caller microseconds.
            view = _arrays.view(data_or_path)
            if view is None:
                raise _not_an_array(data_or_path)
            self._media = new(_lib.quipu_image_new, _ffi.reference(view[0]), _ffi.reference(options))
        elif isinstance(data_or_path, Image):
            self._caption = data_or_path._caption
            self._media = new(_lib.quipu_image_copy, data_or_path._handle(), _ffi.reference(options))
        else:
            self._media = _made(data_or_path, options, file_type or "png", channels_first)
        if masks is not None or boxes is not None or classes is not None:
            self._add_layers(masks, boxes, classes)

    def _add_layers(self, masks, boxes, classes):
        for argument, given, cls in (("boxes", boxes, BoundingBoxes2D), ("masks", masks, ImageMask)):
            if given is None:
                continue
            if not isinstance(given, dict):
                raise refuse(f"image_{argument}", f"{argument} must be a dictionary from name to {argument}")
            for name, layer in given.items():
                if not isinstance(layer, cls):
                    layer = cls(layer, name)
                self._add(name, layer)
        if classes is not None:
            self._add(None, classes if isinstance(classes, Classes) else Classes(classes))

    def _add(self, name, layer):
        _must(_lib.quipu_image_add, self._media, _ffi.cstring(name), layer._handle())

    @staticmethod
    def from_batch(batch, captions=None, mode=None, file_type=None, normalize=True, *, bit_depth=None, quality=None,
                   channels_first=None):  # fmt: skip
        """Pictures of one size from one array [n, height, width], [n, height, width, 1|3|4] or tensor
        [n, 1|3|4, height, width], to be logged as a list: one copy of the pixels, one call.

        Args:
          captions: one text for each, or None.
          others: as for an Image; floats are scaled by what the whole array holds.
        """
        options = _options(mode, None, None, file_type, normalize, bit_depth, quality, True)
        view = _array(batch, options, channels_first)
        if view is None:
            raise _not_an_array(batch)
        count = view[0].shape[0] if view[0].ndim else 0
        if captions is not None:
            captions = [_caption(text) for text in captions]
            if len(captions) != count:
                raise refuse("image_captions", f"captions: {len(captions)} for {count} images; pass one for each")
            captions = _ffi.strings(captions)
        handle = new(_lib.quipu_images_new, _ffi.reference(view[0]), captions, _ffi.reference(options))
        return ImageBatch(handle, count)

    @property
    def caption(self):
        return self._caption

    def __repr__(self):
        return "<quipu Image>" if self._caption is None else f"<quipu Image {self._caption!r}>"


class ImageBatch(Handle):
    """Pictures of one size, made by `Image.from_batch`; logged as a list of images."""

    def __init__(self, handle, count):
        super().__init__(handle)
        self._count = count

    def __len__(self):
        return self._count

    def __repr__(self):
        return f"<quipu ImageBatch of {self._count}>"


class ImageMask(Handle):
    """A mask: the number of a class for each pixel of an image.

    Args:
      val: {"mask_data": array [height, width] of 0..255, "class_labels": {number: name}}, or {"path": picture file}.
        Without labels each number that occurs is called "class_N".
      key: name of the labels in the config.
    """

    def __init__(self, val, key):
        super().__init__(None)
        if not isinstance(val, dict):
            raise refuse("mask_not_dict", f"a mask must be a dictionary, not {type(val).__name__}", TypeError)
        self._key = key
        if "path" in val:
            self._media = new(_lib.quipu_mask_open, _ffi.path_bytes(val["path"]))
            return
        if "mask_data" not in val:
            raise refuse("mask_no_data", "mask_data", KeyError)
        data = _arrays.host(val["mask_data"])
        view = _arrays.view(data) if _arrays.is_array(data) else None
        if view is None:
            raise refuse("mask_not_array", f"mask_data must be an array, not {type(data).__name__}", TypeError)
        labels = _labels(val["class_labels"]) if val.get("class_labels") is not None else None
        self._media = new(
            _lib.quipu_mask_new, _ffi.reference(view[0]), labels and labels._handle(), _ffi.cstring(str(key))
        )


class BoundingBoxes2D(Handle):
    """Bounding boxes on an image.

    Args:
      val: {"box_data": [box, ...], "class_labels": {id: name}}. A box has "position", which is {"minX", "maxX", "minY",
        "maxY"} or {"middle": [x, y], "width", "height"}, in fractions of the image or, with "domain": "pixel", in pixels;
        and may have "class_id", "scores" {name: number} and "box_caption".
      key: name of the labels in the config.
    """

    def __init__(self, val, key):
        super().__init__(None)
        self._key = key
        text = _convert.text(_convert.Converter().convert(_checked_boxes(val)))
        self._media = new(_lib.quipu_boxes_from_json, _ffi.string(text), _ffi.cstring(str(key)))

    @classmethod
    def from_arrays(cls, boxes, layout="xyxy", domain=None, class_ids=None, scores=None, captions=None,
                    class_labels=None, key="boxes"):  # fmt: skip
        """Boxes from an array [n, 4].

        Args:
          layout: "xyxy", "xywh" (left, top, width, height) or "cxcywh" (middle).
          domain: "pixel", or None: fractions of the image.
          class_ids: integers [n].
          scores: numbers [n], or a dictionary from name to numbers [n].
          captions: n texts.
          class_labels: {id: name}.
        """
        if layout not in _LAYOUTS:
            raise refuse("boxes_layout", f"layout must be one of {', '.join(_LAYOUTS)}, not {layout!r}")
        if domain not in (None, "pixel"):
            raise refuse("boxes_domain", f"domain must be 'pixel' or None, not {domain!r}")
        options = _ffi.struct_of(_ffi.BoxesOptions)
        options.layout = _LAYOUTS[layout]
        options.in_pixels = domain == "pixel"
        keep = [_numbers("boxes", boxes)]
        count = keep[0][0].shape[0] if keep[0][0].ndim else 0
        if class_ids is not None:
            keep.append(_numbers("class_ids", class_ids))
            options.class_ids = _ffi.pointer(keep[-1][0])
        if scores is not None:
            if not isinstance(scores, dict):
                scores = {"score": scores}
            columns = [_arrays.host(column) for column in scores.values()]
            columns = [column.tolist() if hasattr(column, "tolist") else list(column) for column in columns]
            if any(len(column) != count for column in columns):
                raise refuse("boxes_scores", f"scores: must have one number for each of the {count} boxes")
            rows = _arrays.from_numbers([value for row in zip(*columns) for value in row])
            if rows is None:
                raise refuse("boxes_scores", "scores: must be numbers", TypeError)
            keep.append(rows)
            options.scores = _ffi.pointer(_ffi.reshaped(rows[0], (count, len(columns))))
            options.score_names = _ffi.strings([str(name) for name in scores])
            options.score_count = len(columns)
        if captions is not None:
            captions = [_caption(text) for text in captions]
            if len(captions) != count:
                raise refuse("boxes_captions", f"captions: {len(captions)} for {count} boxes; pass one for each")
            options.captions = _ffi.strings(captions)
        if class_labels is not None:
            keep.append(_labels(class_labels))
            options.classes = keep[-1]._handle()
        options.key = _ffi.cstring(str(key))
        made = cls.__new__(cls)
        made._key = key
        made._media = new(_lib.quipu_boxes_new, _ffi.reference(keep[0][0]), _ffi.reference(options))
        return made


class Classes(Handle):
    """The classes of images: a list of {"id": integer or text, "name": text}; other members are kept."""

    def __init__(self, class_set):
        super().__init__(None)
        items = list(class_set)
        for item in items:
            if not isinstance(item, dict) or "id" not in item or "name" not in item:
                raise refuse("classes_members", "each class needs the members id and name", AssertionError)
        self._class_set = items
        text = _convert.text(_convert.Converter().convert(items))
        self._media = new(_lib.quipu_classes_from_json, _ffi.string(text))


# -- arguments


def _options(mode, caption, grouping, file_type, normalize, bit_depth, quality, strict):
    if file_type not in _FILE_TYPES:
        raise refuse("image_bad_type", f"file_type must be png, jpg, jpeg or bmp, not {file_type!r}")
    options = _ffi.struct_of(_ffi.ImageOptions)
    if mode:
        options.mode = _ffi.cstring(mode)
    if caption is not None:
        options.caption = _ffi.cstring(_caption(caption))
    if file_type:
        options.file_type = _ffi.cstring(file_type)
    if grouping:
        options.grouping = int(grouping)
    if not normalize:
        options.raw_values = 1
    if bit_depth is not None:
        options.bit_depth = _whole("bit_depth", bit_depth, 8, 16)
    if quality is not None:
        options.quality = _whole("quality", quality, 1, 100)
    if not strict:
        options.any_layers = 1
    return options


def _whole(argument, value, low, high):
    if isinstance(value, bool) or not hasattr(type(value), "__index__"):
        raise refuse("image_option", f"{argument} must be an integer, not {type(value).__name__}", TypeError)
    value = value.__index__()
    if not low <= value <= high:
        raise refuse("image_option", f"{argument} must be {low} to {high}, not {value}")
    return value


def _caption(caption):
    if not isinstance(caption, str):
        raise refuse("image_caption", f"caption must be text, not {type(caption).__name__}", TypeError)
    return caption


def _made(data, options, file_type, channels_first):
    """The handle of a new image."""
    if isinstance(data, (str, os.PathLike)):
        if str(data).startswith(REMOTE):
            raise refuse("image_reference", "a picture behind a URL cannot be logged; download it first")
        return new(_lib.quipu_image_open, _ffi.path_bytes(data), _ffi.reference(options))
    if isinstance(data, (bytes, bytearray)):
        options.file_type = None
        return new(_lib.quipu_image_from_bytes, bytes(data), len(data), _ffi.reference(options))
    if _arrays.module_of(data) == "PIL":
        return _picture(data, options, file_type)
    if _figures.is_figure(data) and _arrays.module_of(data) != "plotly":
        content = io.BytesIO()
        _figures.matplotlib_figure(data).savefig(content, format="png")
        return _encoded(content, options)
    view = _array(data, options, channels_first)
    if view is None:
        raise _not_an_array(data)
    return new(_lib.quipu_image_new, _ffi.reference(view[0]), _ffi.reference(options))


def _array(data, options, channels_first):
    """A view of an array or tensor, and whether its channels come first."""
    if _arrays.is_tensor(data):
        data = _arrays.host(data)
        options.channels_first = channels_first is None or bool(channels_first)
    else:
        if hasattr(data, "numpy") and not hasattr(data, "__array_interface__"):
            data = data.numpy()
        if channels_first:
            options.channels_first = 1
    return _arrays.view(data) if _arrays.is_array(data) else None


def _not_an_array(data):
    return refuse(
        "image_not_array", f"an Image needs an array, a picture or a path, not {type(data).__name__}", AttributeError
    )


def _picture(data, options, file_type):
    """A picture object in its own mode: its pixels where we can encode them, else it encodes itself."""
    options.mode = None
    shape = data.size[::-1] + ((len(data.mode),) if data.mode != "L" else ())
    alpha = data.mode in ("LA", "RGBA")
    # A side of one pixel would be taken for an axis too many.
    if data.mode in ("L", "RGB", "LA", "RGBA") and min(data.size) > 1 and not (alpha and file_type != "png"):
        pixels = data.tobytes()
        options.mode = data.mode.encode()
        view = _ffi.array(_ffi.bytes_address(pixels), _U8, shape)
        return new(_lib.quipu_image_new, _ffi.reference(view), _ffi.reference(options))
    content = io.BytesIO()
    if file_type in ("jpg", "jpeg"):
        data.save(content, format="JPEG", **({"quality": options.quality} if options.quality else {}))
    else:
        data.save(content, format=file_type.upper())
    return _encoded(content, options)


def _encoded(content, options):
    data = content.getvalue()
    return new(_lib.quipu_image_from_bytes, data, len(data), _ffi.reference(options))


def _must(function, *arguments):
    status, error = _ffi.call(function, *arguments)
    if status != _ffi.OK:
        code, kind, message = _ffi.take_error(error, status)
        raise errors.make(kind, message, code)


def _labels(labels):
    """Class labels as `Classes` are kept, from a dictionary of numbers to texts."""
    if isinstance(labels, Classes):
        return labels
    _check_labels(labels)
    text = _convert.text(_convert.Converter().convert(labels))
    made = Classes.__new__(Classes)
    made._media = new(_lib.quipu_classes_from_json, _ffi.string(text))
    return made


def _check_labels(labels):
    good = isinstance(labels, dict) and all(
        not isinstance(key, (str, bytes)) and hasattr(key, "__float__") and isinstance(name, str)
        for key, name in labels.items()
    )
    if not good:
        raise refuse("class_labels", "class_labels must be a dictionary from numbers to texts", TypeError)


def _checked_boxes(val):
    """What JSON would not show: tuples, and integers of other libraries."""
    if not isinstance(val, dict):
        raise refuse("boxes_not_dict", f"boxes must be a dictionary, not {type(val).__name__}", TypeError)
    data = val.get("box_data")
    if "box_data" not in val:
        raise refuse("boxes_no_data", "box_data", KeyError)
    if not isinstance(data, list):
        raise refuse("boxes_not_list", f"box_data must be a list, not {type(data).__name__}", TypeError)
    for at, box in enumerate(data):
        if isinstance(box, dict) and not isinstance(box.get("class_id", 0), int):
            raise refuse("boxes_class_id", f"box_data[{at}]: class_id must be an int", TypeError)
    if "class_labels" in val:
        _check_labels(val["class_labels"])
    return val


def _numbers(argument, value):
    value = _arrays.host(value)
    view = _arrays.view(value) if _arrays.is_array(value) else None
    if view is None:
        raise refuse("boxes_array", f"{argument} must be an array, not {type(value).__name__}", TypeError)
    return view
