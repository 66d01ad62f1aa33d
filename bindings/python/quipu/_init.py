"""init(), setup(), login(), finish(): which runs there are, and how the process ends."""

import atexit
import json
import os
import shutil
import sys
import threading

from . import _config, _console, _convert, _ffi, _settings, _terminal, _upload, errors
from ._run import DisabledRun, Run

_lib = _ffi.lib
_lock = threading.RLock()
_active = []  # open runs, oldest first; what holds them in memory
_global = None
_setup_settings = {}

_MODES = ("online", "offline", "disabled", "shared", "dryrun", "run")
_REINITS = ("default", "return_previous", "finish_previous", "create_new")
_RESUMES = ("allow", "must", "never", "auto")

_callback = _ffi.DiagnosticFn(_terminal._diagnostic)
_lib.quipu_set_diagnostics(_callback, None)


def current():
    """The global run, or None."""
    return _global


def needed(what):
    """The global run; raises when there is none."""
    if _global is None:
        raise errors.make("before_init", f"{what} needs a run: call init() first", -200)
    return _global


class BeforeInit:
    """Stands for `config` and `summary` while there is no run."""

    def __init__(self, name):
        object.__setattr__(self, "_name", name)

    def _refuse(self, *_):
        raise errors.make("before_init", f"{self._name} needs a run: call init() first", -200)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        self._refuse()

    __setattr__ = __getitem__ = __setitem__ = __delitem__ = __contains__ = __iter__ = _refuse

    def __repr__(self):
        return f"<quipu {self._name} before init()>"


def setup(settings=None):
    """Sets defaults for the runs of this process: stronger than the environment, weaker than init()'s arguments."""
    _setup_settings.update(_settings.as_dict(settings))
    return _settings.Settings(**_setup_settings)


def login(
    key=None, *, anonymous=None, relogin=None, host=None, force=None, timeout=None, verify=True, referrer=None
):
    """Checks an API key and keeps it: for this process, and in the netrc file for others.

    Args:
      key: default: the one that runs would use (environment, netrc, settings); on a terminal it is asked for.
      relogin: ask again although there is a key.
      host: base URL of the server.
      force: without a key raise an error instead of returning False.
      timeout: seconds to wait for the server.
      verify: ask the server whose key it is.
    Returns: whether there is a key.
    """
    if anonymous is not None:
        _terminal.warn("anonymous_ignored", "the argument anonymous has no effect")
    if host is not None:
        _setup_settings["base_url"] = host
    host = _setup_settings.get("base_url")
    if key is None and _mode() in ("offline", "dryrun", "disabled"):
        return False
    given = key is not None
    if not given and relogin and _can_ask():
        key = _ask_key(host)
    status, report, error = _upload.login(key, host, relogin, verify, timeout)
    failure = _ffi.take_error(error, status) if status != _ffi.OK else None
    if failure is not None and failure[0] == _ffi.ERROR_NO_API_KEY and key is None:
        if not _can_ask():
            if force:
                raise errors.make(failure[1], failure[2], failure[0])
            _terminal.warn(failure[1], failure[2])
            return False
        status, report, error = _upload.login(_ask_key(host), host, False, verify, timeout)
        failure = _ffi.take_error(error, status) if status != _ffi.OK else None
    if failure is not None:
        code, kind, message = failure
        raise errors.make(kind, message, code)
    if report["username"]:
        entity = f" ({report['entity']})" if report["entity"] and report["entity"] != report["username"] else ""
        _terminal.say(1, "login", f"Logged in as {report['username']}{entity} at {report['host']}")
    if report["stored"]:
        _terminal.say(1, "login", f"The API key is kept in {report['stored']}")
    return True


def logout(host=None):
    """Forgets the API key of a server, here and in the netrc file. Returns whether there was one."""
    if host is None:
        host = _setup_settings.get("base_url")
    return _upload.logout(host)


def _mode():
    return _setup_settings.get("mode") or os.environ.get("QUIPU_MODE") or os.environ.get("WANDB_MODE")


