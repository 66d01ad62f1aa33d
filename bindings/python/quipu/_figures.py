"""Figures of plotting libraries, and network graphs.

Nothing here imports a plotting library for its own sake: whoever passes a figure has imported it. Only a matplotlib
figure is offered to Plotly's converter, if Plotly is there.
"""

import os
import sys
import types

from . import _arrays, _convert, _ffi
from ._handle import Handle, new, refuse

_lib = _ffi.lib


def is_figure(value):
    """Whether log() takes the value as a figure: of Plotly or matplotlib, or matplotlib.pyplot itself."""
    if isinstance(value, types.ModuleType):
        return value.__name__ == "matplotlib.pyplot"
    module = _arrays.module_of(value)
    if module == "matplotlib":
        return hasattr(value, "savefig") or hasattr(value, "get_figure")
    return module == "plotly" and hasattr(value, "to_plotly_json")


def medium(value):
    """What a figure in a row becomes: a Plotly medium, or a picture where Plotly cannot show it."""
    if _arrays.module_of(value) == "plotly":
        return Plotly(value)
    figure = _drawn(value)
    converted = None if any(axes.images for axes in figure.axes) else _converted(figure)
    if converted is not None:
        return Plotly(converted)
    from ._image import Image

    return Image(figure)


def matplotlib_figure(value):
    """The figure of matplotlib.pyplot, of axes or of another part of a figure; a figure is its own."""
    if isinstance(value, types.ModuleType):
        value = value.gcf()
    elif not hasattr(value, "savefig"):
        part = value
        value = value.get_figure()
        while value is not None and not hasattr(value, "savefig"):  # a figure inside a figure
            value = value.get_figure()
        if value is None:
            raise refuse("figure_missing", f"this {type(part).__name__} belongs to no figure; pass the figure")
    return value


def _drawn(value):
    """The figure of a value, which must have something in it."""
    figure = matplotlib_figure(value)
    if not figure.axes:
        raise refuse("figure_empty", "the figure has no axes: pass the figure itself, or log before it is closed")
    return figure


def _converted(figure):
    """A matplotlib figure as Plotly's; None where Plotly is not there or cannot."""
    import warnings

    try:
        from plotly.tools import mpl_to_plotly

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return mpl_to_plotly(figure)
    except Exception:  # noqa: BLE001 - a picture shows every figure
        return None


class Plotly(Handle):
    """A Plotly figure.

    Args:
      val: a Plotly figure, its JSON as a dictionary, or a matplotlib figure that Plotly can show.
    """

    def __init__(self, val):
        super().__init__(None)
        self._media = new(_lib.quipu_plotly_new, _ffi.string(self._text(val)))

    @staticmethod
    def _text(val):
        if is_figure(val) and _arrays.module_of(val) != "plotly":
            val = _converted(_drawn(val))
        if hasattr(val, "to_plotly_json") and hasattr(val, "to_json"):
            return val.to_json()
        if isinstance(val, dict) and isinstance(val.get("data"), (list, tuple)):
            return _convert.text(_Plain().convert(val))
        raise refuse(
            "plotly_not_figure",
            f"val must be a Plotly figure, or a matplotlib figure that Plotly can show, not {type(val).__name__}",
        )

    @classmethod
    def make_plot_media(cls, val):
        """A medium for a Plotly or matplotlib figure: a Plotly figure, or a picture."""
        return medium(val) if is_figure(val) else cls(val)

    def __repr__(self):
        return "<quipu Plotly>"


class _Plain(_convert.Row):
    """Arrays as lists, whatever their size."""

    def array(self, value, depth, in_list):
        value = _arrays.host(value)
        items = value.tolist() if hasattr(value, "tolist") else list(value)
        if isinstance(items, list):
            return self.sequence(items, depth, True)
        return self.value(items, depth + 1, in_list)


class Bokeh(Handle):
    """A Bokeh document.

    Args:
      data_or_path: a Bokeh figure, layout or document, or the path of a file with its JSON.
    """

    def __init__(self, data_or_path):
        super().__init__(None)
        if isinstance(data_or_path, (str, os.PathLike)):
            self._media = new(_lib.quipu_bokeh_open, _ffi.path_bytes(data_or_path))
            return
        if _arrays.module_of(data_or_path) != "bokeh":
            raise refuse(
                "bokeh_not_document",
                f"data_or_path must be a Bokeh figure, a document or a path, not {type(data_or_path).__name__}",
                TypeError,
            )
        content = self._content(data_or_path)
        self._media = new(_lib.quipu_bokeh_new, _ffi.string(_convert.text(content)))

    @staticmethod
    def _content(value):
        if hasattr(value, "add_root"):
            return value.to_json(deferred=False)
        if not hasattr(value, "document"):
            raise refuse(
                "bokeh_not_document", f"a {type(value).__name__} of Bokeh is no figure, layout or document", TypeError
            )
        if value.document is not None:
            return value.document.to_json(deferred=False)
        document = sys.modules["bokeh.document"].Document()
        document.add_root(value)
        try:
            return document.to_json(deferred=False)
        finally:
            document.remove_root(value)  # so that it may join another document

    def __repr__(self):
        return "<quipu Bokeh>"


