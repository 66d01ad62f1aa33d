"""Images."""

import io
import os

from . import _arrays, _ffi, _terminal
from ._handle import REMOTE, Handle, new, refuse

_lib = _ffi.lib


class Image(Handle):
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
            raise refuse("image_bad_type", f"file_type must be png, jpg, jpeg or bmp, not {file_type!r}")
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
            if str(data).startswith(REMOTE):
                raise refuse("image_reference", "a picture behind a URL cannot be logged; download it first")
            return new(_lib.quipu_image_open, _ffi.path_bytes(data), _ffi.reference(options))
        module = _arrays.module_of(data)
        if module == "PIL" or hasattr(data, "savefig"):
            return self._encoded(data, options, file_type)
        if _arrays.is_tensor(data):
            options.channels_first = 1
        elif hasattr(data, "numpy") and not hasattr(data, "__array_interface__"):
            data = data.numpy()
        view = _arrays.view(data) if _arrays.is_array(data) else None
        if view is None:
            raise refuse(
                "image_not_array", f"an Image needs an array, a picture or a path, not {type(data).__name__}",
                AttributeError,
            )  # fmt: skip
        return new(_lib.quipu_image_new, _ffi.reference(view[0]), _ffi.reference(options))

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
            return new(_lib.quipu_image_open, _ffi.path_bytes(path), _ffi.reference(options))
        finally:
            os.unlink(path)

    def _handle(self):
        return self._source._handle() if self._source is not None else self._media

    @property
    def caption(self):
        return self._caption

    def __repr__(self):
        return "<quipu Image>" if self._caption is None else f"<quipu Image {self._caption!r}>"
