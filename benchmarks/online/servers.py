"""What stands at the other end of an upload: a real server, one that is far away, and three that are in trouble."""

import os
import re
import socket
import subprocess
import threading
import time
import urllib.request

from bench import ROOT

PROGRAM = os.environ.get("QUIPU_SERVER") or os.path.join(ROOT, "build", "bin", "quipu-server")
KEY = "local-" + "0" * 40


class Server:
    """A quipu-server with its data in `place`: url, host, port, key, pid."""

    def __init__(self, place):
        self.process = subprocess.Popen(
            [PROGRAM, "--data", os.path.join(place, "server"), "--port", "0"], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)  # fmt: skip
        said = ""
        while not ("WANDB_API_KEY=" in said and "WANDB_BASE_URL=" in said):
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError(f"the server ended at its start: {said}")
            said += line
        self.url = re.search(r"WANDB_BASE_URL=(\S+)", said)[1]
        self.key = re.search(r"WANDB_API_KEY=(\S+)", said)[1]
        self.host, port = self.url.split("//")[1].split(":")
        self.port, self.pid = int(port), self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)

    def graphql(self, query, variables):
        import base64
        import json

        request = urllib.request.Request(
            self.url + "/graphql", json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json",
             "Authorization": "Basic " + base64.b64encode(f"api:{self.key}".encode()).decode()})  # fmt: skip
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["data"]

    def rows(self, project, run):
        """How many rows can be read of a run, 0 if it is not there yet."""
        data = self.graphql(
            "query Q($p: String!, $r: String!) { project(name: $p, entityName: \"local\") {"
            " run(name: $r) { historyLineCount } } }", {"p": project, "r": run})  # fmt: skip
        found = data["project"] and data["project"]["run"]
        return found["historyLineCount"] if found else 0


class Listener:
    """Accepts connections on a random port and serves each on a thread of its own."""

    key = KEY

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._guarded, args=(client,), daemon=True).start()

    def _guarded(self, client):
        with client:
            try:
                self.serve(client)
            except OSError:
                pass


class Relay(Listener):
    """Passes bytes on to a server and counts them; with `delay` every answer comes so many seconds late."""

    def __init__(self, server, delay=0.0):
        self.server, self.key, self.delay, self.sent = server, server.key, delay, 0
        super().__init__()

    def serve(self, client):
        with socket.create_connection((self.server.host, self.server.port)) as server:
            back = threading.Thread(target=self._back, args=(server, client), daemon=True)
            back.start()
            while data := client.recv(1 << 18):
                self.sent += len(data)
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)
            back.join()

    def _back(self, server, client):
        try:
            while data := server.recv(1 << 18):
                if self.delay:
                    time.sleep(self.delay)
                client.sendall(data)
            client.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class Hanging(Listener):
    """Takes requests and never answers."""

    def serve(self, client):
        while client.recv(1 << 18):
            pass


class Failing(Listener):
    """Answers 500."""

    def serve(self, client):
        data = b""
        while True:
            while b"\r\n\r\n" not in data:
                more = client.recv(1 << 18)
                if not more:
                    return
                data += more
            head, data = data.split(b"\r\n\r\n", 1)
            length = re.search(rb"(?i)content-length: *(\d+)", head)
            missing = (int(length[1]) if length else 0) - len(data)
            while missing > 0:
                missing -= len(client.recv(1 << 18))
            data = b""
            client.sendall(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\n{}")


class Gone:
    """Nobody listens."""

    key = KEY

    def __enter__(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        return self

    def __exit__(self, *_):
        pass