def _can_ask():
    """Whether somebody sits at a terminal."""
    return all(getattr(stream, "isatty", lambda: False)() for stream in (sys.stdin, sys.stderr))


def _ask_key(host):
    import getpass

    return getpass.getpass(f"{_terminal.PREFIX}API key for {host or 'the server'}: ").strip()


def _bad_choice(name, value, choices):
    return errors.make(
        "setting_bad_choice", f"{name} must be one of {', '.join(choices)}, not {value!r}", -109, errors.ValidationError
    )


def _in_notebook():
    get = sys.modules.get("IPython")
    shell = get.get_ipython() if get is not None and hasattr(get, "get_ipython") else None
    return shell is not None and hasattr(shell, "kernel")


def _reinit_policy(argument, settings):
    """One of the four names, resolved; and the value as it was given."""
    given = argument if argument is not None else settings.get("reinit")
    if given is None:
        given = os.environ.get("QUIPU_REINIT") or os.environ.get("WANDB_REINIT")
    if given is None and _active and "reinit" not in _active[-1]._local:
        given = _active[-1]._settings.get("reinit")  # from a settings file
    policy = given
    if isinstance(policy, bool):
        policy = "finish_previous" if policy else "return_previous"
    elif isinstance(policy, str) and policy.lower() in ("true", "1"):
        policy = "finish_previous"
    elif isinstance(policy, str) and policy.lower() in ("false", "0"):
        policy = "return_previous"
    if policy is None:
        policy = "default"
    if policy not in _REINITS:
        raise _bad_choice("reinit", given, _REINITS)
    if policy == "default":
        policy = "finish_previous" if _in_notebook() else "return_previous"
    return policy


def _program():
    main = sys.modules.get("__main__")
    path = getattr(main, "__file__", None)
    return os.path.abspath(path) if path else None


def _filtered(config, exclude, include):
    """The config argument without the keys that the two old arguments leave out."""
    if exclude and include:
        raise errors.make(
            "config_include_and_exclude", "give config_exclude_keys or config_include_keys, not both", -100
        )
    if include:
        _terminal.warn("config_include_keys_deprecated", "config_include_keys is deprecated; pass only those keys")
    if exclude:
        _terminal.warn("config_exclude_keys_deprecated", "config_exclude_keys is deprecated; leave those keys out")
    if config is None or isinstance(config, (str, os.PathLike)) or not (exclude or include):
        return config
    members = _config.members(config)
    return {key: value for key, value in members.items() if (key in include if include else key not in exclude)}


