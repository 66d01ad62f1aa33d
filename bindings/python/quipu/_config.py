"""`run.config`: what the program was started with."""

import json

from . import _convert, _ffi, errors


def members(params):
    """The members of a dictionary, a namespace, or another object with attributes."""
    if params is None:
        return {}
    if hasattr(params, "keys") and hasattr(params, "__getitem__"):
        return {key: params[key] for key in params.keys()}
    if hasattr(params, "flag_values_dict"):  # absl
        return params.flag_values_dict()
    if hasattr(params, "__dict__") and not isinstance(params, (type, list, tuple, str)):
        return dict(vars(params))
    raise errors.make(
        "config_not_dict", f"the config must be a dictionary or an object with attributes, not {type(params).__name__}",
        _ffi.ERROR_VALUE,
    )  # fmt: skip


def encode(params):
    """A config as JSON text. Dashes at the ends of a key go, so that `--lr` is `lr`."""
    converter = _convert.Config()
    plain = {}
    for key, value in members(params).items():
        plain[clean(key)] = converter.convert(value)
    return _convert.text(plain)


def clean(key):
    if not isinstance(key, str):
        raise errors.make(
            "config_key_not_str", f"keys of the config must be text, not {type(key).__name__}", _ffi.ERROR_VALUE
        )
    return key.strip("-")


class Config:
    """Config values, by item and by attribute.

    A new key may always be set. A key that has a value may get another one only through
    `update(..., allow_val_change=True)`, or when init() was called with `allow_val_change=True`.
    """

    def __init__(self, run, allow_change=False):
        object.__setattr__(self, "_run", run)
        object.__setattr__(self, "_allow", allow_change)
        object.__setattr__(self, "_data", {})
        self._refresh()

    def _refresh(self):
        status, text, error = _ffi.call_text(_ffi.lib.quipu_run_config_json, self._run._handle)
        if self._run._check(status, error):
            object.__setattr__(self, "_data", json.loads(text))

    def _apply(self, params, function, *arguments):
        """One change in the library, then the refreshed copy."""
        run = self._run
        if run._finished:
            # As with W&B the change is refused, yet the program's own copy shows it.
            self._data.update(json.loads(encode(params)))
            raise run._finished_error("config")
        status, error = _ffi.call(function, run._handle, _ffi.string(encode(params)), *arguments)
        if run._check(status, error):
            self._refresh()

    def update(self, d, allow_val_change=None):
        """Adds or changes values; all of them or none."""
        allow = self._allow if allow_val_change is None else allow_val_change
        self._apply(d, _ffi.lib.quipu_run_config_update, 1 if allow else 0)

    def setdefaults(self, d):
        """Adds only the keys that are missing."""
        self._apply(d, _ffi.lib.quipu_run_config_set_defaults)

    def update_locked(self, d, user=None, _allow_val_change=None):
        """Adds values that later calls cannot change."""
        self._apply(d, _ffi.lib.quipu_run_config_lock, _ffi.cstring(user or "user"))

    def _get(self, key):
        return self._data[key]

    def __getitem__(self, key):
        try:
            return self._data[key]
        except KeyError:
            error = KeyError(key)
            error.code, error.kind = _ffi.ERROR_NOT_FOUND, "missing_key"
            raise error from None

    def __setitem__(self, key, value):
        self.update({key: value})

    def __getattr__(self, name):
        try:
            return object.__getattribute__(self, "_data")[name]
        except KeyError:
            raise errors.make(
                "missing_attribute", f"the config has no value {name!r}", _ffi.ERROR_NOT_FOUND, AttributeError
            ) from None

    def __setattr__(self, name, value):
        self.update({name: value})

    def __delitem__(self, key):
        raise errors.make("config_no_delete", "values of the config cannot be deleted", -200, TypeError)

    __delattr__ = __delitem__

    def __contains__(self, key):
        return key in self._data

    def get(self, key, default=None):
        return self._data.get(key, default)

    def keys(self):
        """Keys, without those that begin with an underscore."""
        return [key for key in self._data if not key.startswith("_")]

    def values(self):
        return [self._data[key] for key in self.keys()]

    def items(self):
        return [(key, self._data[key]) for key in self.keys()]

    def __iter__(self):
        return iter(self.keys())

    def __len__(self):
        return len(self.keys())

    def __eq__(self, other):
        if isinstance(other, Config):
            return self._data == other._data
        return self.as_dict() == other if isinstance(other, dict) else NotImplemented

    __hash__ = None

    def as_dict(self):
        """A copy as a plain dictionary."""
        return json.loads(json.dumps(self._data))

    _as_dict = as_dict

    def __dir__(self):
        return [*super().__dir__(), *self._data]

    def __repr__(self):
        return repr({key: self._data[key] for key in self.keys()})

    def __reduce__(self):
        return dict, (self.as_dict(),)


class StaticConfig:
    """A read-only view of a config."""

    def __init__(self, config):
        object.__setattr__(self, "_config", config)

    def __getattr__(self, name):
        return getattr(object.__getattribute__(self, "_config"), name)

    def __getitem__(self, key):
        return self._config[key]

    def __contains__(self, key):
        return key in self._config

    def __iter__(self):
        return iter(self._config)

    def __len__(self):
        return len(self._config)

    def keys(self):
        return self._config.keys()

    def __setattr__(self, name, value):
        raise errors.make("config_readonly", "config_static is a read-only view; set run.config", -200, AttributeError)

    __setitem__ = __setattr__
    update = setdefaults = __setattr__

    def __repr__(self):
        return repr(self._config)
