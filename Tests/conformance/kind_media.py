"""Data types: each case is one run; its rows, files and artifacts are compared with the recorded ones.

Pictures and archives are compared by what they hold, since encoders differ; then their own names, digests and sizes
take the place of the recorded ones before values that name them are compared.
"""

import base64
import collections
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import logreader
from outcome import Fold
from values import differences

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
Case = collections.namedtuple("Case", "name path skip")

# What this version does not build: constructors, tags, arguments.
_MISSING = (
)
_PACKAGES = {
    "$torch": "torch",
    "$dataframe": "pandas",
    "$pil": "PIL",
    "$plotly": "plotly",
    "$mplfig": "matplotlib",
    "$bokeh": "bokeh",
}
# Files whose bytes are a plotting library's: the value's structure is compared, and that the file can be read.
_FIGURES = ("bokeh", "matplotlib", "plotly")
_PICTURES = (".png", ".bmp", ".jpg", ".jpeg", ".gif")
# The parts of the config's `_wandb` that media write.
_CONFIG = ("mask/class_labels", "bounding_box/class_labels", "visualize", "viz")
_POLICIES = {0: "NOW", 1: "END", 2: "LIVE"}
_TYPES = {0: "OTHER", 1: "WANDB", 2: "MEDIA", 3: "ARTIFACT"}


def _available(package):
    import importlib.util

    return importlib.util.find_spec(package) is not None


def _walk(x):
    if isinstance(x, dict):
        yield x
        for value in x.values():
            yield from _walk(value)
    elif isinstance(x, list):
        for value in x:
            yield from _walk(value)


def _reason_to_skip(spec):
    for node in _walk(spec["script"]):
        words = {str(node.get("$new", "")).removesuffix("()"), *node, *node.get("kwargs", {})}
        for missing in _MISSING:
            if any(word == missing or word.startswith(missing + ".") for word in words):
                return f"{missing}: not part of this version"
        for tag, package in _PACKAGES.items():
            if tag in node and not _available(package):
                return f"{package} is not installed"
    return None


def cases(directory):
    found = []
    for group in sorted(os.listdir(directory)):
        folder = os.path.join(directory, group)
        if not os.path.isdir(folder):
            continue
        if os.path.exists(os.path.join(folder, "cases.json")):
            found.extend(_histogram_cases(group, folder))
            continue
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name)
            if not os.path.exists(os.path.join(path, "case.json")):
                continue
            with open(os.path.join(path, "case.json"), encoding="utf-8") as file:
                spec = json.load(file)
            skip = _reason_to_skip(spec)
            if skip is None and spec.get("compare") == "informative" and group not in _FIGURES:
                skip = "informative: depends on platform or library"
            if skip is None and not _available("numpy"):
                skip = "numpy is not installed"
            found.append(Case(f"{group}/{name}", path, skip))
    return found


def run(case):
    if case.skip:
        return "skipped", case.skip
    if isinstance(case.path, tuple):
        return _run_histogram(case)
    top = tempfile.mkdtemp(prefix="quipu-media-")
    try:
        return _run(case, top)
    finally:
        shutil.rmtree(top, ignore_errors=True)


