"""A second reader of transaction logs, so that what the library writes is not judged by the library.

Blocks as in the LevelDB log format, records as protocol buffers; only the messages that the vectors speak of.
"""

import struct
import zlib

BLOCK = 32768
HEADER = b":W&B\xe1\xbe\x00"

STRING, INT, BOOL, DOUBLE, SINT = "string", "int", "bool", "double", "sint"

_ITEM = {1: ("key", STRING), 2: ("nested_key", [STRING]), 16: ("value_json", STRING)}
_UPDATES = {1: ("update", [_ITEM]), 2: ("remove", [_ITEM])}
_FLAGS = {1: "min", 2: "max", 3: "mean", 4: "best", 5: "last", 6: "none", 7: "copy", 8: "first"}
_CONTENT = {
    1: ("path", STRING), 2: ("digest", STRING), 3: ("ref", STRING), 4: ("size", INT), 6: ("local_path", STRING),
    8: ("skip_cache", BOOL),
}  # fmt: skip

RECORD = {
    1: ("num", INT),
    2: ("history", {
        1: ("item", [{
            1: ("key", STRING), 2: ("nested_key", [STRING]), 3: ("none", INT), 4: ("boolean", BOOL),
            5: ("integer", SINT), 6: ("number", DOUBLE), 7: ("text", STRING), 8: ("json", STRING),
            16: ("value_json", STRING),
        }]),
        2: ("step", {1: ("num", INT)}),
    }),
    3: ("summary", _UPDATES),
    5: ("config", _UPDATES),
    6: ("files", {1: ("files", [{1: ("path", STRING), 2: ("policy", INT), 3: ("type", INT)}])}),
    7: ("stats", {3: ("item", [_ITEM])}),
    8: ("artifact", {
        1: ("run_id", STRING), 2: ("project", STRING), 3: ("entity", STRING), 4: ("type", STRING), 5: ("name", STRING),
        6: ("digest", STRING), 8: ("metadata", STRING), 9: ("user_created", BOOL), 11: ("aliases", [STRING]),
        12: ("manifest", {1: ("version", INT), 2: ("storage_policy", STRING), 4: ("contents", [_CONTENT])}),
        14: ("finalize", BOOL), 15: ("client_id", STRING), 16: ("sequence_client_id", STRING),
    }),
    10: ("alert", {1: ("title", STRING), 2: ("text", STRING), 3: ("level", STRING), 4: ("wait_duration", INT)}),
    11: ("telemetry", {}),
    12: ("metric", {
        1: ("name", STRING), 2: ("glob_name", STRING), 4: ("step_metric", STRING),
        6: ("options", {1: ("step_sync", BOOL), 2: ("hidden", BOOL), 3: ("defined", BOOL)}),
        7: ("summary", {number: (name, BOOL) for number, name in _FLAGS.items()}),
        8: ("goal", INT), 9: ("_control", {1: ("overwrite", BOOL)}),
    }),
    13: ("output_raw", {1: ("output_type", INT), 3: ("line", STRING)}),
    17: ("run", {
        1: ("run_id", STRING), 2: ("entity", STRING), 3: ("project", STRING), 4: ("config", _UPDATES),
        6: ("run_group", STRING), 7: ("job_type", STRING), 8: ("display_name", STRING), 9: ("notes", STRING),
        10: ("tags", [STRING]), 12: ("sweep_id", STRING), 13: ("host", STRING), 14: ("starting_step", INT),
        21: ("git", {1: ("remote_url", STRING), 2: ("commit", STRING)}), 22: ("forked", BOOL),
        23: ("branch_point", {1: ("run", STRING), 2: ("value", DOUBLE), 3: ("metric", STRING)}), 24: ("resume", BOOL),
    }),
    18: ("exit", {1: ("exit_code", INT), 3: ("not_complete", BOOL)}),
    21: ("header", {1: ("version_info", {1: ("producer", STRING), 2: ("min_consumer", STRING)})}),
    23: ("preempting", {}),
    26: ("environment", {}),
    27: ("output_logger", {1: ("line", STRING)}),
}  # fmt: skip


def payloads(data):
    """The bytes of each record. Raises ValueError at the first thing that is not as it should be."""
    if data[:7] != HEADER:
        raise ValueError(f"bad file header {data[:7].hex()}")
    position, parts = 7, None
    while position < len(data):
        left = BLOCK - position % BLOCK
        if left < 7:
            if any(data[position : position + left]):
                raise ValueError(f"padding at {position} is not zero")
            position += left
            continue
        if position + 7 > len(data):
            raise ValueError(f"the file ends inside a chunk header at {position}")
        checksum, length, kind = struct.unpack_from("<IHB", data, position)
        body = data[position + 6 : position + 7 + length]
        if length + 7 > left or len(body) != length + 1:
            raise ValueError(f"the chunk at {position} does not fit")
        if zlib.crc32(body) != checksum:
            raise ValueError(f"wrong checksum at {position}")
        position += 7 + length
        if kind == 1 and parts is None:
            yield body[1:]
        elif kind == 2 and parts is None:
            parts = body[1:]
        elif kind in (3, 4) and parts is not None:
            parts += body[1:]
            if kind == 4:
                yield parts
                parts = None
        else:
            raise ValueError(f"chunk type {kind} out of order at {position}")
    if parts is not None:
        raise ValueError("the file ends inside a record")


def _varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def parse(data, schema):
    """A message as a dictionary; a repeated field is a list, an unknown one is skipped."""
    message, at = {}, 0
    while at < len(data):
        tag, at = _varint(data, at)
        wire = tag & 7
        if wire == 0:
            raw, at = _varint(data, at)
        elif wire == 1:
            raw, at = data[at : at + 8], at + 8
        elif wire == 5:
            raw, at = data[at : at + 4], at + 4
        elif wire == 2:
            size, at = _varint(data, at)
            raw, at = data[at : at + size], at + size
            if len(raw) != size:
                raise ValueError("a field is longer than its message")
        else:
            raise ValueError(f"wire type {wire}")
        if tag >> 3 not in schema:
            continue
        name, kind = schema[tag >> 3]
        repeated = isinstance(kind, list)
        value = _value(raw, kind[0] if repeated else kind)
        if repeated:
            message.setdefault(name, []).append(value)
        else:
            message[name] = value
    return message


def _value(raw, kind):
    if isinstance(kind, dict):
        return parse(raw, kind)
    if kind == STRING:
        return raw.decode("utf-8")
    if kind == BOOL:
        return bool(raw)
    if kind == DOUBLE:
        return struct.unpack("<d", raw)[0]
    if kind == SINT:
        return (raw >> 1) ^ -(raw & 1)
    return raw - (1 << 64) if raw >= 1 << 63 else raw


def records(path):
    """(kind, content) of each record in the file, its number checked."""
    with open(path, "rb") as file:
        data = file.read()
    for count, payload in enumerate(payloads(data), 1):
        record = parse(payload, RECORD)
        if record.get("num") != count:
            raise ValueError(f"record {count} has number {record.get('num')}")
        kind = next((name for name in record if name != "num"), None)
        yield kind, record.get(kind)
