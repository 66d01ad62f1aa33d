"""A proxy on loopback between a client and the server: it records requests, and can lose their answers."""

import http.client
import http.server
import json
import threading


class Recorder:
    """Forwards everything to `server`. `requests` holds (method, path, body, status) in the order of arrival.

    `lose(method, path, body)` may return "answer" (the server works, the client hears nothing), "request" (neither)
    or None.
    """

    def __init__(self, server, lose=lambda method, path, body: None):
        self.requests = []
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                fault = lose(self.command, self.path, body)
                if fault == "request":
                    self.close_connection = True
                    return
                # The Host header goes along: URLs in answers lead through here again.
                upstream = http.client.HTTPConnection(server.host, server.port, timeout=60)
                try:
                    upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                    for name, value in self.headers.items():
                        if name.lower() not in ("connection", "transfer-encoding"):
                            upstream.putheader(name, value)
                    upstream.endheaders(body)
                    answer = upstream.getresponse()
                    data = answer.read()
                finally:
                    upstream.close()
                recorder.requests.append((self.command, self.path, body, answer.status))
                if fault == "answer":
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    if name.lower() not in ("connection", "transfer-encoding", "content-length", "date", "server"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = forward

            def log_message(self, *arguments):
                pass

        class Quiet(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass  # a client that goes away is nothing to tell of

        self.http = Quiet(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever)
        self.thread.start()
        self.url, self.key = f"http://127.0.0.1:{self.http.server_port}", server.key

    def streams(self):
        """The bodies of file stream requests, parsed."""
        return [json.loads(body) for method, path, body, status in self.requests
                if path.endswith("/file_stream") and status == 200]

    def close(self):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
