"""The data types under the name that some programs import them by."""

from ._audio_video import Audio, Video
from ._documents import Html, Molecule
from ._figures import Bokeh, Edge, Graph, Node, Plotly
from ._histogram import Histogram
from ._image import BoundingBoxes2D, Classes, Image, ImageMask
from ._object3d import Object3D, box3d
from ._plot import CustomChart
from ._table import JoinedTable, PartitionedTable, Table

__all__ = [
    "Audio", "Bokeh", "BoundingBoxes2D", "Classes", "CustomChart", "Edge", "Graph", "Histogram", "Html", "Image",
    "ImageMask", "JoinedTable", "Molecule", "Node", "Object3D", "PartitionedTable", "Plotly", "Table", "Video",
    "box3d",
]  # fmt: skip
