"""Trouble between a client and a server: `FaultProxy` breaks requests as a `Plan` says, `Authority` makes certificates,
`ForwardProxy` is the kind of proxy that stands between a company and the rest."""

from .certificates import Authority
from .forward import ForwardProxy
from .kinds import PUT, STREAM, kind_of
from .plan import Plan, any_passing_fault
from .proxy import FaultProxy, Request

__all__ = [
    "Authority", "FaultProxy", "ForwardProxy", "PUT", "Plan", "Request", "STREAM", "any_passing_fault", "kind_of"]
