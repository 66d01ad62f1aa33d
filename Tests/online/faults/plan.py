"""Faults, the rules that say which requests meet them, and plans made by chance."""

import dataclasses
import json
import random
import threading
from typing import Any, Callable


@dataclasses.dataclass(frozen=True)
class Fault:
    """One thing that goes wrong. `what` names it in the proxy's record; the members that count depend on it."""

    what: str
    # Whether the server behind the proxy gets the request and works on it.
    delivered: bool = False
    status: int = 0
    headers: tuple = ()
    body: bytes = b""
    # Bytes after which the connection is cut, of the request (its line and headers included) or of the answer.
    after: int = 0
    seconds: float = 0.0

    def __str__(self):
        return self.what


def answer(status, body=None, headers=(), what=None):
    """The proxy answers itself; the server sees nothing. `body`: bytes, text, or what becomes JSON."""
    if body is None:
        body = {"errors": [{"message": f"injected {status}"}]}
    if not isinstance(body, (bytes, str)):
        body = json.dumps(body)
    body = body.encode() if isinstance(body, str) else body
    return Fault(what or f"status {status}", status=status, body=body, headers=tuple(dict(headers).items()))


def status(code, retry_after=None):
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return answer(code, headers=headers, what=f"status {code}" + ("" if retry_after is None else " with Retry-After"))


def html(code):
    """What a reverse proxy says that knows nothing of JSON."""
    return answer(code, "<html><body><h1>Bad gateway</h1></body></html>", {"Content-Type": "text/html"},
                  what=f"status {code}, HTML")


def redirect(location, code=307):
    return answer(code, b"", {"Location": location}, what=f"redirect {code}")


def malformed():
    """The server works; its answer arrives as something that is not JSON."""
    return Fault("malformed answer", delivered=True, body=b'{"data": {"upsertBucket": {"buck')


def empty_answer():
    """The server works; its answer arrives without a body."""
    return Fault("empty answer", delivered=True)


def truncated(after=20):
    """The server works; the connection ends in the middle of the answer's body, although its length was told."""
    return Fault("truncated answer", delivered=True, after=after)


def reset_request(after=0):
    """The connection is reset after so many bytes of the request; the server sees nothing."""
    return Fault(f"reset after {after} bytes of the request", after=after)


def lost_answer():
    """The server works on the request; the connection is reset before the answer."""
    return Fault("answer lost", delivered=True)


def reset_answer(after=30):
    """The server works on the request; the connection is reset after so many bytes of the answer, headers included."""
    return Fault(f"reset after {after} bytes of the answer", delivered=True, after=after)


def stall(seconds, delivered=False):
    """Nothing comes for so long (or until the client goes away), then the connection ends."""
    return Fault("stall after delivery" if delivered else "stall", delivered=delivered, seconds=seconds)


def delay(seconds):
    """The answer comes late."""
    return Fault("late answer", delivered=True, seconds=seconds)


def trickle(pause):
    """The answer comes byte by byte, with a pause in seconds after each."""
    return Fault("slow trickle", delivered=True, seconds=pause)


def skewed_clock(hours):
    """The answer's Date is wrong."""
    return Fault(f"clock {hours:+} h", delivered=True, seconds=hours * 3600.0)


@dataclasses.dataclass
class Rule:
    """`fault` for the requests that `match`: a kind, several kinds, "*", or a function of a Request. The first `skip`
    of them go through, then `times` (None: all) are hit, each with probability `chance`."""

    match: Any
    fault: Any
    times: int | None = 1
    skip: int = 0
    chance: float = 1.0
    hits: int = 0

    def matches(self, request):
        if callable(self.match):
            return self.match(request)
        if isinstance(self.match, str):
            return self.match in ("*", request.kind)
        return request.kind in self.match


class Plan:
    """The rules of a proxy; the first that matches and is not used up decides. Threads: any."""

    def __init__(self, *rules, seed=0):
        self.rules = list(rules)
        self.random = random.Random(seed)
        self._lock = threading.Lock()

    def add(self, match, fault, times=1, skip=0, chance=1.0):
        rule = Rule(match, fault, times, skip, chance)
        with self._lock:
            self.rules.append(rule)
        return rule

    def clear(self):
        with self._lock:
            self.rules.clear()

    def fault_for(self, request, whole=True):
        """Of a request of which only the head is there (not `whole`), rules that are functions are not asked."""
        with self._lock:
            for rule in self.rules:
                if rule.times == 0 or callable(rule.match) and not whole or not rule.matches(request):
                    continue
                if rule.skip > 0:
                    rule.skip -= 1
                    continue
                if rule.chance < 1 and self.random.random() >= rule.chance:
                    continue
                if rule.times is not None:
                    rule.times -= 1
                rule.hits += 1
                if isinstance(rule.fault, Fault):
                    return rule.fault
                return rule.fault(self.random)
        return None

    @property
    def hits(self):
        return sum(rule.hits for rule in self.rules)


def any_passing_fault(chooser: random.Random) -> Fault:
    """One of the faults after which the same request must be tried again, by chance."""
    makers: list[Callable[[], Fault]] = [
        lambda: status(429, retry_after=0.05), lambda: status(429), lambda: status(500), lambda: html(502),
        lambda: status(503, retry_after=0.1), lambda: status(504), lambda: status(408),
        lambda: reset_request(0), lambda: reset_request(chooser.randint(1, 400)), lost_answer,
        lambda: reset_answer(chooser.randint(1, 300)), lambda: truncated(chooser.randint(0, 10)),
        lambda: delay(chooser.random() * 0.3), lambda: trickle(0.0005),
    ]
    return chooser.choice(makers)()
