"""Artifact: files and media under one name, versioned by the server."""

import contextlib
import io
import json
import os

from . import _convert, _ffi, errors

_lib = _ffi.lib
_OVERWRITE, _NO_COPY = 1, 2


def _check(status, error):
    if status != _ffi.OK:
        code, kind, message = _ffi.take_error(error, status)
        raise errors.make(kind, message, code)


class ArtifactEntry:
    """A file of an artifact."""

    __slots__ = ("digest", "path", "ref", "size")

    def __init__(self, path, digest=None, size=None, ref=None):
        self.path, self.digest, self.size, self.ref = path, digest, size, ref

    def __repr__(self):
        return f"<quipu ArtifactEntry {self.path!r}>"


class Artifact:
    """Files and media under one name. Fill it, then hand it to `run.log_artifact()`; afterwards it cannot be changed.

    Args:
      name: of letters, digits, `-`, `_` and `.`, at most 128.
      type: such as "dataset" or "model".
      description: shown on its page.
      metadata: a dictionary of at most 100 members.
    """

    def __init__(self, name, type, description=None, metadata=None, incremental=False, use_as=None):
        if incremental or use_as is not None:
            from . import _terminal

            _terminal.warn_once("artifact_arguments", "Artifact(incremental=..., use_as=...) have no effect here")
        if metadata is not None and not isinstance(metadata, dict):
            raise errors.make("artifact_metadata_bad", "metadata must be a dictionary", -107, TypeError)
        self._name, self._type = str(name), str(type)
        self._description = description
        self._metadata = dict(metadata or {})
        self._keep = []
        self._logged = False
        self._artifact = None
        options = _ffi.struct_of(_ffi.ArtifactOptions)
        options.description = _ffi.cstring(description)
        text = _convert.text(_convert.Row().convert(self._metadata)) if self._metadata else None
        options.metadata_json = _ffi.string(text)
        status, handle, error = _ffi.new_handle(
            _lib.quipu_artifact_new, _ffi.cstring(self._name), _ffi.cstring(self._type), _ffi.reference(options)
        )
        _check(status, error)
        self._artifact = handle

    @property
    def name(self):
        return self._name

    @property
    def type(self):
        return self._type

    @property
    def description(self):
        return self._description

    @property
    def metadata(self):
        return dict(self._metadata)

    def _call(self, function, *arguments):
        status, error = _ffi.call(function, self._artifact, *arguments)
        _check(status, error)

    def add(self, obj, name, overwrite=False):
        """Adds a medium: its JSON under `name`, and the files that it needs. Returns the entry."""
        medium = obj._for_artifact() if hasattr(obj, "_for_artifact") else obj
        if not isinstance(medium, _convert.Media):
            raise errors.make(
                "artifact_object_type",
                f"a {type(obj).__name__} cannot be put into an artifact; pass an image, audio, video, html, point cloud, "
                "molecule, bokeh, table or classes",
                -107,
                TypeError,
            )
        medium._check_storable()
        status, path, error = _ffi.call_text(
            _lib.quipu_artifact_add_media, self._artifact, medium._handle(), _ffi.cstring(str(name)), int(bool(overwrite))
        )
        _check(status, error)
        self._keep.append(obj)
        return ArtifactEntry(path)

    def add_file(self, local_path, name=None, is_tmp=False, skip_cache=False, policy="mutable", overwrite=False):
        """Adds a file; `policy="immutable"` uploads it from where it is instead of from a copy."""
        path = os.fspath(local_path)
        if not os.path.isfile(path):
            raise errors.make("file_not_found", f"local_path: {path} is not a file", -205, ValueError)
        name = os.path.basename(path) if name is None else str(name)
        flags = (_OVERWRITE if overwrite else 0) | (_NO_COPY if policy == "immutable" else 0)
        self._call(_lib.quipu_artifact_add_file, _ffi.path_bytes(path), _ffi.cstring(name), flags)
        return ArtifactEntry(name)

    def add_dir(self, local_path, name=None, skip_cache=False, policy="mutable", merge=False):
        """Adds all files below a directory."""
        path = os.fspath(local_path)
        if not os.path.isdir(path):
            raise errors.make("file_not_found", f"local_path: {path} is not a directory", -205, ValueError)
        flags = _OVERWRITE | (_NO_COPY if policy == "immutable" else 0)
        self._call(
            _lib.quipu_artifact_add_directory,
            _ffi.path_bytes(path),
            _ffi.cstring(None if name is None else str(name)),
            flags,
        )

    @contextlib.contextmanager
    def new_file(self, name, mode="x", encoding=None):
        """A file object whose content becomes the file `name` of the artifact when the block ends without an error."""
        content = io.BytesIO()
        file = content if "b" in mode else io.TextIOWrapper(content, encoding=encoding or "utf-8", newline="")
        yield file
        file.flush()
        data = content.getvalue()
        flags = _OVERWRITE if "w" in mode else 0
        self._call(_lib.quipu_artifact_add_bytes, _ffi.string(data), _ffi.cstring(str(name)), flags)

    def add_reference(self, uri, name=None, checksum=True, max_objects=None):
        """Adds an object that stays where it is, by its address. Returns the entry's path."""
        self._call(
            _lib.quipu_artifact_add_reference,
            _ffi.cstring(str(uri)),
            _ffi.cstring(None if name is None else str(name)),
            None if checksum else _ffi.cstring(str(uri)),
            0,
        )

    def _content(self):
        status, text, error = _ffi.call_text(_lib.quipu_artifact_json, self._artifact)
        _check(status, error)
        return json.loads(text)

    @property
    def digest(self):
        """The digest of everything in it. Waits until its media are encoded."""
        return self._content()["digest"]

    @property
    def size(self):
        """Bytes of all files. Waits until its media are encoded."""
        return sum(entry["size"] for entry in self._content()["entries"])

    @property
    def entries(self):
        """The files by path. Waits until media are encoded."""
        return {
            entry["path"]: ArtifactEntry(entry["path"], entry["digest"], entry["size"], entry.get("ref"))
            for entry in self._content()["entries"]
        }

    def log(self, run, aliases, tags):
        """What `run.log_artifact()` calls."""
        aliases, tags = ([part] if isinstance(part, str) else list(part or ()) for part in (aliases, tags))
        status, error = _ffi.call(
            _lib.quipu_run_log_artifact,
            run,
            self._artifact,
            _ffi.strings([str(alias) for alias in aliases]),
            len(aliases),
            _ffi.strings([str(tag) for tag in tags]),
            len(tags),
        )
        _check(status, error)
        self._logged = True
        self._keep.clear()

    def __del__(self):
        handle = self.__dict__.get("_artifact")
        if handle:
            _lib.quipu_artifact_free(handle)

    def __reduce__(self):
        raise TypeError("an Artifact cannot be pickled; make it in the process that logs it")

    def __repr__(self):
        return f"<quipu Artifact {self._name!r} of type {self._type!r}>"


def make(artifact_or_path, name, type, run_id):
    """An artifact, made of a file or directory where a path is given."""
    if isinstance(artifact_or_path, Artifact):
        return artifact_or_path
    path = os.fspath(artifact_or_path)
    if name is None:
        base = "".join(letter for letter in os.path.basename(os.path.normpath(path)) if letter.isalnum() or letter in "-_.")
        name = f"run-{run_id}-{base}"
    artifact = Artifact(name, type or "unspecified")
    if os.path.isdir(path):
        artifact.add_dir(path)
    elif "://" in path:
        artifact.add_reference(path)
    else:
        artifact.add_file(path)
    return artifact
