"""The data types under the name that some programs import them by."""

from ._histogram import Histogram
from ._image import Image
from ._object3d import Object3D, box3d
from ._table import Table

__all__ = ["Histogram", "Image", "Object3D", "Table", "box3d"]
