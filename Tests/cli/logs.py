"""Writes `.wandb` logs by hand: framing from the format's description, records with the official client's messages."""

import struct
import zlib

from wandb.proto import wandb_internal_pb2 as pb

BLOCK = 32768


class LogWriter:
    """One log; `data` is the file's content so far, `offsets` where each record begins."""

    def __init__(self):
        self.data = bytearray(b":W&B\xe1\xbe\x00")
        self.offsets = []
        self.num = 0

    def add(self, record, number=True):
        if number:
            self.num += 1
            record.num = self.num
        self.add_bytes(record.SerializeToString())

    def add_bytes(self, payload):
        first = True
        self.offsets.append(len(self.data))
        while True:
            room = BLOCK - len(self.data) % BLOCK
            if room < 7:
                self.data += bytes(room)
                room = BLOCK
            part, payload = payload[: room - 7], payload[room - 7 :]
            kind = (1 if not payload else 2) if first else (4 if not payload else 3)
            body = bytes([kind]) + part
            self.data += struct.pack("<IH", zlib.crc32(body), len(part)) + body
            first = False
            if not payload:
                return

    def header(self, producer="0.31.0+test"):
        record = pb.Record()
        record.header.version_info.producer = producer
        self.add(record)

    def run(self, run_id="abc", project="p", config=None, **fields):
        record = pb.Record()
        record.run.run_id = run_id
        record.run.project = project
        record.run.start_time.seconds = 1700000000
        for name, value in fields.items():
            setattr(record.run, name, value)
        for key, text in (config or {}).items():
            item = record.run.config.update.add()
            item.key = key
            item.value_json = text
        self.add(record)

    def row(self, step, values):
        """values: {path or key: JSON text}"""
        summary, history = pb.Record(), pb.Record()
        history.history.step.num = step
        for key, text in values.items():
            path = [key] if isinstance(key, str) else list(key)
            for items in (summary.summary.update, history.history.item):
                item = items.add()
                item.nested_key.extend(path)
                item.value_json = text
        item = history.history.item.add()
        item.nested_key.append("_step")
        item.value_json = str(step)
        self.add(summary)
        self.add(history)

    def exit(self, code=0):
        record = pb.Record()
        record.exit.exit_code = code
        self.add(record)

    def save(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.data)
        return path


def read_log(path):
    """The records of an undamaged log, by an independent reader."""
    data = path.read_bytes()
    assert data[:7] == b":W&B\xe1\xbe\x00"
    at, records, parts = 7, [], b""
    while at < len(data):
        room = BLOCK - at % BLOCK
        if room < 7:
            assert not any(data[at : at + room])
            at += room
            continue
        crc, size, kind = struct.unpack_from("<IHB", data, at)
        body = data[at + 6 : at + 7 + size]
        assert len(body) == size + 1 and zlib.crc32(body) == crc
        parts += body[1:]
        at += 7 + size
        if kind in (1, 4):
            record = pb.Record()
            record.ParseFromString(parts)
            records.append(record)
            parts = b""
    assert not parts
    return records
