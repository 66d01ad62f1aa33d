"""What a run has left in its log, folded as an uploader folds it."""

import json

from values import encode, put, remove

_CLOCK = ("_timestamp", "_runtime")
_MODES = ("min", "max", "mean", "last", "first", "copy", "none")
_POLICIES = {0: "now", 1: "end", 2: "live"}


def _path(item):
    return item.get("nested_key") or [item.get("key", "")]


def _value(item):
    return json.loads(item["value_json"])


class _Leaf:
    """A value set as one: what is put below it replaces it."""

    def __init__(self, value):
        self.value = value


def _plain(node):
    if isinstance(node, _Leaf):
        return node.value
    return {key: _plain(value) for key, value in node.items()}


class Fold:
    """The records of one log, taken together."""

    def __init__(self, records):
        self.rows = []
        self.summary_tree = {}
        self.config_tree = {}
        self.metric_records = []
        self.definitions = {}
        self.others = []
        self.run = None
        self.exit = None
        self.files = []
        self.artifacts = []
        self.problems = []
        for kind, content in records:
            handler = getattr(self, "take_" + str(kind), None)
            if handler:
                handler(content)

    def take_history(self, record):
        row = {}
        for item in record.get("item", []):
            put(row, _path(item), _value(item))
        for name in _CLOCK:
            if not isinstance(row.get(name), (int, float)) or isinstance(row.get(name), bool):
                self.problems.append(f"row {len(self.rows)} has no number {name}")
        if "step" in record and row.get("_step") != record["step"].get("num", 0):
            self.problems.append(f"row {len(self.rows)}: step {record['step']} but _step {row.get('_step')}")
        self.rows.append({key: value for key, value in row.items() if key not in _CLOCK})

    def take_summary(self, record):
        for item in record.get("update", []):
            value = _value(item)
            if value is None:
                remove(self.summary_tree, _path(item))
            else:
                put(self.summary_tree, _path(item), _Leaf(value))
        for item in record.get("remove", []):
            remove(self.summary_tree, _path(item))

    def take_config(self, record):
        for item in record.get("update", []):
            self._merge(_path(item), _value(item))
        for item in record.get("remove", []):
            remove(self.config_tree, _path(item))

    def _merge(self, path, value):
        if isinstance(value, dict) and (value or path[0] != "_wandb"):
            for key, part in value.items():
                self._merge([*path, key], part)
        else:
            put(self.config_tree, path, value)

    def take_run(self, record):
        self.run = record
        self.take_config(record.get("config", {}))

    def take_exit(self, record):
        self.exit = record

    def take_alert(self, record):
        self.others.append(
            {
                "alert": {
                    "title": record.get("title", ""),
                    "text": record.get("text", ""),
                    "level": record.get("level", ""),
                    "wait_duration_ms": record.get("wait_duration", 0),
                }
            }
        )

    def take_preempting(self, record):
        self.others.append({"preempting": True})

    def take_files(self, record):
        for item in record.get("files", []):
            self.files.append(item)
            if item["path"] != "requirements.txt":
                policy = _POLICIES[item.get("policy", 0)]
                self.others.append({"file": {"path": item["path"], "policy": policy}})

    def take_artifact(self, record):
        self.artifacts.append(record)

    def take_metric(self, record):
        options = record.get("options", {})
        modes = [mode for mode in _MODES if record.get("summary", {}).get(mode)]
        name, glob = (record["glob_name"], True) if record.get("glob_name") else (record.get("name", ""), False)
        overwrite = record.get("_control", {}).get("overwrite", False)
        shown = {"name": name, "glob": glob}
        if record.get("step_metric"):
            shown["step_metric"] = record["step_metric"]
        for option in ("step_sync", "hidden"):
            if options.get(option):
                shown[option] = True
        if modes:
            shown["summary"] = modes
        if overwrite:
            shown["overwrite"] = True
        self.metric_records.append(shown)
        self._define(name, glob, shown, modes, overwrite)

    def _define(self, name, glob, shown, modes, overwrite):
        """The rules by which definitions of one name are put together."""
        old = self.definitions.get(name)
        if old is None or overwrite or old["glob"] != glob:
            old = self.definitions[name] = {"glob": glob, "step_metric": None, "options": set(), "modes": set()}
        if shown.get("step_metric"):
            old["step_metric"] = shown["step_metric"]
        old["options"] |= {option for option in ("step_sync", "hidden") if shown.get(option)}
        if not glob:
            old["options"].add("defined")
        if modes and "none" not in modes:
            old["modes"].discard("none")
        old["modes"] |= set(modes) - {"copy"}

    # -- in the words of the vectors

    def summary(self):
        tree = _plain(self.summary_tree)
        tree.pop("_step", None)  # an uploader takes it from the rows
        if self.rows:
            tree["_step"] = self.rows[-1]["_step"]
        tree = {key: value for key, value in tree.items() if key not in _CLOCK}
        inner = tree.get("_wandb")
        if isinstance(inner, dict):
            inner = {key: value for key, value in inner.items() if key != "runtime"}
            tree["_wandb"] = inner
            if not inner:
                del tree["_wandb"]
        return encode(tree)

    @property
    def client_config(self):
        return self.config_tree.get("_wandb", {})

    def config(self):
        return encode({key: value for key, value in self.config_tree.items() if key != "_wandb"})

    def metrics(self):
        found = []
        definitions = dict(self.definitions)
        for definition in self.definitions.values():  # step metrics get an entry of their own
            name = definition["step_metric"]
            if name and name not in definitions:
                definitions[name] = {"glob": False, "step_metric": None, "options": set(), "modes": set()}
        for name, definition in definitions.items():
            shown = {"name": name, "glob": definition["glob"], "options": sorted(definition["options"])}
            if definition["step_metric"]:
                shown["step_metric"] = definition["step_metric"]
            if definition["modes"]:
                shown["summary"] = sorted(definition["modes"])
            found.append(shown)
        return sorted(found, key=lambda shown: shown["name"])

    def run_fields(self, with_id=False, with_git=False):
        record = self.run or {}
        fields = {
            "project": record.get("project"),
            "entity": record.get("entity"),
            "name": record.get("display_name"),
            "notes": record.get("notes"),
            "tags": record.get("tags"),
            "group": record.get("run_group"),
            "job_type": record.get("job_type"),
            "sweep_id": record.get("sweep_id"),
            "starting_step": record.get("starting_step"),
            "resume": record.get("resume"),
            "forked": record.get("forked"),
        }
        fields = {key: value for key, value in fields.items() if value}
        if with_git:
            git = record.get("git", {})
            fields["git"] = {"remote": git.get("remote_url", ""), "commit_length": len(git.get("commit", ""))}
        if with_id:
            fields["id"] = record.get("run_id", "")
        return fields
