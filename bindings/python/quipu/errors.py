"""Exceptions, by W&B's names.

Every error that Quipu raises carries `code` (a number, see quipu.h) and `kind` (a stable word such as
"run_id_bad_char"). Arguments of a wrong type or value raise Python's own TypeError, ValueError, KeyError and so on,
with the same two attributes; everything else is a subclass of `QuipuError`.
"""


class QuipuError(Exception):
    """Base of Quipu's own errors."""

    code = 0
    kind = ""

    def __init__(self, message="", code=0, kind=""):
        super().__init__(message)
        self.message = message
        self.code = code
        self.kind = kind


class Error(QuipuError):
    """Something went wrong; the message says what and how to mend it."""


class UsageError(Error):
    """A call that does not fit: a forbidden name, a run that is finished."""


class ValidationError(UsageError, ValueError):
    """A setting or an argument of init() that is not allowed."""


class ConfigError(Error):
    """A config value would change without permission, or a config file cannot be used."""


class CommError(Error):
    """The server cannot be reached or refuses."""


class AuthenticationError(CommError):
    """The API key is missing or wrong."""


class NoAPIKeyError(AuthenticationError, UsageError):
    """No API key was found."""


class UnsupportedError(UsageError):
    """A part of W&B's interface that Quipu does not have."""


class DiskError(Error, OSError):
    """A file or directory cannot be read or written."""

    __str__ = Exception.__str__


class UnidentifiedImageError(Error, OSError):
    """A file is not a picture of a known format."""

    __str__ = Exception.__str__


_KINDS = {
    "not_serializable": TypeError,
    "step_not_int": TypeError,
    "log_not_dict": TypeError,
    "log_key_not_str": TypeError,
    "config_not_dict": TypeError,
    "config_wbvalue": TypeError,
    "config_file_bad_values": TypeError,
    "config_key_not_str": AttributeError,
    "config_value_changed": ConfigError,
    "config_file_missing": ConfigError,
    "config_bad_version": ConfigError,
    "summary_key_not_str": TypeError,
    "alert_bad_level": ValueError,
    "alert_bad_wait": TypeError,
    "histogram_not_finite": ValueError,
    "audio_dtype": ValueError,
    "run_finished": UsageError,
    "before_init": Error,
    "resume_must_while_active": Error,
    "resume_no_such_run": UsageError,
    "resume_not_allowed": UsageError,
    "no_api_key": NoAPIKeyError,
    "api_key_whitespace": AuthenticationError,
    "sampling_interval_too_small": UsageError,
    "sweep_id_bad": UsageError,
    "tag_empty": ValidationError,
    "tag_too_long": ValidationError,
    "branch_args_exclusive": ValidationError,
    "fork_same_run": ValidationError,
    "resume_from_other_run": ValidationError,
    "run_moment_bad": ValidationError,
    "config_include_and_exclude": UsageError,
    "image_unidentified": UnidentifiedImageError,
    "chart_misplaced": TypeError,
    "media_value": ValueError,
    "media_type": TypeError,
    "media_index": IndexError,
    "media_io": OSError,
    "media_runtime": RuntimeError,
    "media_key": KeyError,
    "media_assertion": AssertionError,
    "media_unsupported": Error,
    "media_too_large": ValueError,
    "file_not_found": FileNotFoundError,
    "artifact_object_type": TypeError,
    "artifact_name_bad": ValueError,
    "artifact_type_bad": ValueError,
}

_CODES = {
    -100: ValueError,  # argument
    -101: ValueError,  # null
    -102: ValueError,  # utf8
    -103: ValueError,  # key
    -104: ValueError,  # step
    -105: ValueError,  # shape
    -106: TypeError,  # dtype
    -107: ValueError,  # value
    -108: UsageError,  # name
    -109: ValidationError,  # setting
    -110: ValueError,  # options
    -111: ValueError,  # device
    -112: ValueError,  # too large
    -200: UsageError,  # state
    -201: UsageError,  # finished
    -202: UsageError,  # handle
    -203: UsageError,  # forked
    -204: ConfigError,
    -205: FileNotFoundError,
    -206: TimeoutError,
    -300: MemoryError,
    -400: DiskError,
    -401: DiskError,
    -402: ValueError,  # format
    -403: DiskError,
    -404: DiskError,
    -600: AuthenticationError,
    -601: NoAPIKeyError,
    -602: AuthenticationError,  # not a key
    -800: ValueError,  # encode
}


def make(kind, message, code=0, cls=None):
    """An exception of the class that W&B's users expect for this kind of failure."""
    if kind == "settings_file_percent":
        import configparser

        error = configparser.InterpolationSyntaxError("settings", "default", message)
        error.code, error.kind = code, kind
        return error
    if cls is None:
        cls = _KINDS.get(kind)
    if cls is None:
        if kind.startswith("metric_"):
            cls = Error
        elif kind.startswith("save_"):
            cls = ValueError
        else:
            cls = _CODES.get(code, CommError if -799 <= code <= -500 else Error)
    if issubclass(cls, QuipuError):
        return cls(message, code, kind)
    error = cls(message)
    error.code, error.kind = code, kind
    return error
