"""Quipu: record machine-learning experiments. `import quipu as wandb` works for the supported set.

    import quipu

    with quipu.init(project="digits", config={"lr": 0.01}) as run:
        for loss in (1.0, 0.5):
            run.log({"loss": loss})
"""

import enum as _enum

from . import _ffi, _init, _terminal, errors, plot, util
from ._artifact import Artifact
from ._audio_video import Audio, Video
from ._documents import Html, Molecule
from ._figures import Graph, Plotly
from ._histogram import Histogram, histogram
from ._image import Classes, Image
from ._init import finish, init, login, logout, setup
from ._object3d import Object3D, box3d
from ._plot import plot_table, visualize
from ._run import Run
from ._settings import Settings
from ._table import JoinedTable, Table
from .errors import CommError, ConfigError, Error, QuipuError, UsageError

__version__ = _ffi.version

__all__ = [
    "AlertLevel", "Artifact", "Audio", "Classes", "CommError", "ConfigError", "Error", "Graph", "Histogram", "Html",
    "Image", "JoinedTable", "Molecule", "Object3D", "Plotly", "QuipuError", "Run", "Settings", "Table", "UsageError",
    "Video", "alert", "box3d", "config", "define_metric", "errors", "finish", "histogram", "init", "log",
    "log_artifact", "login", "logout", "mark_preempting", "plot", "plot_table", "restore", "run", "save", "setup",
    "summary", "termerror", "termlog", "termwarn", "util", "visualize", "write_logs",
]  # fmt: skip


class AlertLevel(_enum.Enum):
    """How urgent an alert is."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


def log(data, step=None, commit=None, sync=None):
    """`Run.log` of the global run."""
    run = _init._global
    if run is None:
        _init.needed("log()")
    run.log(data, step, commit)


def define_metric(name, step_metric=None, step_sync=None, hidden=None, summary=None, goal=None, overwrite=None):
    """`Run.define_metric` of the global run."""
    return _init.needed("define_metric()").define_metric(
        name, step_metric, step_sync, hidden, summary, goal, overwrite
    )


def save(glob_str=None, base_path=None, policy="live", glob=True):
    """`Run.save` of the global run."""
    return _init.needed("save()").save(glob_str, base_path, policy, glob)


def log_artifact(artifact_or_path, name=None, type=None, aliases=None, tags=None):
    """`Run.log_artifact` of the global run."""
    return _init.needed("log_artifact()").log_artifact(artifact_or_path, name, type, aliases, tags)


def restore(name, run_path=None, replace=False, root=None):
    """`Run.restore` of the global run."""
    return _init.needed("restore()").restore(name, run_path, replace, root)


def alert(title, text, level=None, wait_duration=None):
    """`Run.alert` of the global run."""
    _init.needed("alert()").alert(title, text, level, wait_duration)


def mark_preempting():
    """`Run.mark_preempting` of the global run."""
    _init.needed("mark_preempting()").mark_preempting()


def write_logs(text):
    """`Run.write_logs` of the global run."""
    _init.needed("write_logs()").write_logs(text)


def termlog(string="", newline=True, repeat=True):
    """Prints a line as Quipu prints its own."""
    _terminal.say(1, "user", string)


def termwarn(string, newline=True, repeat=True):
    """Prints a warning."""
    _terminal.say(2, "user", string)


def termerror(string, newline=True, repeat=True):
    """Prints an error."""
    _terminal.say(3, "user", string)


_config_before = _init.BeforeInit("config")
_summary_before = _init.BeforeInit("summary")

_LATER = frozenset({
    "Api",
    "agent", "apis", "beta", "controller", "integration", "link_artifact", "log_code", "log_model",
    "sdk", "sweep", "unwatch", "use_artifact", "use_model", "watch",
})  # fmt: skip


def __getattr__(name):
    """`run`, `config` and `summary` follow the global run."""
    if name == "run":
        return _init._global
    if name == "config":
        run = _init._global
        return _config_before if run is None else run.config
    if name == "summary":
        run = _init._global
        return _summary_before if run is None else run.summary
    if name == "data_types":
        import importlib

        return importlib.import_module(".data_types", __name__)
    if name in _LATER:
        raise AttributeError(f"quipu.{name} is not part of this version of Quipu")
    raise AttributeError(f"module 'quipu' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), "run", "config", "summary"})
