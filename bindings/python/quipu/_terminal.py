"""What is printed: the client's own lines on stderr, and the library's diagnostics among them."""

import sys
import threading

PREFIX = "quipu: "

_NAMES = {1: "", 2: "WARNING ", 3: "ERROR "}

# Shown although show_warnings is off, because rows are lost.
_ALWAYS = frozenset({"step_too_low"})


# Said by other lines.
_UNSAID = frozenset({"run_url", "upload_done"})


class Policy:
    """Which lines a run prints, from its settings."""

    __slots__ = ("quiet", "silent", "show_info", "show_warnings", "show_errors")

    def __init__(self, settings=None):
        get = settings.get if settings else lambda name, default: default
        self.quiet = bool(get("quiet", False))
        self.silent = bool(get("silent", False))
        self.show_info = get("show_info", True) is not False
        self.show_warnings = get("show_warnings", True) is not False
        self.show_errors = get("show_errors", True) is not False

    def allows(self, level, kind):
        if self.silent:
            return False
        if level == 1:
            return self.show_info
        if level == 2:
            return self.show_warnings or kind in _ALWAYS
        return self.show_errors


_default = Policy()
_policies = {}  # run id: policy
_waiting = {}  # thread: messages that came while init() had not yet settled what to print
_once = set()
_hooks = {}  # (run id, kind): what says such a message in other words

# Called with (level, kind, text) for each line that is printed. For tests and tools.
observers = []


def write(text, level=1, kind=""):
    """Prints one message; each of its lines gets the prefix."""
    name = _NAMES.get(level, "")
    lines = (PREFIX + (name if n == 0 else "") + line for n, line in enumerate(text.split("\n")))
    data = "".join(line.rstrip() + "\n" for line in lines)
    for observer in observers:
        observer(level, kind, text)
    stream = sys.stderr
    if stream is None:
        return
    # One write, and no lock of ours around it: the stream may copy to the library, whose callback may be waiting here.
    try:
        stream.write(data)
        stream.flush()
    except UnicodeEncodeError:
        encoding = getattr(stream, "encoding", None) or "ascii"
        stream.write(data.encode(encoding, "replace").decode(encoding))
    except (OSError, ValueError):
        pass  # a closed terminal must not stop the training


def say(level, kind, text, run_id=""):
    """Prints a message if the run's settings allow it."""
    if _policies.get(run_id, _default).allows(level, kind):
        write(text, level, kind)


def warn(kind, text, run_id=""):
    say(2, kind, text, run_id)


def warn_once(kind, text, run_id=""):
    """For accepted but unused arguments: said once per process."""
    if (kind, text) not in _once:
        _once.add((kind, text))
        say(2, kind, text, run_id)


def register(run_id, policy):
    _policies[run_id] = policy


def hook(run_id, kind, function):
    """Messages of this kind are given to `function`, from any thread, instead of being printed."""
    _hooks[run_id, kind] = function


def begin_init():
    """From now on messages of this thread wait for `end_init`."""
    _waiting[threading.get_ident()] = []


def end_init(policy):
    """Prints what came during init(), as far as `policy` allows."""
    for level, kind, text in _waiting.pop(threading.get_ident(), ()):
        if kind not in _UNSAID and policy.allows(level, kind):
            write(text, level, kind)


def warn_in_init(kind, text):
    waiting = _waiting.get(threading.get_ident())
    if waiting is None:
        warn(kind, text)
    else:
        waiting.append((2, kind, text))


def _diagnostic(level, kind, message, run_id, _user):
    """The library's callback; runs on the thread of a call or on one of the library's."""
    try:
        kind = kind.decode("utf-8", "replace")
        message = message.decode("utf-8", "replace")
        run_id = run_id.decode("utf-8", "replace")
        waiting = _waiting.get(threading.get_ident())
        told = _hooks.get((run_id, kind))
        if waiting is not None:
            waiting.append((level, kind, message))
        elif told is not None:
            told(message)
        elif kind not in _UNSAID:
            say(level, kind, message, run_id)
    except BaseException:  # noqa: B036 - nothing may leave a callback
        pass


def after_fork():
    """The child starts with nothing half said."""
    _waiting.clear()