def init(
    entity=None,
    project=None,
    dir=None,
    id=None,
    name=None,
    notes=None,
    tags=None,
    config=None,
    config_exclude_keys=None,
    config_include_keys=None,
    allow_val_change=None,
    group=None,
    job_type=None,
    mode=None,
    force=None,
    reinit=None,
    resume=None,
    resume_from=None,
    fork_from=None,
    save_code=None,
    tensorboard=None,
    sync_tensorboard=None,
    monitor_gym=None,
    settings=None,
    anonymous=None,
):
    """Starts a run and returns it. All arguments are optional.

    Args:
      entity, project, dir, id, name, notes, tags, group, job_type: what describes the run and where it is kept.
      config: a dictionary, an object with attributes, or the path of a YAML file.
      allow_val_change: later changes of config values are allowed.
      mode: "online", "offline" or "disabled".
      reinit: what happens while a run is active: "return_previous", "finish_previous", "create_new".
      resume: "allow", "must", "never", "auto". resume_from, fork_from: "RUN?_step=N".
      settings: a dictionary or Settings.
    """
    with _lock:
        given = {**_setup_settings, **_settings.as_dict(settings)}
        if anonymous is not None:
            _terminal.warn("anonymous_ignored", "the argument anonymous has no effect")
        for argument, value in (
            ("tensorboard", tensorboard),
            ("sync_tensorboard", sync_tensorboard),
            ("monitor_gym", monitor_gym),
        ):
            if value:
                _terminal.warn_once("argument_unused", f"init({argument}=...) has no effect in this version")
        config = _filtered(config, config_exclude_keys, config_include_keys)
        if mode is not None:
            if mode not in _MODES:
                raise _bad_choice("mode", mode, _MODES)
            given["mode"] = mode
        if resume is True:
            resume = "auto"
        if resume is not None and resume is not False:
            if resume not in _RESUMES:
                raise _bad_choice("resume", resume, _RESUMES)
            given["resume"] = resume
        policy = _reinit_policy(reinit, given)
        if _active and policy == "return_previous":
            if given.get("resume") == "must":
                raise errors.make(
                    "resume_must_while_active", "resume='must' needs another run, and one is active: finish it first",
                    -200,
                )  # fmt: skip
            run = _active[-1]
            _terminal.say(
                1, "init_while_active", f"init() was called while run {run.id} is active and returns that run; use "
                "reinit='create_new' or 'finish_previous' for another", run._id,
            )  # fmt: skip
            return run
        if _active and policy == "finish_previous":
            for run in list(_active):
                run.finish()
        if reinit is not None:
            given["reinit"] = reinit
        for setting, value in (("force", force), ("save_code", save_code), ("allow_val_change", allow_val_change)):
            if value is not None:
                given[setting] = value
        run = _start(
            given, config, entity, project, dir, id, name, notes, tags, group, job_type, resume_from, fork_from
        )
        _active.append(run)
        if policy != "create_new":
            _set_global(run)
    run._print_header()
    _begin_capture(run)
    if run._upload is not None:
        # The server may have answered before anybody listened.
        _terminal.hook(run.id, "run_url", run._upload.identified)
        run._update_info()
        if run._info.get("url"):
            run._upload.identified()
    return run


def _start(given, config, entity, project, dir, id, name, notes, tags, group, job_type, resume_from, fork_from):
    """Makes the run in the library."""
    options = _ffi.struct_of(_ffi.RunOptions)
    for field, value in (
        ("project", project),
        ("entity", entity),
        ("id", id),
        ("name", name),
        ("notes", notes),
        ("group", group),
        ("job_type", job_type),
        ("resume_from", resume_from),
        ("fork_from", fork_from),
    ):
        if value is not None:
            setattr(options, field, _ffi.cstring(value if isinstance(value, str) else str(value)))
    if dir is not None:
        options.dir = _ffi.path_bytes(dir)
    if tags is not None:
        texts = [tags] if isinstance(tags, str) else [str(tag) for tag in tags]
        options.tags = _ffi.strings(texts)
        options.tag_count = len(texts)
    if isinstance(config, (str, os.PathLike)):
        options.config_path = _ffi.path_bytes(config)
    elif config is not None:
        options.config_json = _ffi.string(_config.encode(config))
    sent = {"x_args": sys.argv[1:], "x_executable": sys.executable}  # the process has the interpreter's
    sent.update((key, value) for key, value in given.items() if not callable(value))
    converter = _convert.Config()
    options.settings_json = _ffi.string(_convert.text({key: converter.convert(value) for key, value in sent.items()}))
    options.program = _ffi.cstring(_program())
    options.language = f"python {sys.version.split()[0]}".encode()
    _terminal.begin_init()
    policy = _terminal.Policy(given)
    try:
        status, handle, error = _ffi.new_handle(_lib.quipu_run_start, _ffi.reference(options))
        if status != _ffi.OK:
            code, kind, message = _ffi.take_error(error, status)
            raise errors.make(kind, message, code)
        status, text, error = _ffi.call_text(_lib.quipu_run_info_json, handle)
        if status != _ffi.OK:
            code, kind, message = _ffi.take_error(error, status)
            raise errors.make(kind, message, code)
        info = json.loads(text)
        policy = _terminal.Policy(info.get("settings"))
        _terminal.register(info["id"], policy)
    finally:
        _terminal.end_init(policy)
    kind = DisabledRun if info.get("disabled") else Run
    return kind(handle, info, policy, given, bool(given.get("allow_val_change")))


