"""A small GGUF v3 writer and reader: metadata, F32 and Q8_0 tensors, 32-byte alignment."""

import struct

import numpy as np

ALIGNMENT = 32
U32, F32, BOOL, STRING, ARRAY, I32 = 4, 6, 7, 8, 9, 5
TYPE_F32, TYPE_Q8_0 = 0, 8
_FORMATS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", U32: "<I", I32: "<i", F32: "<f", BOOL: "<?", 10: "<Q", 11: "<q", 12: "<d"}


def _string(text):
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _value(kind, value):
    if kind == STRING:
        return _string(value)
    if kind == ARRAY:
        inner, items = value
        return struct.pack("<IQ", inner, len(items)) + b"".join(_value(inner, i) for i in items)
    return struct.pack(_FORMATS[kind], value)


def quantize_q8_0(matrix):
    """[rows, cols] float32 -> bytes: blocks of 32 with an f16 scale d = amax / 127; values rounded half away from zero."""
    blocks = matrix.astype(np.float32).reshape(-1, 32)
    scale = np.abs(blocks).max(1, keepdims=True) / np.float32(127)
    inverse = np.where(scale > 0, 1 / np.where(scale > 0, scale, 1), 0).astype(np.float32)
    scaled = blocks * inverse
    codes = (np.sign(scaled) * np.floor(np.abs(scaled) + np.float32(0.5))).astype(np.int8)
    return np.concatenate([scale.astype("<f2").view(np.uint8), codes.view(np.uint8)], 1).tobytes()


def dequantize_q8_0(raw, shape):
    blocks = np.frombuffer(raw, np.uint8).reshape(-1, 34)
    scale = blocks[:, :2].copy().view("<f2").astype(np.float32)
    return (blocks[:, 2:].copy().view(np.int8).astype(np.float32) * scale).reshape(shape)


def write(path, metadata, tensors):
    """metadata: list of (key, kind, value); tensors: list of (name, array). Matrices with 32 | cols become Q8_0, the rest F32."""
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    for key, kind, value in metadata:
        head += _string(key) + struct.pack("<I", kind) + _value(kind, value)
    data = b""
    for name, array in tensors:
        quantized = array.ndim == 2 and array.shape[1] % 32 == 0
        raw = quantize_q8_0(array) if quantized else array.astype("<f4").tobytes()
        data += b"\0" * (-len(data) % ALIGNMENT)
        head += _string(name) + struct.pack("<I", array.ndim) + b"".join(struct.pack("<Q", n) for n in reversed(array.shape))
        head += struct.pack("<IQ", TYPE_Q8_0 if quantized else TYPE_F32, len(data))
        data += raw
    data += b"\0" * (-len(data) % ALIGNMENT)
    with open(path, "wb") as out:
        out.write(head + b"\0" * (-len(head) % ALIGNMENT) + data)


class Reader:
    """Reads a file this folder writes: .metadata (dict) and .tensors (name -> float32 array, dequantized)."""

    def __init__(self, path):
        with open(path, "rb") as source:
            self._raw = source.read()
        if self._raw[:4] != b"GGUF":
            raise ValueError(f"{path}: begins with {self._raw[:4]!r}, expected b'GGUF'")
        self._at = 4
        _, tensor_count, key_count = self._take("<I"), self._take("<Q"), self._take("<Q")
        self.metadata = {}
        for _ in range(key_count):
            key = self._text()
            self.metadata[key] = self._read(self._take("<I"))
        infos = []
        for _ in range(tensor_count):
            name, rank = self._text(), self._take("<I")
            shape = [self._take("<Q") for _ in range(rank)][::-1]
            infos.append((name, shape, self._take("<I"), self._take("<Q")))
        base = self._at + -self._at % ALIGNMENT
        self.tensors, self.types = {}, {}
        for name, shape, kind, offset in infos:
            count = int(np.prod(shape))
            if kind == TYPE_Q8_0:
                self.tensors[name] = dequantize_q8_0(self._raw[base + offset:base + offset + count // 32 * 34], shape)
            else:
                self.tensors[name] = np.frombuffer(self._raw, "<f4", count, base + offset).reshape(shape).copy()
            self.types[name] = kind

    def _take(self, fmt):
        value, = struct.unpack_from(fmt, self._raw, self._at)
        self._at += struct.calcsize(fmt)
        return value

    def _text(self):
        size = self._take("<Q")
        self._at += size
        return self._raw[self._at - size:self._at].decode()

    def _read(self, kind):
        if kind == STRING:
            return self._text()
        if kind == ARRAY:
            inner = self._take("<I")
            return [self._read(inner) for _ in range(self._take("<Q"))]
        return self._take(_FORMATS[kind])
