"""Settings as an object with attributes, as W&B's users pass and read them."""

from . import errors


class Settings:
    """Settings by name: `Settings(project="p", console="off")`.

    Names and values are checked by init() or setup(), where they are used. Reading a setting that was not given here
    raises AttributeError; `run.settings` has all of them.
    """

    def __init__(self, **settings):
        object.__setattr__(self, "_values", settings)
        object.__setattr__(self, "_frozen", False)

    @classmethod
    def _of_run(cls, values):
        settings = cls(**values)
        object.__setattr__(settings, "_frozen", True)
        return settings

    def __getattr__(self, name):
        values = object.__getattribute__(self, "_values")
        for alias in (name, "x" + name if name.startswith("_") else "_" + name):
            if alias in values:
                value = values[alias]
                return tuple(value) if name == "run_tags" and isinstance(value, list) else value
        raise errors.make("missing_attribute", f"Settings has no setting {name!r}", cls=AttributeError)

    def __setattr__(self, name, value):
        if self._frozen:
            raise errors.make("no_setter", "the settings of a run cannot be changed", cls=AttributeError)
        self._values[name] = value

    def __iter__(self):
        return iter(self._values.items())

    def __contains__(self, name):
        return name in self._values

    def __eq__(self, other):
        return isinstance(other, Settings) and self._values == other._values

    __hash__ = None

    def get(self, name, default=None):
        return getattr(self, name, default)

    def keys(self):
        return self._values.keys()

    def __getitem__(self, name):
        try:
            return getattr(self, name)
        except AttributeError:
            raise KeyError(name) from None

    def __dir__(self):
        return [*super().__dir__(), *self._values]

    def __repr__(self):
        return "Settings(" + ", ".join(f"{k}={v!r}" for k, v in self._values.items()) + ")"


def as_dict(settings):
    """A plain dictionary from None, a mapping or Settings; x_ names for those with a leading underscore."""
    if settings is None:
        return {}
    if isinstance(settings, Settings):
        values = dict(settings._values)
    elif hasattr(settings, "keys"):
        values = {name: settings[name] for name in settings.keys()}
    else:
        raise errors.make(
            "setting_not_dict", "settings must be a dictionary or a Settings object", -109, errors.ValidationError
        )
    return {name: value for name, value in values.items() if value is not None}
