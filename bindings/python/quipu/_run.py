"""A run: what init() returns."""

import json
import math
import os
import struct
import sys
import threading
import types

from . import _console, _convert, _ffi, _metric, _summary, _terminal, _upload, errors
from ._config import Config, StaticConfig
from ._settings import Settings

_lib = _ffi.lib
_log_columns = _lib.quipu_run_log_columns
_log_json = _lib.quipu_run_log_json

# Rows of plain numbers: (keys..., types...) -> (quipu_columns handle, packer), or None for what takes the long way.
# The handles serve every run of the process and are never freed; the table has a limit, so that a program whose keys
# are always new does not fill memory.
_shapes = {}
_SHAPES_MAX = 1024
_CODES = {float: (_ffi.TYPE_DOUBLE, "d"), int: (_ffi.TYPE_INT, "q"), bool: (_ffi.TYPE_BOOL, "q")}
_SPECIAL_KEYS = frozenset({"", "_step", "_timestamp", "_runtime"})
_STEP_MAX = _ffi.STEP_MAX

_POLICIES = {"live": 0, "now": 1, "end": 2}

_SET_LATER = ("name", "notes", "tags")


def _shape(data):
    """Makes the fast path for rows like this one; None when there is none."""
    values = data.values()
    kinds = tuple(map(type, values))
    shape = None
    if (
        data
        and all(kind in _CODES for kind in kinds)
        and all(type(key) is str and key not in _SPECIAL_KEYS for key in data)
        and all("\0" not in key for key in data)
    ):
        handle = _ffi.make_columns(list(data), [_CODES[kind][0] for kind in kinds])
        if handle is not None:
            shape = (handle, struct.Struct("=" + "".join(_CODES[kind][1] for kind in kinds)).pack)
    if len(_shapes) < _SHAPES_MAX:
        _shapes[(*data, *kinds)] = shape
    return shape


def _unused(name):
    def method(self, *args, **kwargs):
        if self._disabled:
            return None
        raise errors.make(
            "unsupported", f"run.{name}() is not part of this version of Quipu", -200, errors.UnsupportedError
        )

    method.__name__ = name
    method.__qualname__ = f"Run.{name}"
    method.__doc__ = "Not part of this version."
    return method


