"""Copies what the program prints into the runs' output.log.

The stream objects stay the same and the terminal gets the same bytes: only their `write` is wrapped, first the
original, then the copy.
"""

import sys
import threading

from . import _ffi

_lock = threading.Lock()
_runs = ()  # handles of capturing runs; replaced as a whole, so writers need no lock
_wrapped = {}  # name: (stream, wrapper)
_inside = threading.local()


def _wrap(name, number):
    stream = getattr(sys, name, None)
    if stream is None or not hasattr(stream, "write"):
        return
    held = _wrapped.get(name)
    if held is not None and held[0] is stream:
        return
    original = stream.write
    output = _ffi.lib.quipu_run_output

    def write(text, *rest):
        written = original(text, *rest)
        runs = _runs
        if runs and not getattr(_inside, "busy", False):
            _inside.busy = True  # a copy that prints must not copy itself
            try:
                data = text if isinstance(text, bytes) else _ffi.encode(text)
                copy = _ffi.Str(data, len(data))
                for handle in runs:
                    output(handle, number, copy)
            except Exception:  # noqa: BLE001 - the program's print must not fail because of its copy
                pass
            finally:
                _inside.busy = False
        return written

    try:
        stream.write = write
    except (AttributeError, TypeError):
        return  # a stream that allows no attributes is not captured
    _wrapped[name] = (stream, write)


def _unwrap():
    for stream, wrapper in _wrapped.values():
        if stream.__dict__.get("write") is wrapper:
            del stream.write
    _wrapped.clear()


def flush():
    """Hands what Python's own buffers hold to the descriptors, which the core captures."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:  # noqa: BLE001 - a closed or replaced stream has nothing for us
            pass


def start(handle):
    global _runs
    with _lock:
        _wrap("stdout", _ffi.STDOUT)
        _wrap("stderr", _ffi.STDERR)
        _runs = (*_runs, handle)


def stop(handle):
    global _runs
    with _lock:
        _runs = tuple(run for run in _runs if run != handle)
        if not _runs:
            _unwrap()


def after_fork():
    """The child's output is not the run's."""
    global _runs, _lock
    _lock = threading.Lock()
    _runs = ()
    _unwrap()
