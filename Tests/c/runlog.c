#include "runlog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { block_size = 32768, chunk_header = 7 };

static uint32_t crc_table[256];

static uint32_t crc32_of(const uint8_t *bytes, size_t size) {
  uint32_t crc = 0xFFFFFFFFu;
  size_t index;
  if (!crc_table[1]) {
    uint32_t byte;
    for (byte = 0; byte < 256; byte++) {
      uint32_t value = byte;
      int bit;
      for (bit = 0; bit < 8; bit++) value = value & 1 ? 0xEDB88320u ^ (value >> 1) : value >> 1;
      crc_table[byte] = value;
    }
  }
  for (index = 0; index < size; index++) crc = crc_table[(crc ^ bytes[index]) & 0xFF] ^ (crc >> 8);
  return ~crc;
}

bool runlog_next(const uint8_t **cursor, const uint8_t *end, runlog_field *field) {
  uint64_t tag = 0, value = 0;
  int shift;
  const uint8_t *at = *cursor;
  if (at >= end) return false;
  for (shift = 0; at < end && shift < 64; shift += 7) {
    tag |= (uint64_t)(*at & 0x7F) << shift;
    if (!(*at++ & 0x80)) break;
  }
  field->number = (int)(tag >> 3);
  field->wire = (int)(tag & 7);
  field->data = NULL;
  field->size = 0;
  field->value = 0;
  switch (field->wire) {
    case 0:
    case 2:
      for (shift = 0; at < end && shift < 64; shift += 7) {
        value |= (uint64_t)(*at & 0x7F) << shift;
        if (!(*at++ & 0x80)) break;
      }
      field->value = value;
      if (field->wire == 2) {
        if (value > (uint64_t)(end - at)) return false;
        field->data = at;
        field->size = (size_t)value;
        at += value;
      }
      break;
    case 1:
      if (end - at < 8) return false;
      memcpy(&field->value, at, 8);
      at += 8;
      break;
    case 5: {
      uint32_t half;
      if (end - at < 4) return false;
      memcpy(&half, at, 4);
      field->value = half;
      at += 4;
      break;
    }
    default:
      return false;
  }
  *cursor = at;
  return true;
}

static void deliver(const uint8_t *payload, size_t size, runlog_record_fn fn, void *user, runlog_outcome *outcome) {
  const uint8_t *cursor = payload, *end = payload + size;
  runlog_field field;
  int kind = 0;
  const uint8_t *body = NULL;
  size_t body_size = 0;
  while (runlog_next(&cursor, end, &field)) {
    if (field.number >= 2 && field.number <= 100 && field.wire == 2 && field.number != 16 && field.number != 19) {
      kind = field.number;
      body = field.data;
      body_size = field.size;
    }
  }
  if (cursor != end) outcome->complaint = "a record is not protobuf";
  outcome->records++;
  if (fn) fn(kind, body, body_size, user);
}

runlog_outcome runlog_read(const char *path, runlog_record_fn fn, void *user) {
  runlog_outcome outcome = {0, false, false, NULL};
  static const uint8_t ident[7] = {0x3A, 0x57, 0x26, 0x42, 0xE1, 0xBE, 0x00};
  uint8_t *block = malloc(block_size);
  uint8_t *record = NULL;
  size_t record_size = 0, record_room = 0;
  bool inside = false, first_block = true;
  FILE *file = fopen(path, "rb");
  if (!file || !block) {
    if (file) fclose(file);
    free(block);
    return outcome;
  }
  for (;;) {
    size_t got = fread(block, 1, block_size, file), at = 0;
    if (first_block) {
      if (got < 7 || memcmp(block, ident, 7) != 0) break;
      outcome.readable = true;
      first_block = false;
      at = 7;
    }
    while (at + chunk_header <= got) {
      uint32_t crc = (uint32_t)block[at] | (uint32_t)block[at + 1] << 8 | (uint32_t)block[at + 2] << 16 |
                     (uint32_t)block[at + 3] << 24;
      size_t length = (size_t)block[at + 4] | (size_t)block[at + 5] << 8;
      int type = block[at + 6];
      if (type == 0 && length == 0 && crc == 0) {
        outcome.complaint = "zeros where a chunk should be";
        goto out;
      }
      if (at + chunk_header + length > got) {
        outcome.complaint = "a chunk is cut";
        goto out;
      }
      if (crc32_of(block + at + 6, length + 1) != crc) {
        outcome.complaint = "a checksum is wrong";
        goto out;
      }
      if ((type == 1 || type == 2) == inside || type < 1 || type > 4) {
        outcome.complaint = "a chunk is out of order";
        goto out;
      }
      if (record_size + length > record_room) {
        record_room = (record_size + length) * 2;
        record = realloc(record, record_room);
        if (!record) abort();
      }
      if (length) memcpy(record + record_size, block + at + chunk_header, length);
      record_size += length;
      inside = type == 2 || type == 3;
      if (!inside) {
        deliver(record, record_size, fn, user, &outcome);
        record_size = 0;
      }
      at += chunk_header + length;
    }
    if (got < block_size) {
      if (at != got) outcome.complaint = "a chunk header is cut";
      break;
    }
  }
  if (inside) outcome.complaint = "the last record is cut";
out:
  outcome.clean = outcome.readable && !outcome.complaint;
  fclose(file);
  free(block);
  free(record);
  return outcome;
}

