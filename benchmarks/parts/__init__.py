"""The questions, in the order of the table. Each module has `measure(result)`."""

ORDER = (
    "calls", "disk", "rows", "start", "memory", "size", "histogram", "image", "table", "points", "video", "charts", "kill",
    "online",
)  # fmt: skip
