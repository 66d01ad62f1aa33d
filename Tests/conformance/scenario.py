"""Makes the calls of one scenario through the Python binding, in the process that imports it, and notes what came back.

Run by train.py in the scenario's directory: `scenario.main(SPEC, OUT)`.
"""

import json
import os
import re
import sys
import time

import values
from values import decode, encode

_EXCEPTIONS = {"ValueError": ValueError, "KeyboardInterrupt": KeyboardInterrupt}
_WITHOUT_RUN = {"init", "setup", "write_file", "setenv", "print", "exit", "raise", "sleep", "global_run"}


class Scenario:
    def __init__(self, spec, out):
        import quipu

        self.quipu = quipu
        self.spec = spec
        self.out = out
        self.runs = {}
        self.in_order = []
        self.results = []
        self.errors = []
        messages = open(out + ".messages", "a", encoding="utf-8")  # noqa: SIM115 - until the process ends

        def note(level, kind, text):
            messages.write(json.dumps({"level": level, "kind": kind, "text": text}) + "\n")
            messages.flush()

        quipu._terminal.observers.append(note)

    # -- reports

    def result(self, at, value):
        self.results.append({"call": at, "value": value})

    def flush(self):
        runs = []
        for name, run in self.in_order:
            item = {"handle": name, "disabled": run.disabled, "sync_dir": run.sync_dir, "dir": run.dir, "id": run.id}
            config = run.config.as_dict()
            item["config"] = encode({key: value for key, value in config.items() if key != "_wandb"})
            item["log"] = run._info.get("log_path")
            if run.disabled:
                item["summary"] = encode(dict(run.summary))
            runs.append(item)
        with open(self.out, "w", encoding="utf-8") as file:
            json.dump({"results": self.results, "errors": self.errors, "runs": runs}, file)

    # -- calls

    def sequence(self, calls, prefix=None):
        for number, call in enumerate(calls):
            at = number if prefix is None else f"{prefix}.{number}"
            if call["op"] in ("exit", "raise") or call.get("uncaught"):
                self.flush()
                self.call(at, call)
                continue
            try:
                self.call(at, call)
            except Exception as error:  # noqa: BLE001 - recorded
                kind = getattr(error, "kind", None) or self.kind_of(error)
                self.errors.append({"call": at, "type": type(error).__name__, "kind": kind})

    @staticmethod
    def kind_of(error):
        """Errors that Python itself raises carry no kind."""
        message = str(error)
        if "unexpected keyword argument" in message:
            return "finish_unsupported_arg"
        return f"other: {message[:160]}"

    def call(self, at, call):
        run = self.runs.get(call.get("run", "run"))
        if run is None and call["op"] not in _WITHOUT_RUN and not call.get("global"):
            return
        getattr(self, "op_" + call["op"])(at, call, run)

    def op_init(self, at, call, _):
        arguments = decode(call.get("args", {}))
        if call.get("via") == "settings_object":
            arguments["settings"] = self.quipu.Settings(**arguments.get("settings", {}))
        run = self.quipu.init(**arguments)
        name = call.get("as", "run")
        self.runs[name] = run
        if all(run is not other for _, other in self.in_order):
            self.in_order.append((name, run))

    def op_setup(self, at, call, _):
        self.quipu.setup(settings=self.quipu.Settings(**decode(call.get("settings", {}))))

    def op_log(self, at, call, run):
        arguments = {name: decode(call[name]) for name in ("step", "commit") if name in call}
        (self.quipu if call.get("global") else run).log(decode(call["data"]), **arguments)

    def op_define_metric(self, at, call, run):
        run.define_metric(**decode(call["args"]))

    def node(self, run, path):
        node = run.summary
        for key in path:
            node = node[key]
        return node

    def op_summary_set(self, at, call, run):
        node, key = self.node(run, call["path"][:-1]), call["path"][-1]
        if call.get("attr"):
            setattr(node, key, decode(call["value"]))
        else:
            node[key] = decode(call["value"])

    def op_summary_update(self, at, call, run):
        self.node(run, call.get("path", [])).update(decode(call["data"]))

    def op_summary_del(self, at, call, run):
        del self.node(run, call["path"][:-1])[call["path"][-1]]

    def op_summary_get(self, at, call, run):
        node, key = self.node(run, call["path"][:-1]), call["path"][-1]
        value = node.get(key, decode(call.get("default"))) if call.get("get") else node[key]
        self.result(at, self.plain(value))

    def op_summary_keys(self, at, call, run):
        self.result(at, sorted(key for key in run.summary.keys() if key not in ("_timestamp", "_runtime")))

    @staticmethod
    def plain(value):
        return encode(value._as_dict() if hasattr(value, "_as_dict") else value)

    def op_config_set(self, at, call, run):
        run.config[call["key"]] = decode(call["value"])

    def op_config_attr(self, at, call, run):
        setattr(run.config, call["key"], decode(call["value"]))

    def op_config_update(self, at, call, run):
        arguments = {"allow_val_change": call["allow_val_change"]} if "allow_val_change" in call else {}
        run.config.update(decode(call["data"]), **arguments)

    def op_config_setdefaults(self, at, call, run):
        run.config.setdefaults(decode(call["data"]))

    def op_config_lock(self, at, call, run):
        run.config.update_locked(decode(call["data"]), call.get("user", "user"))

    def op_config_get(self, at, call, run):
        if "default" in call:
            value = run.config.get(call["key"], decode(call["default"]))
        elif call.get("attr"):
            value = getattr(run.config, call["key"])
        else:
            value = run.config[call["key"]]
        self.result(at, self.plain(value))

    def op_config_has(self, at, call, run):
        self.result(at, call["key"] in run.config)

    def op_config_keys(self, at, call, run):
        self.result(at, sorted(run.config.keys()))

    def op_config_static_set(self, at, call, run):
        run.config_static[call["key"]] = decode(call["value"])

    def op_get(self, at, call, run):
        value = getattr(run, call["name"])
        if call["name"] in ("dir", "sync_dir"):
            value = re.sub(r"\d{8}_\d{6}", "<time>", os.path.relpath(value))
        if call["name"] == "settings":
            value = getattr(value, call["field"])
        if isinstance(value, str):
            value = re.sub(r"127\.0\.0\.1:\d+", "<server>", value.replace(os.getcwd(), "<cwd>"))
        self.result(at, encode(value))

    def op_set(self, at, call, run):
        setattr(run, call["name"], decode(call["value"]))

    def op_alert(self, at, call, run):
        run.alert(**decode(call["args"]))

    def op_save(self, at, call, run):
        value = run.save(**decode(call["args"]))
        if isinstance(value, list):
            value = [os.path.relpath(path, run.dir) for path in value]
        self.result(at, encode(value))

    def op_write_file(self, at, call, _):
        os.makedirs(os.path.dirname(os.path.abspath(call["path"])), exist_ok=True)
        with open(call["path"], "w", encoding="utf-8") as file:
            file.write(decode(call.get("text", "")))

    def op_setenv(self, at, call, _):
        os.environ[call["name"]] = call["value"]

    def op_print(self, at, call, _):
        stream = sys.stderr if call.get("to") == "stderr" else sys.stdout
        stream.write(decode(call["text"]))
        stream.flush()

    def op_write_logs(self, at, call, run):
        run.write_logs(decode(call["text"]))

    def op_mark_preempting(self, at, call, run):
        run.mark_preempting()

    def op_finish(self, at, call, run):
        (self.quipu if call.get("global") else run).finish(**decode(call.get("args", {})))

    def op_with(self, at, call, run):
        with run:
            self.sequence(call["calls"], at)

    def op_raise(self, at, call, _):
        raise _EXCEPTIONS[call["type"]](call.get("text", ""))

    def op_exit(self, at, call, _):
        sys.exit(decode(call.get("code")))

    def op_same_run(self, at, call, _):
        self.result(at, self.runs[call["a"]] is self.runs[call["b"]])

    def op_global_run(self, at, call, _):
        self.result(at, next((name for name, run in self.runs.items() if run is self.quipu.run), None))

    def op_sleep(self, at, call, _):
        time.sleep(call["seconds"])


def main(spec_path, out_path):
    with open(spec_path, encoding="utf-8") as file:
        spec = json.load(file)
    scenario = Scenario(spec, out_path)
    try:
        scenario.sequence(spec["calls"])
    finally:
        scenario.flush()


__all__ = ["main", "values"]
