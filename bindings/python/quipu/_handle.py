"""What all media have in common: a handle of the library, and its errors."""

from . import _convert, _ffi, errors

_lib = _ffi.lib

# Where a path would be a reference to something that is not a file of this machine.
REMOTE = ("http://", "https://", "gs://", "s3://")


def new(function, *arguments):
    """A media handle, or the library's error."""
    status, handle, error = _ffi.new_handle(function, *arguments)
    check(status, error)
    return handle


def check(status, error):
    """Raises the library's error, if there is one."""
    if status != _ffi.OK:
        code, kind, message = _ffi.take_error(error, status)
        raise errors.make(kind, message, code)


def refuse(kind, message, cls=ValueError):
    return errors.make(kind, message, _ffi.ERROR_VALUE, cls)


class Handle(_convert.Media):
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


def number(value):
    return value.item() if hasattr(value, "item") else value


def checked_caption(caption):
    """The caption as the library takes it."""
    if caption is not None and not isinstance(caption, str):
        raise refuse("caption_not_text", f"caption: must be a text, not {type(caption).__name__}", TypeError)
    return _ffi.cstring(caption)


def read_stream(stream, argument):
    """All of a text or byte stream, from its start."""
    if hasattr(stream, "seek"):
        stream.seek(0)
    content = stream.read()
    if not isinstance(content, (str, bytes)):
        raise refuse("stream_bad", f"{argument}: read() of the stream gives {type(content).__name__}, not text")
    return content
