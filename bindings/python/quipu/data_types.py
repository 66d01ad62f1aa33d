"""The data types under the name that some programs import them by."""

from ._media import Histogram, Image, Object3D, box3d
from ._table import Table

__all__ = ["Histogram", "Image", "Object3D", "Table", "box3d"]
