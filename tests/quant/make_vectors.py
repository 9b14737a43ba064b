#!/usr/bin/env python3
"""Prints the table of tests/quant/unpack_test.cc: for every block type, a hash of what 64 pseudorandom blocks dequantize to.

Written from the formats' description (ggml-common.h, the OCP microscaling specification), element by element, in plain Python with one
rounding to float32 an operation. It shares nothing with runtime/quant."""
import struct

MASK = (1 << 64) - 1
BLOCKS = 64
IQ4 = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113]
FP4 = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0]


def f32(x):
    """The nearest float32, as a Python float."""
    try:
        return struct.unpack("<f", struct.pack("<f", x))[0]
    except OverflowError:
        return float("inf") if x > 0 else float("-inf")


def mul(a, b):
    return f32(a * b)


def half(block, at):
    return struct.unpack("<e", block[at:at + 2])[0]


def bit(block, at, i):
    """Bit i of the bytes from `at` on, read as one little-endian number."""
    return block[at + i // 8] >> (i % 8) & 1


def nibble(block, at, e):
    """Element e of 32: the low nibbles first."""
    return block[at + e % 16] >> (4 if e >= 16 else 0) & 15


def q4_0(b):
    return [mul(half(b, 0), nibble(b, 2, e) - 8) for e in range(32)]


def q4_1(b):
    return [f32(mul(half(b, 0), nibble(b, 4, e)) + half(b, 2)) for e in range(32)]


def q5_0(b):
    return [mul(half(b, 0), nibble(b, 6, e) + 16 * bit(b, 2, e) - 16) for e in range(32)]


def q5_1(b):
    return [f32(mul(half(b, 0), nibble(b, 8, e) + 16 * bit(b, 4, e)) + half(b, 2)) for e in range(32)]


def q8_0(b):
    return [mul(half(b, 0), struct.unpack("<b", b[2 + e:3 + e])[0]) for e in range(32)]


def iq4_nl(b):
    return [mul(half(b, 0), IQ4[nibble(b, 2, e)]) for e in range(32)]


def mxfp4(b):
    values = []
    for e in range(32):
        code = nibble(b, 1, e)
        values.append(f32((-1.0 if code & 8 else 1.0) * FP4[code & 7] * 2.0**(b[0] - 127)))
    # A code of minus zero is zero: the table holds integers.
    return [v + 0.0 if v != 0 else 0.0 for v in values]


def two_bits(b, at, e):
    """Four planes of 32 elements share 32 bytes; 128 elements, then the next 32 bytes."""
    return b[at + 32 * (e // 128) + e % 32] >> 2 * (e % 128 // 32) & 3


def q2_k(b):
    out = []
    for e in range(256):
        s = b[e // 16]
        out.append(f32(mul(mul(half(b, 80), s & 15), two_bits(b, 16, e)) - mul(half(b, 82), s >> 4)))
    return out


def q3_k(b):
    out = []
    for e in range(256):
        j = e // 16
        low = b[96 + j] & 15 if j < 8 else b[96 + j - 8] >> 4
        high = b[104 + j % 4] >> 2 * (j // 4) & 3
        third = b[e % 32] >> e // 32 & 1
        out.append(mul(mul(half(b, 108), low + 16 * high - 32), two_bits(b, 32, e) + 4 * third - 4))
    return out


def k4_scales(b, j):
    """Six bits each, twelve bytes: see get_scale_min of the K formats."""
    s = b[4:16]
    if j < 4:
        return s[j] & 63, s[j + 4] & 63
    return (s[j + 4] & 15) + 16 * (s[j - 4] >> 6), (s[j + 4] >> 4) + 16 * (s[j] >> 6)


def q4_k(b):
    out = []
    for e in range(256):
        scale, low = k4_scales(b, e // 32)
        q = b[16 + 32 * (e // 64) + e % 32] >> (4 if e % 64 >= 32 else 0) & 15
        out.append(f32(mul(mul(half(b, 0), scale), q) - mul(half(b, 2), low)))
    return out


def q5_k(b):
    out = []
    for e in range(256):
        scale, low = k4_scales(b, e // 32)
        q = b[48 + 32 * (e // 64) + e % 32] >> (4 if e % 64 >= 32 else 0) & 15
        q += 16 * (b[16 + e % 32] >> e // 32 & 1)
        out.append(f32(mul(mul(half(b, 0), scale), q) - mul(half(b, 2), low)))
    return out


def q6_k(b):
    out = []
    for e in range(256):
        h, r = divmod(e, 128)
        low = b[64 * h + r % 64] >> (4 if r >= 64 else 0) & 15
        high = two_bits(b, 128, e)
        scale = struct.unpack("<b", b[192 + e // 16:193 + e // 16])[0]
        out.append(mul(mul(half(b, 208), scale), low + 16 * high - 32))
    return out


def iq4_xs(b):
    out = []
    high = struct.unpack("<H", b[2:4])[0]
    for e in range(256):
        j = e // 32
        scale = (b[4 + j // 2] >> 4 * (j % 2) & 15) + 16 * (high >> 2 * j & 3) - 32
        out.append(mul(mul(half(b, 0), scale), IQ4[nibble(b, 8 + 16 * j, e % 32)]))
    return out


def tq1_0(b):
    def trit(byte, digit):
        """Digit 0, 1, ... after the point of byte / 256 in base 3."""
        return byte * 3**digit % 256 * 3 // 256
    out = [trit(b[e % 32], e // 32) for e in range(160)]
    out += [trit(b[32 + e % 16], e // 16) for e in range(80)]
    out += [trit(b[48 + e % 4], e // 4) for e in range(16)]
    return [mul(half(b, 52), t - 1) for t in out]


def tq2_0(b):
    return [mul(half(b, 64), two_bits(b, 0, e) - 1) for e in range(256)]


# name, bytes of a block, where its halves stand, values of a block
TYPES = [
    ("Q4_0", 18, (0,), q4_0), ("Q4_1", 20, (0, 2), q4_1), ("Q5_0", 22, (0,), q5_0), ("Q5_1", 24, (0, 2), q5_1),
    ("Q8_0", 34, (0,), q8_0), ("Q2_K", 84, (80, 82), q2_k), ("Q3_K", 110, (108,), q3_k), ("Q4_K", 144, (0, 2), q4_k),
    ("Q5_K", 176, (0, 2), q5_k), ("Q6_K", 210, (208,), q6_k), ("IQ4_NL", 18, (0,), iq4_nl), ("IQ4_XS", 136, (0,), iq4_xs),
    ("TQ1_0", 54, (52,), tq1_0), ("TQ2_0", 66, (64,), tq2_0), ("MXFP4", 17, (), mxfp4),
]


def splitmix(seed):
    while True:
        seed = (seed + 0x9e3779b97f4a7c15) & MASK
        z = seed
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9 & MASK
        z = (z ^ z >> 27) * 0x94d049bb133111eb & MASK
        yield z ^ z >> 31


def blocks(size, halves):
    """Bytes of any value, but for scales that are not finite; the first two blocks are all zeros and all ones."""
    numbers = splitmix(1)
    for i in range(BLOCKS):
        block = bytearray(next(numbers) >> 56 for _ in range(size))
        if i < 2:
            block = bytearray([0x00 if i == 0 else 0xff] * size)
        for at in halves:
            if block[at + 1] & 0x7c == 0x7c:
                block[at + 1] &= 0xbf
        yield bytes(block)


def main():
    for name, size, halves, values in TYPES:
        digest = 0xcbf29ce484222325  # FNV-1a
        for block in blocks(size, halves):
            for value in values(block):
                for byte in struct.pack("<f", value):
                    digest = (digest ^ byte) * 0x100000001b3 & MASK
        print(f"    {{WeightType::k{name}, 0x{digest:016x}}},")


if __name__ == "__main__":
    main()