def _child(top, script, *arguments):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("WANDB_", "QUIPU_"))}
    for name in ("QUIPU_LIBRARY",):
        if name in os.environ:
            environment[name] = os.environ[name]
    environment.update(
        HOME=top,
        TMPDIR=top,
        PYTHONPATH=os.pathsep.join([HERE, os.path.join(ROOT, "bindings", "python")]),
        PYTHONDONTWRITEBYTECODE="1",
    )
    process = subprocess.run(
        [sys.executable, os.path.join(HERE, script), *arguments],
        cwd=top, env=environment, capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    return process.returncode, process.stderr.decode("utf-8", "replace")


def _run(case, top):
    with open(os.path.join(case.path, "case.json"), encoding="utf-8") as file:
        spec = json.load(file)
    with open(os.path.join(case.path, "expected.json"), encoding="utf-8") as file:
        expected = json.load(file)
    out = os.path.join(top, "out.json")
    status, stderr = _child(top, "mediacase.py", case.path, out)
    if status != 0 or not os.path.exists(out):
        return "failed", [f"exit status {status}: {stderr[-500:]}"]
    with open(out, encoding="utf-8") as file:
        got = json.load(file)
    problems = list(_errors(expected["error"], got["error"]))
    fold = Fold(logreader.records(got["log"]))
    problems += fold.problems
    compare = "figure" if case.name.startswith(_FIGURES) else spec.get("compare")
    comparison = Comparison(case.path, got["dir"], fold, compare)
    problems += comparison.run(expected)
    return ("failed", problems) if problems else ("passed", [])


def _errors(expected, got):
    if (expected is None) != (got is None):
        yield f"/error: expected {expected}, got {got}"
    elif expected is not None:
        if expected["statement"] != got["statement"]:
            yield f"/error/statement: expected {expected['statement']}, got {got['statement']}: {got['message']}"
        elif expected["type"] not in got["types"]:
            yield f"/error/type: expected {expected['type']}, got {got['types'][0]}: {got['message']}"


def _read(path):
    with open(path, "rb") as file:
        return file.read()


def _files_below(directory):
    found = []
    for folder, _, names in os.walk(directory):
        for name in names:
            found.append(os.path.relpath(os.path.join(folder, name), directory))
    return sorted(found)


def _picture(data):
    """What a picture file shows; of an animation its frames, their times and its loops."""
    import io

    from PIL import Image

    image = Image.open(io.BytesIO(data))
    if getattr(image, "is_animated", False):
        frames = []
        for number in range(image.n_frames):
            image.seek(number)
            frames.append((image.info.get("duration"), image.convert("RGB").tobytes()))
        return image.format, image.info.get("loop"), image.size, frames
    return image.format, image.mode, image.size, image.tobytes()


def _archive(data):
    import io

    import numpy

    with numpy.load(io.BytesIO(data)) as archive:
        return {name: (str(archive[name].dtype), archive[name].shape, archive[name].tobytes()) for name in archive}


class Comparison:
    """One case's rows, files and artifacts. `swap` holds the pairs (own text, recorded text) of digests and names of
    files that differ in bytes but not in content."""

    def __init__(self, case, directory, fold, compare):
        self.case = case
        self.directory = directory
        self.fold = fold
        self.compare = compare
        self.swap = {}
        self.sizes = {}
        self.problems = []

    def run(self, expected):
        self._files(expected)
        self._artifact_files(expected)
        got = {
            "history": self.fold.rows,
            "summary": self._summary(),
            "config_wandb": {key: self.fold.client_config[key] for key in _CONFIG if key in self.fold.client_config},
            "files_record": [
                {
                    "path": item["path"],
                    "policy": _POLICIES[item.get("policy", 0)],
                    "type": _TYPES[item.get("type", 0)],
                }
                for item in self.fold.files
                if item["path"].startswith("media/")
            ],
        }
        got = self._swapped(json.loads(json.dumps(got)))
        wanted = {key: expected[key] for key in got}
        _settle(wanted["summary"], got["summary"])
        self.problems += list(differences(_finite(wanted), _finite(got)))
        return self.problems

    def _summary(self):
        tree = self.fold.summary_tree
        from outcome import _plain

        tree = _plain(tree)
        if self.fold.rows:
            tree["_step"] = self.fold.rows[-1]["_step"]
        return {key: value for key, value in tree.items() if key not in ("_timestamp", "_runtime", "_wandb")}

    # -- files of the run

    def _files(self, expected):
        mine = [path for path in _files_below(self.directory) if path.startswith("media/")]
        wanted = [entry["path"] for entry in expected["files"]]
        left = list(mine)
        for path in wanted:
            recorded = _read(os.path.join(self.case, "files", path))
            if path in left and _read(os.path.join(self.directory, path)) == recorded:
                left.remove(path)
                continue
            match = self._same_content(path, recorded, left)
            if match is None:
                self.problems.append(f"/files: {path} is missing or differs; left: {left[:4]}")
            else:
                left.remove(match)
        if left:
            self.problems.append(f"/files: too many: {left}")
        for path in mine:
            data = _read(os.path.join(self.directory, path))
            digest = re.search(r"_([0-9a-f]{20})\.", os.path.basename(path))
            if digest and not hashlib.sha256(data).hexdigest().startswith(digest.group(1)):
                self.problems.append(f"/files: the name of {path} is not its digest")

    def _same_content(self, path, recorded, candidates):
        """One of our files with another name that holds the same."""
        shape = re.sub(r"[0-9a-f]{20}", "*", path)
        for candidate in candidates:
            if re.sub(r"[0-9a-f]{20}", "*", candidate) != shape:
                continue
            data = _read(os.path.join(self.directory, candidate))
            if self._equal(path, recorded, data):
                self._remember(recorded, data)
                return candidate
        return None

    def _equal(self, path, recorded, data):
        if recorded == data:
            return True
        if self.compare == "figure":
            return _picture(data)[2] == _picture(recorded)[2] if path.endswith(_PICTURES) else _same_members(
                json.loads(recorded), json.loads(data)
            )
        if path.endswith(_PICTURES):
            return self._same_picture(path, recorded, data)
        if path.endswith(".npz"):
            return _archive(recorded) == _archive(data)
        if path.endswith(".json"):
            one, other = json.loads(recorded), self._swapped(json.loads(data))
            if self.compare == "numeric":
                return _close(one, other)
            return path.startswith("media/table") is False and not list(differences(_sets(one), _sets(other)))
        return False

    def _same_picture(self, path, recorded, data):
        try:
            mine = _picture(data)
        except (OSError, SyntaxError, ValueError) as error:
            self.problems.append(f"/files/{path}: our picture cannot be decoded: {error}")
            return False
        recorded = _picture(recorded)
        if self.compare == "lossy" and recorded[0] == "JPEG":
            # Two encoders of one quality: the same picture but for rounding.
            differences = [abs(a - b) for a, b in zip(recorded[3], mine[3])]
            return recorded[:3] == mine[:3] and sum(differences) <= 2 * len(differences) and max(differences) <= 16
        return recorded == mine

    def _remember(self, recorded, data):
        mine, theirs = hashlib.sha256(data).hexdigest(), hashlib.sha256(recorded).hexdigest()
        self.swap[mine] = theirs
        self.swap[mine[:20]] = theirs[:20]
        mine, theirs = hashlib.md5(data).digest(), hashlib.md5(recorded).digest()
        self.swap[base64.b64encode(mine).decode()] = base64.b64encode(theirs).decode()
        self.swap[mine.hex()[:20]] = theirs.hex()[:20]
        self.sizes[hashlib.sha256(recorded).hexdigest()] = len(recorded)

    def _swapped(self, x):
        if isinstance(x, dict):
            result = {self._swapped(key): self._swapped(value) for key, value in x.items()}
            if result.get("sha256") in self.sizes and "size" in result:
                result["size"] = self.sizes[result["sha256"]]
            return result
        if isinstance(x, list):
            return [self._swapped(value) for value in x]
        if isinstance(x, str):
            for mine, theirs in self.swap.items():
                if mine in x:
                    x = x.replace(mine, theirs)
            x = re.sub(r"\b(None|\d+)-\d{13}\.", r"\1-{EPOCH_MS}.", x)
        return x

    # -- artifacts

    def _artifact_files(self, expected):
        records = self.fold.artifacts
        for number, record in enumerate(records):
            self.swap[record["client_id"]] = f"{{CLIENT_ID_{number}}}"
            self.swap[record["sequence_client_id"]] = f"{{SEQUENCE_ID_{number}}}"
        if len(records) != len(expected["artifacts"]):
            self.problems.append(f"/artifacts: expected {len(expected['artifacts'])}, got {len(records)}")
            return
        for number, (record, wanted) in enumerate(zip(records, expected["artifacts"])):
            self._artifact(number, record, wanted)

    def _artifact(self, number, record, wanted):
        at = f"/artifacts/{number}"
        mine = {
            "name": record.get("name"),
            "type": record.get("type"),
            "aliases": sorted(record.get("aliases", [])),
            "digest_algorithm": wanted["digest_algorithm"],
        }
        theirs = {key: wanted[key] for key in mine}
        self.problems += [at + text for text in differences(theirs, mine)]
        entries = list(record.get("manifest", {}).get("contents", []))
        exact = True
        # Pictures and archives first: the table's file names them.
        for entry in sorted(wanted["entries"], key=lambda entry: entry["path"].endswith(".table.json")):
            exact &= self._entry(at, number, entry, entries)
        if entries:
            self.problems.append(f"{at}/entries: too many: {[entry['path'] for entry in entries]}")
        if exact and record.get("digest") != wanted["digest"]:
            self.problems.append(f"{at}/digest: expected {wanted['digest']}, got {record.get('digest')}")

    def _entry(self, at, number, wanted, entries):
        """Finds and compares one entry; True if it is the same to the byte."""
        if "ref" in wanted:
            for entry in entries:
                if entry["path"] == wanted["path"] and self._swapped(entry.get("ref")) == wanted["ref"]:
                    entries.remove(entry)
                    return False
            self.problems.append(f"{at}: no reference {wanted['path']} to {wanted['ref']}")
            return False
        stored = os.path.join(self.case, "artifacts", str(number), wanted["path"])
        recorded = _read(stored)
        shape = re.sub(r"[0-9a-f]{20}", "*", wanted["path"])
        closest = None
        for entry in entries:
            path = re.sub(r"^(None|\d+)-\d{13}\.", r"\1-{EPOCH_MS}.", entry["path"])
            if re.sub(r"[0-9a-f]{20}", "*", path) != shape:
                continue
            data = _read(entry["local_path"])
            digest = base64.b64encode(hashlib.md5(data).digest()).decode()
            if digest != entry["digest"] or entry.get("size", 0) != len(data):
                self.problems.append(f"{at}: digest or size of {entry['path']} is not that of its file")
            if path == wanted["path"] and data == recorded:
                entries.remove(entry)
                return "{EPOCH_MS}" not in path
            if path.endswith(".json"):
                mine = _sets(_stable(self._swapped(json.loads(data))))
                found = list(differences(_sets(_stable(json.loads(recorded))), mine))
                closest = closest or [f"{at}/{path}{text}" for text in found]
                if found:
                    continue
            elif not self._equal(path, recorded, data):
                continue
            self._remember(recorded, data)
            entries.remove(entry)
            return False
        self.problems += closest or [f"{at}: no entry {wanted['path']}"]
        return False


def _same_members(one, other):
    """Whether two documents of a plotting library have the same members at the top."""
    return isinstance(other, dict) and sorted(one) == sorted(other)


def _stable(x):
    """Without what a new run makes anew: ids and times."""
    if isinstance(x, dict):
        return {key: _stable(value) for key, value in x.items()}
    if isinstance(x, list):
        return [_stable(value) for value in x]
    if isinstance(x, str):
        x = re.sub(r"[a-z0-9]{128}|\{(CLIENT|SEQUENCE)_ID_\d+\}", "<id>", x)
        return re.sub(r"\b\d{13}\b|\{EPOCH_MS\}", "<ms>", x)
    return x


def _sets(x):
    """The lists of layers that are sets, sorted; NaN comparable."""
    if isinstance(x, dict):
        result = {}
        for key, value in x.items():
            value = _sets(value)
            if key == "val" and isinstance(value, list):
                value = sorted(value, key=str)
            elif key == "val" and isinstance(value, dict):
                for name, item in value.items():
                    value[name] = sorted(item, key=str) if isinstance(item, list) else item
            result[key] = value
        return result
    if isinstance(x, list):
        return [_sets(value) for value in x]
    return _finite(x)


def _settle(wanted, got):
    """Statistics of arrays are computed in other precision: within 1e-6 they are equal."""
    if not isinstance(wanted, dict) or not isinstance(got, dict):
        return
    for key, value in wanted.items():
        mine = got.get(key)
        if wanted.get("_type") in ("numpy.ndarray", "torch.Tensor") and isinstance(mine, float):
            if abs(mine - value) <= 1e-6 * max(abs(value), 1e-3):
                got[key] = value
        else:
            _settle(value, mine)


def _finite(x):
    if isinstance(x, dict):
        return {key: _finite(value) for key, value in x.items()}
    if isinstance(x, list):
        return [_finite(value) for value in x]
    if isinstance(x, float) and (x != x or x in (float("inf"), float("-inf"))):
        return {"$float": "NaN" if x != x else "Infinity" if x > 0 else "-Infinity"}
    return x


def _close(one, other):
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_close(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_close, one, other))
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return abs(one - other) <= 1e-12 * max(1, abs(one), abs(other))
    return one == other


