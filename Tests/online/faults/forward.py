"""An HTTP proxy as companies have them: CONNECT and absolute URLs, with Basic authorization."""

import base64
import socket
import threading
import urllib.parse


class ForwardProxy:
    """Knows the names `*.test`, which nobody else does: they are this machine. `url` holds user and password if there
    are some. `seen`: (method, target, whether it was let through), in order;
    `heard`: all bytes that clients sent before a tunnel stood, for tests that look for credentials."""

    def __init__(self, user=None, password=None):
        self.expected = None
        if user is not None:
            self.expected = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self.seen, self.heard = [], []
        self._closing = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.url = self.address if user is None else (
            f"http://{urllib.parse.quote(user, '')}:{urllib.parse.quote(password, '')}@127.0.0.1:{self.port}")
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._closing = True
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _accept(self):
        while not self._closing:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, client):
        with client:
            data = b""
            while b"\r\n\r\n" not in data:
                more = client.recv(1 << 16)
                if not more or len(data) > 1 << 16:
                    return
                data += more
            end = data.index(b"\r\n\r\n") + 4
            head, rest = data[:end], data[end:]
            self.heard.append(head)
            lines = head.decode("latin-1").split("\r\n")
            method, target, _ = lines[0].split(" ", 2)
            given = [line.split(":", 1)[1].strip() for line in lines if line.lower().startswith("proxy-authorization:")]
            allowed = self.expected is None or given == [self.expected]
            self.seen.append((method, target, allowed))
            if not allowed:
                client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                               b"Proxy-Authenticate: Basic realm=\"t\"\r\n"
                               b"Content-Length: 0\r\nConnection: close\r\n\r\n")
                return
            url = urllib.parse.urlsplit("//" + target if method == "CONNECT" else target)
            try:
                host = "127.0.0.1" if url.hostname.endswith(".test") else url.hostname
                server = socket.create_connection((host, url.port or 80), timeout=20)
            except OSError:
                client.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            with server:
                server.settimeout(None)
                if method == "CONNECT":
                    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    server.sendall(rest)
                else:
                    # One request a connection keeps this simple: the path instead of the URL, and an end to it.
                    path = urllib.parse.urlunsplit(("", "", url.path or "/", url.query, ""))
                    kept = [line for line in lines[1:]
                            if line and not line.lower().startswith(("proxy-", "connection:"))]
                    lines = [f"{method} {path} HTTP/1.1", *kept, "Connection: close", "", ""]
                    server.sendall("\r\n".join(lines).encode("latin-1") + rest)
                back = threading.Thread(target=_pump, args=(server, client), daemon=True)
                back.start()
                _pump(client, server)
                back.join(60)


def _pump(source, sink):
    try:
        while data := source.recv(1 << 16):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass
