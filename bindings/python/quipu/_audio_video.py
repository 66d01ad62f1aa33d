"""Sound and video."""

import operator
import os
import sys

from . import _arrays, _ffi
from ._handle import REMOTE, Handle, checked_caption, new, refuse

_lib = _ffi.lib


def _content(data):
    """The bytes of a stream or bytes; None for anything else."""
    if hasattr(data, "read"):
        if hasattr(data, "seek"):
            data.seek(0)
        data = data.read()
    if isinstance(data, str):
        data = data.encode()
    return bytes(data) if isinstance(data, (bytes, bytearray)) else None


def _is_path(data):
    return isinstance(data, (str, os.PathLike))


def _array(data):
    """(array for the library, what must stay alive), or None."""
    if not _arrays.is_array(data) and hasattr(data, "numpy"):
        data = data.numpy()
    return _arrays.view(_arrays.host(data)) if _arrays.is_array(data) else None


class Audio(Handle):
    """A recording.

    Args:
      data_or_path: samples [n] or [n, channels] as an array, a tensor or a list, floats from -1 to 1 or integers over
        their whole range; the path of a sound file; or, with `format`, bytes or a byte stream.
      sample_rate: samples per second; needed with samples.
      caption: shown below the player.
      format: extension of the file that bytes are the content of, such as "flac".
    """

    def __init__(self, data_or_path, sample_rate=None, caption=None, *, format=None):
        self._caption = caption
        super().__init__(None)
        self._media = self._make(data_or_path, sample_rate, checked_caption(caption), format)

    @classmethod
    def _make(cls, data, sample_rate, caption, format):
        if _is_path(data):
            if str(data).startswith(REMOTE):
                raise refuse("audio_reference", "sound behind a URL cannot be logged; download it first")
            return new(_lib.quipu_audio_open, _ffi.path_bytes(data), caption)
        if isinstance(data, (bytes, bytearray)) or hasattr(data, "read"):
            if format is None:
                raise refuse("audio_no_format", 'bytes of a sound file need format, e.g. "flac"')
            return new(_lib.quipu_audio_from_bytes, _ffi.string(_content(data)), _ffi.cstring(format), caption)
        if sample_rate is None:
            raise refuse("audio_no_rate", "sample_rate is needed with samples, e.g. 44100")
        view = cls._list(data) if isinstance(data, (list, tuple)) else _array(data)
        if view is None:
            raise refuse("audio_bad_data", f"an Audio needs samples or the path of a file, not {type(data).__name__}")
        return new(_lib.quipu_audio_new, _ffi.reference(view[0]), cls._rate(sample_rate), caption)

    @staticmethod
    def _rate(value):
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        try:
            return max(-(2**63), min(2**63 - 1, operator.index(value)))
        except TypeError:
            raise refuse("audio_bad_rate", f"sample_rate must be an integer, not {value!r}") from None

    @staticmethod
    def _list(values):
        """Numbers, or rows of them with one per channel."""
        channels = None
        if values and not isinstance(values[0], (int, float)):
            sizes = {len(row) if hasattr(row, "__len__") else -1 for row in values}
            if len(sizes) != 1 or -1 in sizes:
                raise refuse("audio_bad_list", "a list of samples must hold numbers, or rows of equal length")
            channels = sizes.pop()
        view = _arrays.from_numbers(values)
        if view is None or channels is None:
            return view
        flat, keep = view
        return _ffi.array(flat.data, flat.dtype, (len(values), channels)), (flat, keep)

    @property
    def caption(self):
        return self._caption

    def __repr__(self):
        return "<quipu Audio>" if self._caption is None else f"<quipu Audio {self._caption!r}>"


class Video(Handle):
    """A video.

    Args:
      data_or_path: frames [time, channel, height, width] as an array or tensor, or [batch, time, channel, height,
        width] for videos side by side, with 1, 3 or 4 channels and values 0..255, never rescaled; the path of a gif,
        mp4, webm or ogg file; bytes or a byte stream; or a clip of moviepy.
      caption: shown below the player.
      fps: frames per second of frames; default 4, or the clip's own.
      format: "gif", "mp4", "webm" or "ogg"; needed for all but paths. All but gif need the program ffmpeg, on PATH or
        named by the variable QUIPU_FFMPEG.
      channels_last: axes are [time, height, width, channel].
    """

    EXTS = ("gif", "mp4", "webm", "ogg")

    def __init__(self, data_or_path, caption=None, fps=None, format=None, *, channels_last=False):
        self._caption = caption
        super().__init__(None)
        self._media = self._make(data_or_path, checked_caption(caption), fps, format, channels_last)

    @classmethod
    def _make(cls, data, caption, fps, format, channels_last):
        if _is_path(data):
            if str(data).startswith(REMOTE):
                raise refuse("video_reference", "a video behind a URL cannot be logged; download it first")
            return new(_lib.quipu_video_open, _ffi.path_bytes(data), caption)
        if isinstance(data, (bytes, bytearray)) or hasattr(data, "read"):
            cls._need(format, "bytes")
            return new(
                _lib.quipu_video_from_bytes, _ffi.string(_content(data)), _ffi.cstring(format), caption
            )
        if hasattr(data, "iter_frames"):
            cls._need(format, "a clip")
            fps = fps or getattr(data, "fps", None)
            # Whoever has a clip has NumPy: its frames are arrays.
            frames = list(data.iter_frames(fps=fps, dtype="uint8"))
            data, channels_last = sys.modules["numpy"].stack(frames), True
        view = _array(data)
        if view is None:
            raise refuse("video_bad_data", f"a Video needs frames or the path of a file, not {type(data).__name__}")
        cls._need(format, "frames")
        options = _ffi.struct_of(_ffi.VideoOptions)
        options.channels_last = 1 if channels_last else 0
        options.fps = float(fps or 0)
        options.format = _ffi.cstring(format)
        options.caption = caption
        return new(_lib.quipu_video_new, _ffi.reference(view[0]), _ffi.reference(options))

    @classmethod
    def _need(cls, format, what):
        if format is None:
            raise refuse("video_no_format", f"{what} need format: one of {', '.join(cls.EXTS)}")

    @property
    def caption(self):
        return self._caption

    def __repr__(self):
        return "<quipu Video>" if self._caption is None else f"<quipu Video {self._caption!r}>"
