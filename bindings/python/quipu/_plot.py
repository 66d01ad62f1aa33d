"""Charts: tables with a description of how to draw them.

Curves and matrices are computed by the library, from any arrays and lists, without NumPy or scikit-learn.
"""

from . import _arrays, _convert, _ffi, errors
from ._handle import Handle, new, refuse
from ._table import Table

_lib = _ffi.lib


class CustomChart(Handle):
    """A chart, to be logged by itself or as a member of a dictionary. `table` is the table that was passed."""

    def __init__(self, handle, table=None):
        self.table = table
        super().__init__(handle)

    def _check_storable(self):
        if self.table is not None:
            self.table._check_storable()

    def __repr__(self):
        return "<quipu CustomChart>"


class Visualize(CustomChart):
    """A table with a panel that is known by its id."""


def _table(value, argument):
    if not isinstance(value, Table):
        raise refuse("chart_no_table", f"{argument} must be a Table, not {type(value).__name__}", errors.Error)
    return value


def _panel(spec, table, fields, strings, split_table):
    if not isinstance(spec, str):
        raise refuse("chart_bad_spec", f"vega_spec_name must be text, not {type(spec).__name__}", TypeError)
    handle = new(
        _lib.quipu_chart_new,
        table._handle(),
        _ffi.cstring(spec),
        _ffi.string(_convert.text(_convert.Config().convert(fields))),
        _ffi.string(_convert.text(_convert.Config().convert(strings))),
        int(bool(split_table)),
    )
    return CustomChart(handle, table)


def plot_table(vega_spec_name, data_table, fields, string_fields=None, split_table=False):
    """A chart over a table by a panel definition.

    Args:
      vega_spec_name: name of the definition, such as "wandb/line/v0" or "entity/name".
      data_table: a Table.
      fields: from the definition's fields to columns.
      string_fields: from the definition's texts to texts.
      split_table: keep the table below "Custom Chart Tables/".
    """
    return _panel(vega_spec_name, _table(data_table, "data_table"), fields, string_fields or {}, split_table)


def line(table, x, y, stroke=None, title="", split_table=False):
    """Lines over the columns `x` and `y`; `stroke` names a column that tells lines apart."""
    fields = {"x": x, "y": y, "stroke": stroke}
    return _panel("wandb/line/v0", _table(table, "table"), fields, {"title": title}, split_table)


def scatter(table, x, y, title="", split_table=False):
    """A point for each row."""
    return _panel("wandb/scatter/v0", _table(table, "table"), {"x": x, "y": y}, {"title": title}, split_table)


def bar(table, label, value, title="", split_table=False):
    """A bar for each row."""
    fields = {"label": label, "value": value}
    return _panel("wandb/bar/v0", _table(table, "table"), fields, {"title": title}, split_table)


def histogram(table, value, title="", split_table=False):
    """Counts of a column's values."""
    return _panel("wandb/histogram/v0", _table(table, "table"), {"value": value}, {"title": title}, split_table)


def visualize(id, value):
    """A table under its own key with a panel that is known by its id."""
    table = _table(value, "value")
    return Visualize(new(_lib.quipu_chart_visualize, table._handle(), _ffi.cstring(id)), table)


def _plain(value):
    """What a dataframe, series or tensor holds, as an array; other values as they are."""
    if _arrays.module_of(value) in ("pandas", "polars") and hasattr(value, "to_numpy"):
        return value.to_numpy()
    if _arrays.is_array(value):
        return _arrays.host(value)
    if hasattr(value, "numpy") and not hasattr(value, "__array_interface__"):
        return value.numpy()
    return value


def _labels(value, argument):
    """(labels for the library, what must stay alive); (None, None) for None."""
    if value is None:
        return None, None
    value = _plain(value)
    if _arrays.is_array(value):
        view = _arrays.view(value)
        if view is not None:
            return _ffi.labels(view[0]), view
        value = value.tolist() if hasattr(value, "tolist") else list(value)
    if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        raise refuse("labels_bad", f"{argument} must be a list or array of labels, not {value!r}", TypeError)
    items = list(value)
    while items and all(isinstance(item, (list, tuple)) and len(item) == 1 for item in items):
        items = [item[0] for item in items]
    if all(isinstance(item, str) for item in items):
        return _ffi.labels(texts=items), None
    view = _arrays.from_numbers(items)
    if view is None:
        odd = next((item for item in items if not isinstance(item, (int, float, str))), items[0])
        what = f"{odd!r}" if not isinstance(odd, (int, float, str)) else "numbers beside texts"
        allowed = "integers, booleans, whole floats or texts"
        raise refuse("labels_bad", f"{argument} holds {what}; pass {allowed}", TypeError)
    return _ffi.labels(view[0]), view