def _begin_capture(run):
    """What follows a start and may take its time: console capture, the list of packages."""
    if run.disabled:
        return
    console = run._settings.get("console")
    if console not in ("off", "redirect"):  # the core captures descriptors itself
        _console.start(run._handle)
    if run._settings.get("save_code") and not run._settings.get("disable_code"):
        _save_code(run)
    if run._settings.get("x_save_requirements", True) is not False:
        helper = threading.Thread(target=_record_requirements, args=(run._handle,), name="quipu-packages", daemon=True)
        object.__setattr__(run, "_helper", helper)
        helper.start()


def _save_code(run):
    """Copies the program's source into the run's files, under its path relative to the repository."""
    source = run._settings.get("program_abspath") or _program()
    relative = run._settings.get("program_relpath") or (os.path.basename(source) if source else None)
    if not source or not os.path.isfile(source) or os.path.isabs(relative) or relative.startswith(".."):
        return
    path = os.path.join("code", relative)
    try:
        target = os.path.join(run.dir, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copyfile(source, target)
    except OSError as error:
        _terminal.warn("save_code_failed", f"{source}: cannot be copied into the run: {error}", run._id)
        return
    status, error = _ffi.call(_lib.quipu_run_record_file, run._handle, _ffi.path_bytes(path), 1)
    run._check(status, error)


def _record_requirements(handle):
    """Names and versions of the installed packages, gathered off the caller's thread."""
    try:
        from importlib import metadata

        lines = set()
        for package in metadata.distributions():
            found = {}
            text = package.read_text("METADATA") or package.read_text("PKG-INFO") or ""
            for line in text.split("\n\n", 1)[0].splitlines():  # the head only: parsing it all takes ten times as long
                field, _, value = line.partition(": ")
                if field in ("Name", "Version"):
                    found.setdefault(field, value.strip())
            if len(found) == 2:
                lines.add("{Name}=={Version}".format_map(found))
        status, error = _ffi.call(
            _lib.quipu_run_record_requirements, handle, _ffi.string("\n".join(sorted(lines)) + "\n")
        )
        if status != _ffi.OK:
            _ffi.take_error(error, status)
    except Exception:  # noqa: BLE001 - a broken package must not break a run
        pass


def _set_global(run):
    global _global
    _global = run


def forget(run):
    """A run has ended."""
    with _lock:
        if run in _active:
            _active.remove(run)
        if _global is run:
            _set_global(None)


def finish(exit_code=None, quiet=None):
    """Finishes the global run, if there is one."""
    run = _global
    if run is not None:
        run.finish(exit_code, quiet)


def _ended_by_interrupt():
    """Whether an uncaught Ctrl-C ends the process. The interpreter keeps the exception it prints in `sys.last_type`."""
    last = getattr(sys, "last_type", None)
    interactive = sys.flags.interactive or hasattr(sys, "ps1")
    return isinstance(last, type) and issubclass(last, KeyboardInterrupt) and not interactive


def _at_exit():
    """The library finishes open runs itself when the process exits, with its exit status. What remains: the end by
    Ctrl-C, which is a signal and runs no exit handlers, and to let go of the interpreter before it is gone."""
    runs = list(_active)
    for run in runs:
        run._wait_for_helper()
        if run._upload is not None:
            run._upload.release()
            run._say_sending()
    if runs and _ended_by_interrupt():
        _lib.quipu_finish_all(255, 60_000)
    else:
        for run in runs:
            if not run.disabled:  # so that late diagnostics are still printed
                status, error = _ffi.call(_lib.quipu_run_flush, run._handle, 5_000)
                if status != _ffi.OK:
                    _ffi.take_error(error, status)
    for run in runs:
        _console.stop(run._handle)
    _lib.quipu_set_diagnostics(_ffi.DiagnosticFn(), None)


def _after_fork():
    """The child has no runs; those it inherited belong to the parent and ignore its calls."""
    global _lock
    _lock = threading.RLock()
    _console.after_fork()
    _terminal.after_fork()
    for run in _active:
        object.__setattr__(run, "_forked", True)
        object.__setattr__(run, "_lock", threading.Lock())
    _active.clear()
    _set_global(None)


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
