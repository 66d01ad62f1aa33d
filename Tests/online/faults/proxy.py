"""The proxy between a client and a server that lets through, counts, records and breaks."""

import dataclasses
import datetime
import email.utils
import http.client
import json
import socket
import ssl
import struct
import threading
import time

from .kinds import STREAM, kind_of
from .plan import Plan

# A request's head or body that is longer is an error of the test.
_HEAD_LIMIT = 1 << 16
_HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "content-length", "proxy-connection")


@dataclasses.dataclass
class Request:
    """One request as it arrived. `status` is what the client was answered, None if nothing; `processed` what the server
    behind said, None if it saw nothing. `at`: seconds since the proxy began."""

    kind: str
    method: str
    path: str
    headers: list
    body: bytes
    at: float
    connection: int
    size: int = 0
    status: int | None = None
    processed: int | None = None
    fault: str | None = None
    answer: bytes = b""

    def header(self, name):
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        return found[-1] if found else None

    @property
    def json(self):
        return json.loads(self.body)


class _Gone(Exception):
    """The client closed the connection, or the proxy does."""


class FaultProxy:
    """Listens on a random port of `host` and forwards to `server` (anything with host, port, key). Stands in for a
    server wherever a client needs one: `url`, `key`, `host`, `port`.

    `plan` decides what goes wrong; `requests` holds everything that arrived, in order of arrival. With `tls` (a
    certificate file and a key file) it speaks HTTPS; `one_request_each` closes every connection after its answer.
    Threads: one accepts, one for each connection.
    """

    def __init__(self, server, plan=None, host="127.0.0.1", tls=None, name=None, one_request_each=False, record=True):
        self.server, self.key, self.host = server, server.key, host
        self.plan = plan or Plan()
        self.requests, self.handshake_failures, self.connections = [], [], 0
        self.bytes_received = 0
        self.one_request_each, self.record = one_request_each, record
        self._lock = threading.Lock()
        self._open = {}
        self._began = time.monotonic()
        self._closing = threading.Event()
        self._reset_connections = 0
        self._tls = None
        if tls:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(*tls)
        self.port = 0
        self._listener = None
        self.up()
        shown = name or (f"[{host}]" if ":" in host else host)
        self.url = f"{'https' if tls else 'http'}://{shown}:{self.port}"

    # Life

    def up(self):
        """Listens (again), on the same port."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.host, self.port))
        listener.listen(64)
        self.port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def down(self):
        """Refuses new connections and resets those that are open."""
        listener, self._listener = self._listener, None
        if listener:
            # A thread inside accept() keeps a closed socket listening.
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        with self._lock:
            connections = list(self._open.values())
        for connection in connections:
            _hang_up(connection)

    def close(self):
        self._closing.set()
        self.down()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def reset_connections(self, count):
        """The next `count` connections are reset before anything is read."""
        with self._lock:
            self._reset_connections = count

    # What happened

    def count(self, kind=None):
        """Requests of a kind, or all; telemetry of the official client never counts."""
        return len(self.of(kind))

    def of(self, kind=None):
        with self._lock:
            return [request for request in self.requests if request.kind == kind or
                    (kind is None and request.kind != "telemetry")]

    def operations(self):
        """The kinds in the order of their first request, each once."""
        return list(dict.fromkeys(request.kind for request in self.of()))

    def streams(self):
        """The bodies of file stream requests that the server accepted, parsed."""
        return [request.json for request in self.of(STREAM) if request.processed == 200]

    def faults(self):
        return [request.fault for request in self.of() if request.fault]

    def forget(self):
        with self._lock:
            self.requests.clear()
            self.bytes_received = 0

    # Connections

    def _accept(self, listener):
        while not self._closing.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with self._lock:
            self.connections += 1
            number = self.connections
            doomed = self._reset_connections > 0
            self._reset_connections -= doomed
            self._open[number] = connection
        try:
            if doomed:
                _reset(connection)
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls:
                try:
                    connection.settimeout(20)
                    connection = self._tls.wrap_socket(connection, server_side=True)
                    connection.settimeout(None)
                except (OSError, ssl.SSLError) as problem:
                    self.handshake_failures.append(str(problem))
                    return
                with self._lock:
                    self._open[number] = connection
            incoming = _Incoming(connection)
            while not self._closing.is_set() and self._exchange(connection, incoming, number):
                pass
        except (_Gone, OSError):
            pass
        finally:
            with self._lock:
                self._open.pop(number, None)
            try:
                connection.close()
            except OSError:
                pass

    def _exchange(self, connection, incoming, number):
        """One request and its answer; whether another may follow on the connection."""
        head = incoming.head()
        if head is None:
            return False
        method, path, headers = _parsed(head)
        request = Request("", method, path, headers, b"", time.monotonic() - self._began, number, size=len(head))
        length = int(request.header("Content-Length") or 0)
        if (request.header("Expect") or "").lower() == "100-continue":
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.kind = kind_of(method, path, b"{}")
        # An operation's name is known only with the whole body; other kinds can be cut in the middle of it.
        fault = None
        whole = request.kind == "graphql"
        if not whole:
            fault = self.plan.fault_for(request, whole=False)
        cut = fault.after if fault and fault.what.startswith("reset after") and not fault.delivered else None
        if cut is not None and cut < len(head) + length:
            request.body = incoming.body(max(0, cut - len(head)))
            self._note(request, fault)
            _reset(connection)
            return False
        if (request.header("Transfer-Encoding") or "").lower() == "chunked":
            request.body = incoming.chunks()
        else:
            request.body = incoming.body(length)
        request.size += len(request.body)
        if whole:
            request.kind = kind_of(method, path, request.body)
            fault = self.plan.fault_for(request)
        elif fault is None and any(callable(rule.match) for rule in self.plan.rules):
            fault = self.plan.fault_for(request)
        self._note(request, fault)
        answer = None
        if fault is None or fault.delivered:
            answer = self._forward(request)
            if answer is None:
                _reset(connection)
                return False
        if fault is None:
            self._answer(connection, request, *answer)
        elif not self._break(connection, request, fault, answer):
            return False
        return not self.one_request_each and (request.header("Connection") or "").lower() != "close"

    def _note(self, request, fault):
        request.fault = str(fault) if fault else None
        with self._lock:
            self.bytes_received += request.size
            if self.record:
                self.requests.append(request)

    # Answers

    def _forward(self, request):
        """(status, headers, body) of the server behind, or None if it has none to give."""
        upstream = http.client.HTTPConnection(self.server.host, self.server.port, timeout=120)
        try:
            # The Host header goes along: URLs in answers lead through here again.
            upstream.putrequest(request.method, request.path, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers:
                if name.lower() not in _HOP_BY_HOP and name.lower() != "expect":
                    upstream.putheader(name, value)
            if request.body or request.method in ("POST", "PUT"):
                upstream.putheader("Content-Length", str(len(request.body)))
            upstream.endheaders(request.body or None)
            answer = upstream.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            upstream.close()
        if self._tls:
            # The server behind does not know that it is spoken to in TLS.
            body = body.replace(b"http://" + self.url[8:].encode(), self.url.encode())
        request.processed = answer.status
        return answer.status, answer.headers.items(), body

    def _answer(self, connection, request, status, headers, body):
        request.status, request.answer = status, body
        connection.sendall(_bytes(request, status, headers, body, self.one_request_each))

    def _break(self, connection, request, fault, answer):
        """Does what the fault says; whether the connection can go on."""
        what = fault.what
        if fault.status:
            self._answer(connection, request, fault.status, fault.headers, fault.body)
            return True
        if what == "malformed answer" or what == "empty answer":
            self._answer(connection, request, answer[0], _plain(answer[1]), fault.body)
            return True
        if what == "truncated answer":
            whole = _bytes(request, *answer)
            head = whole.index(b"\r\n\r\n") + 4
            # At least the last byte is missing, and what told the length stays.
            connection.sendall(whole[:max(head, min(head + fault.after, len(whole) - 1))])
            connection.shutdown(socket.SHUT_RDWR)
            return False
        if what.startswith("reset after") and fault.delivered:
            connection.sendall(_bytes(request, *answer)[:fault.after])
            # What was sent must arrive before the reset overtakes it.
            time.sleep(0.02)
            _reset(connection)
            return False
        if what.startswith("stall"):
            self._wait_for_end(connection, fault.seconds)
            return False
        if what == "late answer":
            self._closing.wait(fault.seconds)
            self._answer(connection, request, *answer)
            return True
        if what == "slow trickle":
            request.status, request.answer = answer[0], answer[2]
            for byte in _bytes(request, *answer):
                connection.sendall(bytes([byte]))
                if self._closing.wait(fault.seconds):
                    return False
            return True
        if what.startswith("clock"):
            now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=fault.seconds)
            headers = [pair for pair in answer[1] if pair[0].lower() != "date"]
            self._answer(connection, request, answer[0], headers + [("Date", email.utils.format_datetime(now, True))],
                         answer[2])
            return True
        # "answer lost", and a reset of the request that was asked for behind its end.
        _reset(connection)
        return False

    def _wait_for_end(self, connection, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self._closing.is_set():
            connection.settimeout(0.1)
            try:
                if not connection.recv(1, 0 if self._tls else socket.MSG_PEEK):
                    return
                time.sleep(0.1)
            except TimeoutError:
                pass


class _Incoming:
    """What arrives on a connection, in the portions that HTTP has."""

    def __init__(self, connection):
        self.connection, self.buffer = connection, b""

    def _more(self):
        data = self.connection.recv(1 << 16)
        if not data:
            raise _Gone
        self.buffer += data

    def head(self):
        """Request line and headers with the empty line behind them; None if the client has ended."""
        while b"\r\n\r\n" not in self.buffer:
            if len(self.buffer) > _HEAD_LIMIT:
                raise _Gone
            try:
                self._more()
            except _Gone:
                return None
        end = self.buffer.index(b"\r\n\r\n") + 4
        head, self.buffer = self.buffer[:end], self.buffer[end:]
        return head

    def body(self, length):
        parts, have = [self.buffer[:length]], min(len(self.buffer), length)
        self.buffer = self.buffer[length:]
        while have < length:
            data = self.connection.recv(min(1 << 20, length - have))
            if not data:
                raise _Gone
            parts.append(data)
            have += len(data)
        return b"".join(parts)

    def line(self):
        while b"\r\n" not in self.buffer:
            self._more()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def chunks(self):
        parts = []
        while True:
            size = int(self.line().split(b";")[0], 16)
            if size == 0:
                while self.line():
                    pass
                return b"".join(parts)
            parts.append(self.body(size))
            self.line()


def _parsed(head):
    lines = head.decode("latin-1").split("\r\n")
    method, path, _ = lines[0].split(" ", 2)
    headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:] if ":" in line]
    return method, path, headers


def _plain(headers):
    return [(name, value) for name, value in headers if name.lower() != "content-encoding"]


def _bytes(request, status, headers, body, close=False):
    """An answer as it goes over the wire."""
    reason = http.client.responses.get(status, "")
    lines = [f"HTTP/1.1 {status} {reason}"]
    lines += [f"{name}: {value}" for name, value in headers if name.lower() not in _HOP_BY_HOP]
    lines += [f"Content-Length: {len(body)}", "Connection: close" if close else "Connection: keep-alive", "", ""]
    return "\r\n".join(lines).encode("latin-1") + (b"" if request.method == "HEAD" else body)


def _reset(connection):
    """Ends a connection of this thread with RST instead of FIN."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        pass
    connection.close()


def _hang_up(connection):
    """Ends a connection that another thread may be waiting on; that thread closes it, with RST."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
