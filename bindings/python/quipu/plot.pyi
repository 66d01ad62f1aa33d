from collections.abc import Mapping, Sequence
from typing import Any

from . import Table

_Labels = Any
_Names = Sequence[Any] | Mapping[int, Any]

class CustomChart:
    table: Table | None

class Visualize(CustomChart): ...

def line(
    table: Table, x: str, y: str, stroke: str | None = None, title: str = "", split_table: bool = False
) -> CustomChart: ...
def scatter(table: Table, x: str, y: str, title: str = "", split_table: bool = False) -> CustomChart: ...
def bar(table: Table, label: str, value: str, title: str = "", split_table: bool = False) -> CustomChart: ...
def histogram(table: Table, value: str, title: str = "", split_table: bool = False) -> CustomChart: ...
def line_series(
    xs: Any,
    ys: Any,
    keys: Sequence[Any] | None = None,
    title: str = "",
    xname: str = "x",
    split_table: bool = False,
) -> CustomChart: ...
def pr_curve(
    y_true: _Labels = None,
    y_probas: Any = None,
    labels: _Names | None = None,
    classes_to_plot: _Labels | None = None,
    interp_size: int = 21,
    title: str = "Precision-Recall Curve",
    split_table: bool = False,
) -> CustomChart: ...
def roc_curve(
    y_true: _Labels = None,
    y_probas: Any = None,
    labels: _Names | None = None,
    classes_to_plot: _Labels | None = None,
    title: str = "ROC Curve",
    split_table: bool = False,
) -> CustomChart: ...
def confusion_matrix(
    probs: Any = None,
    y_true: _Labels = None,
    preds: _Labels | None = None,
    class_names: _Names | None = None,
    title: str = "Confusion Matrix Curve",
    split_table: bool = False,
) -> CustomChart: ...
def plot_table(
    vega_spec_name: str,
    data_table: Table,
    fields: Mapping[str, Any],
    string_fields: Mapping[str, Any] | None = None,
    split_table: bool = False,
) -> CustomChart: ...
def visualize(id: str, value: Table) -> Visualize: ...
