"""`run.summary`: one value per metric, the last one unless a definition says otherwise."""

import json
import math

from . import _convert, _ffi, _terminal, errors

_READ_WAIT_MS = 60_000


class Summary:
    """The summary or a part of it, by item and by attribute. Reading waits until everything logged has arrived."""

    def __init__(self, run, path=()):
        object.__setattr__(self, "_run", run)
        object.__setattr__(self, "_path", path)

    def _tree(self):
        """The current values at this path."""
        run = self._run
        if run._finished:
            _terminal.warn("summary_of_finished_run", "the summary cannot be read after finish()", run._id)
            return {}
        status, text, error = _ffi.call_text(_ffi.lib.quipu_run_summary_json, run._handle, _READ_WAIT_MS)
        if not run._check(status, error):
            return {}
        node = json.loads(text)
        for key in self._path:
            node = node.get(key) if isinstance(node, dict) else None
        return node if isinstance(node, dict) else {}

    def _node(self, key, value):
        return Summary(self._run, (*self._path, key)) if isinstance(value, dict) else value

    def __getitem__(self, key):
        tree = self._tree()
        if key not in tree:
            error = KeyError(key)
            error.code, error.kind = _ffi.ERROR_NOT_FOUND, "missing_key"
            raise error
        return self._node(key, tree[key])

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError:
            raise errors.make(
                "missing_attribute", f"the summary has no value {name!r}", _ffi.ERROR_NOT_FOUND, AttributeError
            ) from None

    def __setitem__(self, key, value):
        run = self._run
        if run._finished:
            raise run._finished_error("summary")
        if not isinstance(key, str):
            raise errors.make("summary_key_not_str", f"summary keys must be text, not {type(key).__name__}", -103)
        if isinstance(value, Summary):
            value = value._as_dict()
        converter = _convert.Summary()
        plain = converter.convert(value)
        if isinstance(plain, float) and math.isnan(plain):
            plain = None
        path = (*self._path, key)
        status, error = _ffi.call(
            _ffi.lib.quipu_run_summary_set,
            run._handle,
            _ffi.strings(path),
            len(path),
            _ffi.string(_convert.text(plain)),
            _ffi.handles(converter.media),
            len(converter.media),
        )
        run._check(status, error)

    def __setattr__(self, name, value):
        self[name] = value

    def __delitem__(self, key):
        run = self._run
        if run._finished:
            raise run._finished_error("summary")
        path = (*self._path, key)
        status, error = _ffi.call(_ffi.lib.quipu_run_summary_remove, run._handle, _ffi.strings(path), len(path))
        run._check(status, error)

    def __delattr__(self, name):
        del self[name]

    def update(self, d):
        """Sets several values."""
        for key in list(d.keys()) if hasattr(d, "keys") else [key for key, _ in d]:
            self[key] = d[key] if hasattr(d, "keys") else dict(d)[key]

    def get(self, key, default=None):
        tree = self._tree()
        return self._node(key, tree[key]) if key in tree else default

    def keys(self):
        return [key for key in self._tree() if key != "_wandb"]

    def items(self):
        return [(key, self._node(key, value)) for key, value in self._tree().items() if key != "_wandb"]

    def values(self):
        return [value for _, value in self.items()]

    def __iter__(self):
        return iter(self.keys())

    def __len__(self):
        return len(self.keys())

    def __contains__(self, key):
        return key in self._tree()

    def _as_dict(self):
        return self._tree()

    def __repr__(self):
        return repr({key: value for key, value in self._tree().items() if key != "_wandb"})


class DisabledSummary(dict):
    """The summary of a disabled run: a dictionary with attribute access."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise errors.make("missing_attribute", f"the summary has no value {name!r}", -205, AttributeError) from None

    def __setattr__(self, name, value):
        self[name] = value

    def __missing__(self, key):
        error = KeyError(key)
        error.code, error.kind = _ffi.ERROR_NOT_FOUND, "missing_key"
        raise error

    def __delitem__(self, key):
        self.pop(key, None)