/* Items: history (1: item), summary and config (1: update); key 1, nested_key 2, value_json 16, typed 3..8. */
static bool same_key(const runlog_field *item, const char *key) {
  const uint8_t *cursor = item->data, *end = item->data + item->size;
  runlog_field field;
  char joined[1024];
  size_t used = 0;
  bool nested = false;
  size_t plain_size = 0;
  const uint8_t *plain = NULL;
  while (runlog_next(&cursor, end, &field)) {
    if (field.number == 2 && field.wire == 2) {
      if (used + field.size + 1 >= sizeof joined) return false;
      if (nested) joined[used++] = '.';
      memcpy(joined + used, field.data, field.size);
      used += field.size;
      nested = true;
    } else if (field.number == 1 && field.wire == 2) {
      plain = field.data;
      plain_size = field.size;
    }
  }
  if (nested) return strlen(key) == used && memcmp(joined, key, used) == 0;
  return plain && strlen(key) == plain_size && memcmp(plain, key, plain_size) == 0;
}

const char *runlog_value(const uint8_t *body, size_t size, const char *key, size_t *length) {
  static char typed[64];
  const uint8_t *cursor = body, *end = body + size;
  runlog_field item, field;
  while (runlog_next(&cursor, end, &item)) {
    const uint8_t *inner, *inner_end;
    if (item.number != 1 || item.wire != 2 || !same_key(&item, key)) continue;
    inner = item.data;
    inner_end = item.data + item.size;
    while (runlog_next(&inner, inner_end, &field)) {
      if ((field.number == 16 || field.number == 8) && field.wire == 2) {
        *length = field.size;
        return (const char *)field.data;
      }
      if (field.number == 6 && field.wire == 1) {
        double number;
        memcpy(&number, &field.value, 8);
        *length = (size_t)snprintf(typed, sizeof typed, "%.17g", number);
        return typed;
      }
      if (field.number == 5 && field.wire == 0) {
        long long number = (long long)(field.value >> 1) ^ -(long long)(field.value & 1);
        *length = (size_t)snprintf(typed, sizeof typed, "%lld", number);
        return typed;
      }
    }
  }
  return NULL;
}

bool runlog_number(const uint8_t *body, size_t size, const char *key, double *number) {
  char text[64], *end;
  size_t length;
  const char *value = runlog_value(body, size, key, &length);
  if (!value || length == 0 || length >= sizeof text) return false;
  memcpy(text, value, length);
  text[length] = 0;
  *number = strtod(text, &end); /* reads NaN and Infinity as well */
  return *end == 0;
}

int64_t runlog_step(const uint8_t *body, size_t size) {
  const uint8_t *cursor = body, *end = body + size;
  runlog_field field, inner;
  while (runlog_next(&cursor, end, &field)) {
    if (field.number == 2 && field.wire == 2) {
      const uint8_t *at = field.data;
      while (runlog_next(&at, field.data + field.size, &inner)) {
        if (inner.number == 1) return (int64_t)inner.value;
      }
      return 0;
    }
  }
  return -1;
}

int64_t runlog_exit_code(const uint8_t *body, size_t size) {
  const uint8_t *cursor = body, *end = body + size;
  runlog_field field;
  while (runlog_next(&cursor, end, &field)) {
    if (field.number == 1 && field.wire == 0) return (int32_t)field.value;
  }
  return 0;
}