# -- np_histogram: counts and edges of arrays, all cases in one run

_histograms = {}


def _histogram_cases(group, folder):
    with open(os.path.join(folder, "cases.json"), encoding="utf-8") as file:
        specs = json.load(file)
    skip = None if _available("numpy") else "numpy is not installed"
    return [Case(f"{group}/{spec['id']:04d}-{spec['group']}", (folder, spec), skip) for spec in specs]


def _run_histogram(case):
    import threading

    folder, spec = case.path
    lock = _histograms.setdefault("lock", threading.Lock())
    with lock:
        if folder not in _histograms:
            _histograms[folder] = _all_histograms(folder)
    errors, results = _histograms[folder]
    name = str(spec["id"])
    if spec.get("error") or name in errors:
        wanted = spec.get("error") and {**spec["error"], "statement": 0}
        if wanted and wanted["type"] == "UFuncTypeError":  # numpy's own subclass
            wanted["type"] = "TypeError"
        problems = list(_errors(wanted, errors.get(name)))
        return ("failed", problems) if problems else ("passed", [])
    import numpy

    with numpy.load(os.path.join(folder, f"{spec['id']:04d}.npz")) as archive:
        problems = list(_array_differences("counts", archive["counts"], results[f"counts{name}"]))
        problems += _array_differences("edges", archive["edges"], results[f"edges{name}"])
    return ("failed", problems) if problems else ("passed", [])


def _array_differences(name, expected, got):
    """Equal types, and values to the last bit; only the signs of zeros are free."""
    if expected.dtype != got.dtype or expected.shape != got.shape:
        yield f"/{name}: expected {expected.dtype}{expected.shape}, got {got.dtype}{got.shape}"
        return
    unequal = ~((expected == got) | ((expected != expected) & (got != got)))
    if unequal.any():
        at = int(unequal.argmax())
        yield f"/{name}/{at}: expected {expected[at]!r}, got {got[at]!r}"


def _all_histograms(folder):
    """The errors and the arrays of all cases, by name."""
    import numpy

    top = tempfile.mkdtemp(prefix="quipu-histograms-")
    try:
        out, errors = os.path.join(top, "out.npz"), os.path.join(top, "errors.json")
        status, stderr = _child(top, "histograms.py", folder, out, errors)
        if status != 0:
            raise RuntimeError(f"exit status {status}: {stderr[-400:]}")
        with open(errors, encoding="utf-8") as file, numpy.load(out) as results:
            return json.load(file), dict(results)
    finally:
        shutil.rmtree(top, ignore_errors=True)
