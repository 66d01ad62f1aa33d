"""What all media have in common: a handle of the library, and its errors."""

from . import _convert, _ffi, errors

_lib = _ffi.lib

# Where a path would be a reference to something that is not a file of this machine.
REMOTE = ("http://", "https://", "gs://", "s3://")


def new(function, *arguments):
    """A media handle, or the library's error."""
    status, handle, error = _ffi.new_handle(function, *arguments)
    if status != _ffi.OK:
        code, kind, message = _ffi.take_error(error, status)
        raise errors.make(kind, message, code)
    return handle


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