def _names(value, argument):
    """As _labels; a dictionary from classes to names becomes a list."""
    if isinstance(value, dict):
        if not all(type(key) is int and 0 <= key < 1_000_000 for key in value):
            raise refuse("labels_bad", f"{argument} must have the keys 0, 1, ... if it is a dictionary")
        value = [value.get(number, str(number)) for number in range(max(value, default=-1) + 1)]
    return _labels(value, argument)


def _scores(value, argument):
    """(view, what must stay alive) of an array, or of a list with one list or array per sample."""
    if value is None:
        raise refuse("scores_missing", f"{argument} is missing; pass one row of scores per sample", IndexError)
    value = _plain(value)
    if _arrays.is_array(value):
        view = _arrays.view(value)
        if view is None:
            raise refuse("scores_bad", f"{argument} must hold numbers, not {getattr(value, 'dtype', '?')}", TypeError)
        return view
    if isinstance(value, (str, bytes, dict)) or not hasattr(value, "__iter__"):
        raise refuse("scores_bad", f"{argument} must be an array or a list of rows, not {value!r}", TypeError)
    rows = list(value)
    widths = {len(row) if hasattr(row, "__len__") and getattr(row, "shape", 1) != () else -1 for row in rows}
    if len(widths) > 1:
        raise refuse("scores_ragged", f"{argument} must have rows of one length, not of {sorted(widths)}")
    view = _arrays.from_numbers(rows)
    width = widths.pop() if widths else -1
    shape = (len(rows),) if width < 0 else (len(rows), width)
    count = len(rows) * max(width, 1) if width else 0
    if view is None or int(view[0].shape[0]) != count:
        raise refuse("scores_bad", f"{argument} must hold one number per sample and class", TypeError)
    return _ffi.array(view[0].data, view[0].dtype, shape), view


class _Options:
    """Chart options and what they point to."""

    def __init__(self, title, split_table, names=None, names_argument="labels", plotted=None):
        self.struct = _ffi.struct_of(_ffi.ChartOptions)
        if title is not None and not isinstance(title, str):
            raise refuse("chart_bad_title", f"title must be text, not {type(title).__name__}", TypeError)
        self.struct.title = _ffi.cstring(title)
        self.struct.split_table = int(bool(split_table))
        self._names = _names(names, names_argument)
        self._plotted = _labels(plotted, "classes_to_plot")
        self.struct.class_names = _ffi.pointer_to(self._names[0])
        self.struct.classes_to_plot = _ffi.pointer_to(self._plotted[0])

    def pointer(self):
        return _ffi.reference(self.struct)


def _required(value, argument):
    if value is None:
        raise refuse("labels_missing", f"{argument} is missing; pass one label per sample", TypeError)
    return _labels(value, argument)


def _curve(function, y_true, y_probas, options):
    truth = _required(y_true, "y_true")
    scores = _scores(y_probas, "y_probas")
    return CustomChart(new(function, _ffi.reference(truth[0]), _ffi.reference(scores[0]), options.pointer()))


def pr_curve(
    y_true=None, y_probas=None, labels=None, classes_to_plot=None, interp_size=21, title="Precision-Recall Curve",
    split_table=False,
):  # fmt: skip
    """Precision over recall, a curve for each class.

    Args:
      y_true: class of each of n samples: integers, booleans, whole floats or texts.
      y_probas: scores [n, k]; in ascending order of labels, class number i is scored by column i.
      labels: names of the classes 0, 1, ..., where labels are integers.
      classes_to_plot: labels of the classes to show; default all.
      interp_size: number of recalls, evenly spaced from 1 down to 0.
      title: of the chart.
      split_table: keep the table below "Custom Chart Tables/".
    """
    if isinstance(interp_size, bool) or not hasattr(type(interp_size), "__index__"):
        raise refuse("interp_size", f"interp_size must be an integer, not {interp_size!r}", TypeError)
    size = interp_size.__index__()
    if not 1 <= size <= 1_000_000:
        raise refuse("interp_size", f"interp_size must be 1..1000000, not {size}")
    options = _Options(title, split_table, labels, "labels", classes_to_plot)
    options.struct.interp_size = size
    return _curve(_lib.quipu_chart_pr_curve, y_true, y_probas, options)


