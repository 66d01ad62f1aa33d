"""Charts: `quipu.plot.line(...)` and so on."""

from ._plot import (
    CustomChart,
    Visualize,
    bar,
    confusion_matrix,
    histogram,
    line,
    line_series,
    plot_table,
    pr_curve,
    roc_curve,
    scatter,
    visualize,
)

__all__ = [
    "CustomChart", "Visualize", "bar", "confusion_matrix", "histogram", "line", "line_series", "plot_table", "pr_curve",
    "roc_curve", "scatter", "visualize",
]  # fmt: skip