class Node:
    """A node of a Graph: any of the members that add_node() takes."""

    MEMBERS = ("id", "class_name", "size", "parameters", "output_shape", "is_output", "num_parameters")

    def __init__(self, name=None, **members):
        unknown = set(members) - set(self.MEMBERS)
        if unknown:
            raise refuse("graph_bad_node", f"a node has no member {sorted(unknown)[0]!r}", TypeError)
        self.name = name
        for member in self.MEMBERS:
            setattr(self, member, members.get(member))

    def _json(self):
        given = {member: getattr(self, member) for member in self.MEMBERS}
        return {"name": self.name, **{member: value for member, value in given.items() if value is not None}}

    def __repr__(self):
        return f"<quipu Node {self.id!r} {self.name!r}>"


class Edge:
    """A connection of two nodes."""

    def __init__(self, from_node, to_node):
        self.from_node, self.to_node = from_node, to_node


class Graph(_convert.Media):
    """A network graph. Nodes and edges may be added until it is logged."""

    def __init__(self, format="keras"):
        self.format = format
        self.nodes = []
        self.nodes_by_id = {}
        self.edges = []
        self._media = None

    def __getitem__(self, id):
        return self.nodes_by_id[id]

    def add_node(self, node=None, **members):
        """Adds a node and returns it: a Node, or its members (id, name, class_name, size, parameters, output_shape,
        is_output, num_parameters)."""
        if node is None:
            node = Node(**members)
        elif not isinstance(node, Node):
            raise refuse("graph_bad_node", f"node must be a Node, not {type(node).__name__}", TypeError)
        self.nodes.append(node)
        self.nodes_by_id[node.id] = node
        return node

    def add_edge(self, from_node, to_node):
        """Connects two nodes of the graph, given as such or by their ids."""
        ends = [end if isinstance(end, Node) else self._node(end) for end in (from_node, to_node)]
        edge = Edge(*ends)
        self.edges.append(edge)
        return edge

    def _node(self, id):
        if id not in self.nodes_by_id:
            raise refuse("graph_no_node", f"there is no node with the id {id!r}", KeyError)
        return self.nodes_by_id[id]

    @classmethod
    def from_keras(cls, model):
        """The layers of a Keras model and how they feed each other."""
        if not hasattr(model, "layers"):
            raise refuse("graph_not_keras", f"model must be a Keras model, not {type(model).__name__}", TypeError)
        graph = cls("keras")
        before = None
        for layer in model.layers:
            output = getattr(layer, "output", None)
            shape = getattr(layer, "output_shape", None) or getattr(output, "shape", None)
            count = layer.count_params() if getattr(layer, "built", True) and hasattr(layer, "count_params") else None
            node = graph.add_node(
                id=layer.name, name=layer.name, class_name=type(layer).__name__, num_parameters=count,
                output_shape=list(shape) if shape is not None else None,
            )  # fmt: skip
            sources = _keras_sources(layer)
            if sources is None:  # a model that is a plain sequence
                sources = [before.id] if before is not None else []
            for source in sources:
                if source in graph.nodes_by_id:
                    graph.add_edge(source, node)
            before = node
        return graph

    def _handle(self):
        if self._media is None:
            content = {
                "format": self.format,
                "nodes": [node._json() for node in self.nodes],
                "edges": [[edge.from_node.id, edge.to_node.id] for edge in self.edges],
            }
            self._media = new(_lib.quipu_graph_new, _ffi.string(_convert.text(_Plain().convert(content))))
        return self._media

    def __del__(self):
        handle = self.__dict__.pop("_media", None)
        if handle:
            _lib.quipu_media_free(handle)

    def __reduce__(self):
        raise TypeError("a Graph cannot be pickled; make it in the process that logs it")

    def __repr__(self):
        return f"<quipu Graph {len(self.nodes)} nodes, {len(self.edges)} edges>"


def _keras_sources(layer):
    """Names of the layers that feed this one; None where the model does not say."""
    nodes = getattr(layer, "_inbound_nodes", None)
    if not nodes:
        return None
    names = []
    for node in nodes:
        sources = getattr(node, "parent_nodes", None)
        found = [parent.operation for parent in sources] if sources is not None else None
        if found is None:
            found = getattr(node, "inbound_layers", [])
            found = found if isinstance(found, (list, tuple)) else [found]
        names.extend(source.name for source in found if source.name not in names)
    return names
