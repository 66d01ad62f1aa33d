"""`define_metric`: checks of Python types; everything else is the library's."""

from . import _ffi, errors


class Metric:
    """A definition; may be passed as `step_metric` of another."""

    def __init__(self, name, step_metric, step_sync, hidden, summary, goal):
        self._values = (name, step_metric, step_sync, hidden, summary, goal)

    @property
    def name(self):
        return self._values[0]

    @property
    def step_metric(self):
        return self._values[1]

    @property
    def step_sync(self):
        return self._values[2]

    @property
    def hidden(self):
        return self._values[3]

    @property
    def summary(self):
        return self._values[4]

    @property
    def goal(self):
        return self._values[5]

    def __repr__(self):
        return f"Metric({self.name!r})"


def _bad(name, value, expected):
    return errors.make("metric_bad_type", f"define_metric: {name} must be {expected}, not {type(value).__name__}", -100)


def _toggle(name, value):
    if value is None:
        return 0
    if not isinstance(value, bool):
        raise _bad(name, value, "True or False")
    return 1 if value else 2


def define(run, name, step_metric, step_sync, hidden, summary, goal, overwrite):
    if not isinstance(name, str):
        raise _bad("name", name, "text")
    if isinstance(step_metric, Metric):
        step_metric = step_metric.name
    for argument, value in (("step_metric", step_metric), ("summary", summary), ("goal", goal)):
        if value is not None and not isinstance(value, str):
            raise _bad(argument, value, "text")
    options = _ffi.struct_of(_ffi.MetricOptions)
    options.step_sync = _toggle("step_sync", step_sync)
    options.hidden = _toggle("hidden", hidden)
    options.overwrite = _toggle("overwrite", overwrite)
    options.step_metric = _ffi.cstring(step_metric)
    options.summary = _ffi.cstring(summary)
    options.goal = _ffi.cstring(goal)
    if not run.disabled:
        status, error = _ffi.call(
            _ffi.lib.quipu_run_define_metric, run._handle, _ffi.cstring(name), _ffi.reference(options)
        )
        run._check(status, error)
    if step_metric is not None and step_sync is None:
        step_sync = True
    modes = tuple(part.lower() for part in summary.split(",")) if summary else None
    return Metric(name, step_metric, step_sync, hidden, modes, goal)
