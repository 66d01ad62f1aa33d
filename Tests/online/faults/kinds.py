"""What a request is for, told from its method, path and body."""

import json
import re
import urllib.parse

STREAM = "file_stream"
PUT = "put"
TELEMETRY = "telemetry"

_OPERATION = re.compile(r"\b(?:query|mutation|subscription)\s+([A-Za-z_]\w*)")


def kind_of(method, target, body):
    """The name of a GraphQL operation, `file_stream`, `put`, `token`, `telemetry`, or `get` and the like."""
    path = urllib.parse.urlsplit(target).path
    if path.endswith("/graphql"):
        return operation(body) or "graphql"
    if path.endswith("/file_stream"):
        return STREAM
    if path.endswith("/oidc/token"):
        return "token"
    if "/sdk/otel/" in path:
        return TELEMETRY
    return method.lower()


def operation(body):
    """`operationName` of a GraphQL request, else the name in its text, else None."""
    try:
        request = json.loads(body)
    except ValueError:
        return None
    if request.get("operationName"):
        return request["operationName"]
    found = _OPERATION.search(request.get("query") or "")
    return found[1] if found else None
