"""What an online run prints and waits for: its page, requests to stop, the rest of the upload at the end."""

import _thread
import json
import sys
import threading
import time

from . import _ffi, _terminal, errors

_lib = _ffi.lib

# How long a property such as `run.url` waits for the server, counted from the start of the run.
_PATIENCE = 10.0


class Upload:
    """The network side of one online run."""

    def __init__(self, run, settings):
        self._run = run
        self._started = time.monotonic()
        self._known = threading.Event()
        self._asking = True
        self._said = False
        self._lock = threading.Lock()
        self._stop_fn = settings.get("stop_fn") if callable(settings.get("stop_fn")) else None
        self._callback = _ffi.StopFn(self._stop)  # the library keeps no reference to it
        _lib.quipu_run_set_stop_handler(run._handle, self._callback, None)

    # ---- stopping

    def _stop(self, _run, _user):
        """Somebody asked on the server that the run stop. Runs on a thread of the library."""
        try:
            if self._stop_fn is not None:
                self._stop_fn()
            else:
                _thread.interrupt_main()
        except BaseException:  # noqa: B036 - nothing may leave a callback
            pass

    def release(self):
        """The run ends: nothing stops it any more."""
        _lib.quipu_run_set_stop_handler(self._run._handle, _ffi.StopFn(), None)

    # ---- the run's page

    def identified(self, _message=None):
        """The server has taken up the run: prints its page, once."""
        with self._lock:
            if self._said:
                return
            self._said = True
        run = self._run
        run._update_info()
        self._known.set()
        policy = run._policy
        if policy.silent or not policy.show_info:
            return
        info = run._info
        lines = [f"{'Resuming' if info.get('resumed') else 'Syncing'} run {info.get('name') or run.id}"]
        if not policy.quiet:
            lines.append(f"View project at {info.get('project_url')}")
            if info.get("sweep_url"):
                lines.append(f"View sweep at {info['sweep_url']}")
        lines.append(f"View run at {info.get('url')}")
        _terminal.write("\n".join(lines))

    def wait(self):
        """Waits until the server has named the run: bounded, and not at all while it cannot be reached."""
        if self._known.is_set() or not self._asking:
            return
        end = self._started + _PATIENCE
        while True:
            status, error = _ffi.call(_lib.quipu_run_wait_online, self._run._handle, 50)
            if status == _ffi.OK:
                break
            _ffi.take_error(error, status)
            _, counters = _ffi.stats(self._run._handle)
            if counters["upload_state"] != _ffi.UPLOAD_CONNECTING or time.monotonic() >= end:
                self._asking = False  # what is not known by now is looked up without waiting
                break
        self._run._update_info()

    # ---- the end

    def finish(self, code, wait):
        """Ends the run and waits for the upload, with a line of progress. Returns the status and the error."""
        outcome = []

        def end():
            outcome.append(_ffi.call(_lib.quipu_run_finish, self._run._handle, code, wait))

        # On a thread of its own, so that Ctrl-C is heard while the library waits.
        worker = threading.Thread(target=end, name="quipu-finish", daemon=True)
        worker.start()
        progress = _Progress(self._run)
        try:
            while worker.is_alive():
                worker.join(0.1)
                if worker.is_alive():
                    progress.show()
        except KeyboardInterrupt:
            _terminal.write(f"Interrupted; the rest can be sent with: quipu sync {self._run.sync_dir}")
            raise
        finally:
            progress.clear()
        return outcome[0]


class _Progress:
    """One line on a terminal, rewritten; elsewhere a line now and then."""

    def __init__(self, run):
        self._run = run
        policy = run._policy
        self._shown = not (policy.silent or policy.quiet) and policy.show_info
        self._tty = bool(getattr(sys.stderr, "isatty", lambda: False)())
        self._width = 0
        self._next = time.monotonic() + (0.5 if self._tty else 10.0)

    def show(self):
        now = time.monotonic()
        if not self._shown or now < self._next:
            return
        self._next = now + (0.2 if self._tty else 30.0)
        _, counters = _ffi.stats(self._run._handle)
        rows, files = counters["rows_pending"], counters["files_pending"]
        text = f"Sending the run: {_count(rows, 'row')} and {_count(files, 'file')} left"
        if counters["upload_state"] == _ffi.UPLOAD_WAITING:
            text += f", next attempt in {max(counters['retry_in_ms'], 0) / 1000:.0f} s"
        if self._tty:
            self._put("\r" + (_terminal.PREFIX + text).ljust(self._width))
            self._width = len(_terminal.PREFIX) + len(text)
        else:
            _terminal.write(text)

    def clear(self):
        if self._width:
            self._put("\r" + " " * self._width + "\r")

    @staticmethod
    def _put(text):
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except (OSError, ValueError, AttributeError):
            pass  # a closed terminal must not stop the training


def _count(number, noun):
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def logout(host):
    removed = _ffi.c_int32()
    status, error = _ffi.call(_lib.quipu_logout, _ffi.cstring(host), _ffi.reference(removed))
    if status != _ffi.OK:
        code, kind, message = _ffi.take_error(error, status)
        raise errors.make(kind, message, code)
    return bool(removed.value)


def login(key, host, relogin, verify, timeout):
    """Calls the library. Returns (status, report or None, error)."""
    options = _ffi.struct_of(_ffi.LoginOptions)
    options.verify = _ffi.TOGGLE_ON if verify else _ffi.TOGGLE_OFF
    options.relogin = _ffi.TOGGLE_ON if relogin else _ffi.TOGGLE_DEFAULT
    options.host = _ffi.cstring(host)
    options.timeout_ms = int(timeout * 1000) if timeout else 0
    status, text, error = _ffi.call_text(_lib.quipu_login, _ffi.cstring(key), _ffi.reference(options))
    return status, json.loads(text) if status == _ffi.OK and text else None, error