class Run:
    """A run. Made by `init()`; usable from several threads; may be used with `with`."""

    def __init__(self, handle, info, policy, settings, allow_change):
        set_ = object.__setattr__
        set_(self, "_handle", handle)
        set_(self, "_info", info)
        set_(self, "_id", info["id"])
        set_(self, "_policy", policy)
        set_(self, "_disabled", bool(info.get("disabled")))
        set_(self, "_finished", False)
        set_(self, "_forked", False)
        set_(self, "_helper", None)
        set_(self, "_lock", threading.Lock())
        set_(self, "_local", settings)
        set_(self, "_settings", Settings._of_run(info.get("settings") or {}))
        set_(self, "_config", Config(self, allow_change))
        set_(self, "_final", None)
        online = not self._disabled and not info.get("offline")
        set_(self, "_upload", _upload.Upload(self, settings) if online else None)
        if self._disabled:
            set_(self, "_summary", _summary.DisabledSummary())
        else:
            set_(self, "_summary", _summary.Summary(self))

    # ---------------------------------------------------------------------------------------------- failures

    def _finished_error(self, what):
        return errors.make(
            "run_finished",
            f"run {self._id} is finished; {what} cannot be used any more, start another run with init()",
            _ffi.ERROR_FINISHED,
        )  # fmt: skip

    def _check(self, status, error=None):
        """True if a call went well, False if it was ignored; raises otherwise."""
        if status == _ffi.OK:
            return True
        code, kind, message = _ffi.take_error(error, status)
        if code == _ffi.ERROR_FORKED:
            self._say_forked()
            return False
        if code == _ffi.ERROR_FULL:
            return False  # counted in stats() and reported by a diagnostic; training goes on
        if code == _ffi.ERROR_FINISHED:
            raise self._finished_error("it")
        raise errors.make(kind, message, code)

    def _say_forked(self):
        _terminal.warn_once(
            "forked", f"run {self._id} belongs to the parent of this process; calls here have no effect", self._id
        )

    def _live(self, what):
        """True when a call may go on; False in a forked child."""
        if self._finished:
            raise self._finished_error(what)
        if self._forked:
            self._say_forked()
            return False
        return True

    # ---------------------------------------------------------------------------------------------- log

    def log(self, data, step=None, commit=None, sync=None):
        """Adds values to the open row.

        Args:
          data: a dictionary; nested ones are trees of keys.
          step: the row they belong to; default: the open row or the next one.
          commit: whether the row is complete; default: True without `step`, False with it.
        """
        try:
            shape = _shapes[(*data, *map(type, data.values()))]
        except KeyError:
            shape = _shape(data) if type(data) is dict else None
        except (TypeError, AttributeError):
            shape = None
        if shape is None:
            return self._log_slowly(data, step, commit)
        if step is None:
            number = -1
        elif type(step) is int and 0 <= step <= _STEP_MAX:
            number = step
        else:
            number = self._step(step)
            if number is None:
                return None
        try:
            status = _log_columns(
                self._handle, shape[0], shape[1](*data.values()), number, 0 if commit is None else 1 if commit else 2
            )
        except struct.error:  # an integer beyond 64 bits
            return self._log_slowly(data, step, commit)
        if status:
            self._check(status)
        return None

    def _log_slowly(self, data, step, commit):
        if not hasattr(data, "keys") or not hasattr(data, "items"):
            raise errors.make("log_not_dict", f"log() takes a dictionary, not {type(data).__name__}", -107)
        for key in data:
            if not isinstance(key, str):
                raise errors.make("log_key_not_str", f"keys of log() must be text, not {type(key).__name__}", -103)
        converter = _convert.Row()
        text = _convert.text({key: converter.convert(value) for key, value in data.items() if key != ""})
        if text.startswith(b'{"$quipu":') and len(data) == 1:
            text = _convert.text(converter.tree(data.items(), 0))
        number = -1 if step is None else self._step(step)
        if number is None or not self._live("log()"):
            return
        status, error = _ffi.call(
            _log_json,
            self._handle,
            _ffi.Str(text, len(text)),
            _ffi.handles(converter.media),
            len(converter.media),
            number,
            0 if commit is None else 1 if commit else 2,
        )
        self._check(status, error)

    def _step(self, step):
        """A step as a number; None when the call is to be dropped because the step is too low."""
        if isinstance(step, (bool, float, str)) or not hasattr(type(step), "__index__"):
            raise errors.make("step_not_int", f"step must be an integer, not {type(step).__name__}", -104)
        try:
            number = step.__index__()
        except TypeError:
            raise errors.make("step_not_int", f"step must be an integer, not {type(step).__name__}", -104) from None
        if number > _STEP_MAX:
            raise errors.make("step_too_large", f"step must be at most {_STEP_MAX}", -104)
        if number < 0:
            if self._live("log()"):
                _terminal.warn(
                    "step_too_low", f"Step {number} is less than the current step; the row was dropped", self._id
                )
            return None
        return number

    # ---------------------------------------------------------------------------------------------- metrics, config

    def define_metric(
        self, name, step_metric=None, step_sync=None, hidden=None, summary=None, goal=None, overwrite=None
    ):
        """Says how a metric is summarised and drawn.

        Args:
          name: a key; `.` separates nested keys, it may end in `*`.
          step_metric: the metric on the x axis.
          step_sync: add the latest value of `step_metric` to rows that lack it; default: True with `step_metric`.
          hidden: no automatic chart.
          summary: comma-separated: min, max, mean, last, first, best, copy, none.
          goal: "minimize" or "maximize", for best.
          overwrite: replace an earlier definition instead of adding to it.
        """
        if self._disabled:
            return _metric.Metric(name, step_metric, step_sync, hidden, summary, goal)
        if not self._live("define_metric()"):
            return _metric.Metric(name, step_metric, step_sync, hidden, summary, goal)
        return _metric.define(self, name, step_metric, step_sync, hidden, summary, goal, overwrite)

    @property
    def config(self):
        return self._config

    @property
    def config_static(self):
        return StaticConfig(self._config)

    @property
    def summary(self):
        return self._summary

    # ---------------------------------------------------------------------------------------------- properties

    def _online_info(self):
        """The facts with what the server has said, waited for if need be."""
        if self._upload is not None and not self._forked:
            self._upload.wait()
        return self._info

    def _update_info(self):
        status, text, error = _ffi.call_text(_lib.quipu_run_info_json, self._handle)
        if status == _ffi.OK:
            object.__setattr__(self, "_info", json.loads(text))
        else:
            _ffi.take_error(error, status)

    @property
    def id(self):
        return self._id

    @property
    def name(self):
        if self._disabled and not self._info.get("name"):
            return f"dummy-{self._id}"
        return self._info.get("name") or self._online_info().get("name")

    @name.setter
    def name(self, value):
        self._set_text(_lib.quipu_run_set_name, "name", value)

    @property
    def notes(self):
        return self._info.get("notes")

    @notes.setter
    def notes(self, value):
        self._set_text(_lib.quipu_run_set_notes, "notes", value)

    def _set_text(self, function, what, value):
        if self._disabled:
            self._info[what] = value
            return
        if not self._live(f"setting {what}"):
            return
        text = "" if value is None else str(value)
        status, error = _ffi.call(function, self._handle, _ffi.cstring(text))
        if self._check(status, error):
            self._info[what] = text

    @property
    def tags(self):
        return tuple(self._info.get("tags") or ())

    @tags.setter
    def tags(self, value):
        tags = [value] if isinstance(value, str) else list(value or ())
        if self._disabled:
            self._info["tags"] = tags
            return
        if not self._live("setting tags"):
            return
        status, error = _ffi.call(_lib.quipu_run_set_tags, self._handle, _ffi.strings(tags), len(tags))
        if status != _ffi.OK and status != _ffi.ERROR_FORKED:
            code, kind, message = _ffi.take_error(error, status)
            if not kind.startswith("tag"):
                raise errors.make(kind, message, code)
            _terminal.warn(kind, message, self._id)  # as W&B: an invalid list only warns
        elif self._check(status, error):
            self._info["tags"] = tags

    @property
    def project(self):
        if self._disabled:
            return self._info.get("project") or "dummy"
        return self._info.get("project")

    def project_name(self):
        return self.project

    @property
    def entity(self):
        if self._disabled:
            return self._info.get("entity") or "dummy"
        return self._info.get("entity") or self._online_info().get("entity") or ""

    @property
    def group(self):
        return self._info.get("group") or ""

    @property
    def job_type(self):
        return self._info.get("job_type") or ""

    @property
    def path(self):
        return "/".join(part for part in (self.entity, self.project, self._id) if part)

    @property
    def dir(self):
        """The directory of the run's files."""
        return self._info.get("dir") or ""

    @property
    def sync_dir(self):
        """The run's directory."""
        return self._info.get("sync_dir") or ""

    @property
    def settings(self):
        return self._settings

    @property
    def start_time(self):
        return self._info.get("start_time")

    @property
    def sweep_id(self):
        return self._info.get("sweep_id") or None

    @property
    def offline(self):
        return bool(self._info.get("offline")) and not self._disabled

    @property
    def disabled(self):
        return self._disabled

    @property
    def resumed(self):
        return bool(self._info.get("resumed")) and not self._disabled

    @property
    def starting_step(self):
        return int(self._info.get("starting_step") or 0)

    @property
    def step(self):
        """The step of the open row, or the next one."""
        if self._disabled:
            return 0
        if not self._finished and not self._forked:
            status, error = _ffi.call(_lib.quipu_run_flush, self._handle, 5_000)
            if status != _ffi.OK:
                _ffi.take_error(error, status)
        status, counters = _ffi.stats(self._handle)
        return counters["step"] if status == _ffi.OK else int(self._info.get("step") or 0)

    def stats(self):
        """Counters: rows_written, rows_dropped_low_step, calls_dropped_full, records_lost, write_errors, ..."""
        return _ffi.stats(self._handle)[1]

    def _page(self, name):
        if self._upload is None:
            if not self._disabled:
                _terminal.warn("url_offline", "a run without a server has no URL", self._id)
            return None
        return self._info.get(name) or self._online_info().get(name)

    @property
    def url(self):
        """The run's page; None while the server has not taken up the run."""
        return self._page("url")

    @property
    def project_url(self):
        return self._page("project_url")

    @property
    def sweep_url(self):
        return self._page("sweep_url")

    @property
    def stop_requested(self):
        """True once somebody has asked, on the server, that the run stop."""
        return bool(_lib.quipu_run_stop_requested(self._handle))

    def get_url(self):
        return self.url

    def get_project_url(self):
        return self.project_url

    def get_sweep_url(self):
        return self.sweep_url

    def __setattr__(self, name, value):
        if name in _SET_LATER:
            object.__setattr__(self, name, value)
        elif isinstance(getattr(type(self), name, None), property):
            raise errors.make("no_setter", f"{name} of a run cannot be set", -200, AttributeError)
        else:
            raise errors.make("attr_unsupported", f"a run has no attribute {name!r} that could be set", -200, Exception)

    # ---------------------------------------------------------------------------------------------- other calls

    def alert(self, title, text, level=None, wait_duration=None):
        """Sends a message to the people who watch the run.

        Args:
          level: "INFO" (default), "WARN", "ERROR" or AlertLevel.
          wait_duration: seconds or timedelta in which alerts with this title are not repeated; default 60 s.
        """
        if self._disabled:
            return
        if not self._live("alert()"):
            return
        if wait_duration is None:
            seconds = 0
        elif hasattr(wait_duration, "total_seconds"):
            seconds = wait_duration.total_seconds()
        elif isinstance(wait_duration, (int, float)) and math.isfinite(wait_duration):
            seconds = wait_duration
        else:
            raise errors.make("alert_bad_wait", "wait_duration must be a number of seconds or a timedelta", -100)
        if level is not None and not isinstance(level, str):
            level = getattr(level, "value", level)
        if level is not None and not isinstance(level, str):
            raise errors.make("alert_bad_level", "level must be INFO, WARN or ERROR", -107)
        status, error = _ffi.call(
            _lib.quipu_run_alert,
            self._handle,
            _ffi.cstring(title),
            _ffi.string(text),
            _ffi.cstring(level),
            int(seconds * 1000),
        )
        self._check(status, error)

    def mark_preempting(self):
        """Says that the machine is about to be taken away."""
        if not self._disabled and self._live("mark_preempting()"):
            self._check(_lib.quipu_run_mark_preempting(self._handle))

    def log_artifact(self, artifact_or_path, name=None, type=None, aliases=None, tags=None):
        """Logs an artifact as a version of the collection of its name; a path makes one of a file or directory.

        Args:
          name, type: of the artifact that a path becomes; default `run-<id>-<file>` and "unspecified".
          aliases: names for this version besides "latest".
          tags: of letters, digits, "-", "_" and spaces.
        Returns: the artifact, which cannot be changed any more. When the run is disabled what was given, or None for a
          path: nothing is looked at then.
        """
        from . import _artifact

        if self._disabled:
            return artifact_or_path if isinstance(artifact_or_path, _artifact.Artifact) else None
        artifact = _artifact.make(artifact_or_path, name, type, self.id)
        if self._live("log_artifact()"):
            artifact.log(self._handle, aliases, tags)
        return artifact

    def save(self, glob_str=None, base_path=None, policy="live", glob=True):
        """Adds files to the run.

        Args:
          glob_str: shell pattern, relative to the working directory.
          base_path: what is below it keeps its structure.
          policy: "live" (upload on each change), "now" or "end".
          glob: False takes `glob_str` as a plain path.
        Returns: the files inside the run's directory; False when the run is disabled.
        """
        if self._disabled:
            return False
        if not self._live("save()"):
            return []
        if glob_str is None:
            _terminal.warn_once("save_no_arguments", "save() without arguments does nothing")
            return True
        if policy not in _POLICIES:
            raise errors.make("save_bad_policy", f"policy must be one of {', '.join(_POLICIES)}, not {policy!r}", -107)
        status, text, error = _ffi.call_text(
            _lib.quipu_run_save,
            self._handle,
            _ffi.path_bytes(glob_str),
            None if base_path is None else _ffi.path_bytes(base_path),
            _POLICIES[policy],
            0 if glob else 1,
        )
        if not self._check(status, error):
            return []
        return [os.path.join(self.dir, path) for path in json.loads(text)]

    def restore(self, name, run_path=None, replace=False, root=None):
        """Opens a file of this run that is on this machine; None if there is none."""
        path = os.path.join(root or self.dir, name)
        if run_path is None and not replace and os.path.exists(path):
            return open(path)  # noqa: SIM115 - the caller closes it
        if self._disabled or run_path is None:
            return None
        raise errors.make("unsupported", "files of other runs need a server", -200, errors.UnsupportedError)

    def write_logs(self, text):
        """Adds lines to the console log as if they had been printed."""
        if self._disabled or self._finished or self._forked:
            return
        _lib.quipu_run_output(self._handle, _ffi.LINES, _ffi.string(text))

    def status(self):
        counters = self.stats()
        return types.SimpleNamespace(
            sync_items_total=counters["rows_written"],
            sync_items_pending=counters["media_pending"] + counters["rows_pending"] + counters["files_pending"],
            sync_time=None,
        )

    def flush(self, timeout=60.0):
        """Waits until everything logged so far is in the log file."""
        if not self._disabled and self._live("flush()"):
            status, error = _ffi.call(_lib.quipu_run_flush, self._handle, int(timeout * 1000))
            self._check(status, error)

    def display(self, height=420, hidden=False):
        return False

    def to_html(self, height=420, hidden=False):
        return ""

    watch = _unused("watch")
    unwatch = _unused("unwatch")
    use_artifact = _unused("use_artifact")
    upsert_artifact = _unused("upsert_artifact")
    finish_artifact = _unused("finish_artifact")
    link_artifact = _unused("link_artifact")
    log_code = _unused("log_code")
    log_model = _unused("log_model")
    use_model = _unused("use_model")
    link_model = _unused("link_model")

    # ---------------------------------------------------------------------------------------------- end

    def finish(self, exit_code=None, quiet=None):
        """Ends the run: writes what is open, waits for the upload, and prints the history and summary blocks.

        Args:
          exit_code: 0 (default) for success.
          quiet: accepted for older programs; use the setting.
        """
        if quiet is not None:
            _terminal.warn_once("finish_quiet", "finish(quiet=...) has no effect; use the setting `quiet`", self._id)
        self._finish(0 if exit_code is None else exit_code, footer=True)

    def join(self, exit_code=None):
        """Old name of finish()."""
        self.finish(exit_code)

    def _finish(self, exit_code, footer):
        from . import _init

        with self._lock:
            if self._finished:
                return
            if self._forked:
                return
            self._wait_for_helper()
            _console.stop(self._handle)
            if self._settings.get("console") == "redirect":
                _console.flush()
            code = int(exit_code)
            if not -(2**31) <= code < 2**31:
                code = 1
            # The library keeps to the setting `finish_timeout`.
            if self._upload is not None:
                self._upload.release()
                try:
                    status, error = self._upload.finish(code, _ffi.WAIT_FOREVER)
                except KeyboardInterrupt:
                    object.__setattr__(self, "_finished", True)
                    _init.forget(self)
                    raise
            else:
                status, error = _ffi.call(_lib.quipu_run_finish, self._handle, code, _ffi.WAIT_FOREVER)
            object.__setattr__(self, "_finished", True)
        _init.forget(self)
        failure = _ffi.take_error(error, status) if status != _ffi.OK else None
        self._update_info()
        if failure is not None and failure[0] != _ffi.ERROR_FORKED:
            code, kind, message = failure
            if code == _ffi.ERROR_TIMEOUT and self._settings.get("finish_timeout_raises"):
                raise errors.make(kind, message, code)
            _terminal.say(3, kind, message, self._id)
        if footer and not self._disabled:
            self._print_footer()

    def _wait_for_helper(self):
        helper = self._helper
        if helper is not None and helper is not threading.current_thread():
            helper.join(10)

    def _print_header(self):
        policy = self._policy
        if policy.silent or self._disabled or not policy.show_info:
            return
        if not policy.quiet:
            _terminal.write(f"Tracking run {self._id} with Quipu {_ffi.version}")
        if self._upload is None:
            _terminal.write("The run is offline: it is recorded on this machine and nothing is sent")
        _terminal.write(f"Run data is saved locally in {self.sync_dir}")
        if not policy.quiet:
            _terminal.write(f"Look at it with: quipu show {self.sync_dir}")

    def _say_sending(self):
        """At the end of the process, for a run that was not finished by itself."""
        policy = self._policy
        _, counters = _ffi.stats(self._handle)
        over = counters["upload_state"] in (_ffi.UPLOAD_OFF, _ffi.UPLOAD_DONE, _ffi.UPLOAD_FAILED)
        if not over and not (policy.silent or policy.quiet) and policy.show_info:
            _terminal.write(f"Sending the rest of run {self._id}; if interrupted: quipu sync {self.sync_dir}")

    def _print_footer(self):
        policy = self._policy
        if policy.silent or policy.quiet or not policy.show_info:
            return
        status, text, error = _ffi.call_text(_lib.quipu_run_report, self._handle)
        if status != _ffi.OK:
            _ffi.take_error(error, status)
        elif text:
            _terminal.write(text[:-1] if text.endswith("\n") else text)
        if self._upload is None:
            _terminal.write(f"Send it to a W&B server with: quipu sync {self.sync_dir}")
            return
        _, counters = _ffi.stats(self._handle)
        if self._info.get("url"):
            _terminal.write(f"View run {self.name} at {self._info['url']}")
            _terminal.write(f"View project at {self._info.get('project_url')}")
        rows, files = counters["rows_uploaded"], counters["files_uploaded"]
        if counters["upload_state"] == _ffi.UPLOAD_DONE:
            _terminal.write(f"Sent {rows:,} rows and {files:,} files")
        else:
            _terminal.write(f"Sent {rows:,} rows and {files:,} files; the rest with: quipu sync {self.sync_dir}")

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc, traceback):
        self._finish(0 if exc_type is None else 1, footer=True)
        return False

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        raise TypeError("a run cannot be pickled; call init() in the other process")

    def __del__(self):
        # Open runs are held by the module, so this is a finished one, or one of a parent process.
        if getattr(self, "_finished", False) and not sys.is_finalizing():
            _lib.quipu_run_free(self._handle)

    def __repr__(self):
        return f"<quipu run {self.path!r}>"


class DisabledRun(Run):
    """A run that records nothing; log() updates the summary, a plain dictionary."""

    def log(self, data, step=None, commit=None, sync=None):
        try:
            self._summary.update(data)
        except TypeError as error:
            error.code, error.kind = _ffi.ERROR_VALUE, "not_iterable"
            raise