def roc_curve(y_true=None, y_probas=None, labels=None, classes_to_plot=None, title="ROC Curve", split_table=False):
    """True over false positive rate, a curve for each class. Arguments as for pr_curve()."""
    options = _Options(title, split_table, labels, "labels", classes_to_plot)
    return _curve(_lib.quipu_chart_roc_curve, y_true, y_probas, options)


def confusion_matrix(
    probs=None, y_true=None, preds=None, class_names=None, title="Confusion Matrix Curve", split_table=False
):
    """How often each class was taken for each other.

    Args:
      probs: scores [n, k]; the column with the greatest is the prediction. Or:
      preds: predicted class of each sample.
      y_true: class of each of n samples.
      class_names: names of the classes 0, 1, ...; default: Class_1, Class_2, ... for the labels found.
    """
    options = _Options(title, split_table, class_names, "class_names")
    truth = _required(y_true, "y_true")
    predictions = _labels(preds, "preds")
    scores = _scores(probs, "probs") if probs is not None else None
    return CustomChart(
        new(
            _lib.quipu_chart_confusion_matrix,
            _ffi.reference(truth[0]),
            predictions[0] and _ffi.reference(predictions[0]),
            scores and _ffi.reference(scores[0]),
            options.pointer(),
        )
    )


def _is_series(value):
    return hasattr(value, "__iter__") and not isinstance(value, str) and getattr(value, "shape", None) != ()


def _length(value, argument):
    if not hasattr(value, "__len__") or isinstance(value, (str, bytes, dict)):
        raise refuse("series_bad", f"{argument} must be a list or array, not {type(value).__name__}", TypeError)
    return len(value)


def line_series(xs, ys, keys=None, title="", xname="x", split_table=False):
    """Several lines in one chart.

    Args:
      xs: x values for each line, or one list of them that all lines share.
      ys: y values for each line; what is longer of x and y is cut.
      keys: names of the lines; default line_0, line_1, ...
      xname: what the x axis is called.
    """
    xs, ys = _plain(xs), _plain(ys)
    lines = _length(ys, "ys")
    if not _length(xs, "xs"):
        raise refuse("series_empty", "xs is empty; pass one list of x values, or one per line", IndexError)
    if _is_series(xs[0]):
        xs = [_plain(x) for x in xs]
        if len(xs) != lines:
            raise refuse("series_count", f"xs has {len(xs)} lists for {lines} lines; pass one per line, or one for all")
    else:
        xs = [xs]
    ys = [_plain(y) for y in ys]
    for number, y in enumerate(ys):
        if not _is_series(y):
            raise refuse("series_bad", f"ys[{number}] must be a list or array, not {type(y).__name__}", TypeError)
    if keys is not None:
        keys = list(keys)
        if len(keys) != lines:
            raise refuse("series_count", f"keys has {len(keys)} names for {lines} lines; pass one per line")
    fast = [_arrays.view(value) if _arrays.is_array(value) else None for value in [*xs, *ys]]
    if lines and all(view is not None and view[0].ndim == 1 for view in fast):
        options = _Options(title, split_table)
        names = _labels(keys, "keys")
        views = [view[0] for view in fast]
        return CustomChart(
            new(
                _lib.quipu_chart_line_series,
                _ffi.arrays(views[: len(xs)]),
                len(xs),
                _ffi.arrays(views[len(xs) :]),
                lines,
                names[0] and _ffi.reference(names[0]),
                _ffi.cstring(str(xname)),
                options.pointer(),
            )
        )
    rows = []
    for number, y in enumerate(ys):
        key = f"line_{number}" if keys is None else keys[number]
        rows.extend([x, key, value] for x, value in zip(xs[0 if len(xs) == 1 else number], y))
    fields = {"step": "step", "lineKey": "lineKey", "lineVal": "lineVal"}
    table = Table(columns=["step", "lineKey", "lineVal"], data=rows)
    return _panel("wandb/lineseries/v0", table, fields, {"title": title, "xname": xname}, split_table)
