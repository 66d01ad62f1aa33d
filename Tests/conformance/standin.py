"""A small server for the scenarios that are online: it knows one run, or none, and remembers what it is told."""

import http.server
import json
import re
import threading

_NAMED = "named-by-server-1"


class StandIn:
    """Answers the operations that a run needs. `run` is the scenario's description of the run that is there already."""

    def __init__(self, run):
        self.run = run
        self.told = []  # the variables of each UpsertBucket
        self.stream = []  # bodies of the file stream
        self.files = {}
        standin = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self, value):
                body = json.dumps(value).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def body(self):
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))

            def do_POST(self):
                body = json.loads(self.body() or b"{}")
                if self.path.endswith("/file_stream"):
                    standin.stream.append(body)
                    self.answer({})
                else:
                    self.answer(standin.graphql(body))

            def do_PUT(self):
                standin.files[self.path.split("/storage/", 1)[1]] = self.body()
                self.answer({})

        class Quiet(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.http = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()

    # -- what it answers

    def graphql(self, request):
        name = request.get("operationName") or re.search(r"(?:query|mutation)\s+(\w+)", request["query"])[1]
        handler = getattr(self, "op_" + name, None)
        if handler is None:
            return {"errors": [{"message": f"{name} is not supported"}], "data": None}
        return {"data": handler(request.get("variables") or {})}

    def op_Viewer(self, _):
        return {"viewer": {"id": "v", "entity": "srv", "username": "srv", "email": "", "flags": "{}", "teams": {"edges": []}}}

    def op_UpsertBucket(self, variables):
        self.told.append(variables)
        bucket = {
            "id": "x", "name": variables["name"], "displayName": variables.get("displayName") or _NAMED,
            "description": None, "config": variables.get("config"), "sweepName": variables.get("sweep"),
            "historyLineCount": self.line_count(),
            "project": self.project(variables.get("project"), variables.get("entity")),
        }  # fmt: skip
        return {"upsertBucket": {"inserted": not self.run, "bucket": bucket}}

    def line_count(self):
        return self.run.get("historyLineCount", len(self.run.get("history", [])))

    def project(self, name, entity):
        return {"id": "y", "name": name or "uncategorized", "entity": {"id": "z", "name": entity or "srv"}}

    def op_RunResumeStatus(self, variables):
        if not self.run:
            return {"model": None}
        run, rows = self.run, self.run.get("history", [])
        bucket = {
            "id": "x", "name": variables["name"], "displayName": run.get("name", _NAMED), "sweepName": None,
            "summaryMetrics": json.dumps(run.get("summary", {})),
            "config": json.dumps({key: {"value": value} for key, value in run.get("config", {}).items()}),
            "wandbConfig": json.dumps({"t": {"1": []}} if run.get("started", True) else {}),
            "historyLineCount": self.line_count(), "eventsLineCount": 0,
            "logLineCount": run.get("logLineCount", 0), "historyTail": json.dumps([json.dumps(row) for row in rows[-1:]]),
            "eventsTail": "[]", "tags": run.get("tags", []), "notes": run.get("notes"),
        }  # fmt: skip
        return {"model": {**self.project(variables["project"], variables.get("entity")), "bucket": bucket}}

    def op_RewindRun(self, variables):
        run = {
            "id": "x", "name": variables["runName"], "displayName": "rewound", "description": None,
            "config": json.dumps({"old": {"value": 1}}), "sweepName": None,
            "historyLineCount": self.line_count(),
            "project": self.project(variables.get("projectName") or variables.get("project"), variables.get("entity")),
        }  # fmt: skip
        return {"rewindRun": {"rewoundRun": run}}

    def op_CreateRunFiles(self, variables):
        files = [{"name": name, "uploadUrl": f"{self.url}/storage/{name}"} for name in variables["files"]]
        return {"createRunFiles": {"runID": "x", "uploadHeaders": [], "files": files}}

    def op_ServerFeaturesQuery(self, _):
        return {"serverInfo": {"features": []}}

    # -- what it was told

    def sent(self):
        """In the form of `quipu export --format upload`; nil if no run came."""
        if not self.told:
            return None
        streams = [body["files"]["wandb-history.jsonl"] for body in self.stream if "wandb-history.jsonl" in body.get("files", {})]
        fields = (
            ("name", "displayName"), ("notes", "notes"), ("tags", "tags"), ("group", "groupName"),
            ("job_type", "jobType"), ("sweep_id", "sweep"), ("project", "project"),
        )  # fmt: skip
        run = {}
        for variables in self.told:
            run.update({key: variables[name] for key, name in fields if variables.get(name)})
        ends = [body for body in self.stream if body.get("complete")]
        return {
            "history": [line for stream in streams for line in stream["content"]],
            "summary": self.files.get("wandb-summary.json", b"{}").decode(),
            "config": [variables["config"] for variables in self.told if variables.get("config")][-1],
            "run": run,
            "exitcode": ends[-1].get("exitcode", 0) if ends else None,
            "first_history_line": min((stream["offset"] for stream in streams), default=0),
        }
