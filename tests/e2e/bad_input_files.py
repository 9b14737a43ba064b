"""Damaged and hostile model files, made from a sound one."""

import struct

U32, STRING, ARRAY, U64 = 4, 8, 9, 10
I32 = 26  # a type that GGUF knows and Linnet does not run; as wide as F32


def text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<Q", len(data)) + data


def header(tensors=0, pairs=0, version=3, magic=b"GGUF"):
    return magic + struct.pack("<IQQ", version, tensors, pairs)


def pair(key, kind, value):
    return text(key) + struct.pack("<I", kind) + value


def nested_array(depth):
    """An array of arrays of arrays..."""
    return struct.pack("<IQ", ARRAY, 1) * depth + struct.pack("<IQ", U32, 0)


def hostile():
    """name -> bytes; each is refused by every command."""
    huge = struct.pack("<Q", 1 << 63)
    architecture = pair("general.architecture", STRING, text("llama"))
    tensor = text("t") + struct.pack("<I", 1) + struct.pack("<Q", 32) + struct.pack("<IQ", 0, 0)
    return {
        "empty": b"",
        "one_byte": b"G",
        "wrong_magic": header(magic=b"GGML") + bytes(64),
        "big_endian": b"GGUF" + struct.pack(">IQQ", 3, 0, 0) + bytes(64),
        "version_1": header(version=1) + bytes(64),
        "version_99": header(version=99) + bytes(64),
        "header_only": header(),
        "billion_keys": header(pairs=10**9) + bytes(4096),
        "billion_tensors": header(tensors=10**9) + bytes(4096),
        "most_tensors": header(tensors=2**64 - 1, pairs=2**64 - 1) + bytes(4096),
        "key_length_2_63": header(pairs=1) + huge + bytes(64),
        "text_length_2_63": header(pairs=1) + text("general.name") + struct.pack("<I", STRING) + huge + bytes(64),
        "text_length_2_64": header(pairs=1) + text("a") + struct.pack("<IQ", STRING, 2**64 - 1) + bytes(64),
        "array_length_2_63": header(pairs=1) + text("a") + struct.pack("<II", ARRAY, U64) + huge + bytes(64),
        "array_of_texts_2_62": header(pairs=1) + text("a") + struct.pack("<IIQ", ARRAY, STRING, 1 << 62) + bytes(64),
        "array_in_itself": header(pairs=1) + pair("a", ARRAY, nested_array(100_000)),
        "unknown_value_type": header(pairs=1) + pair("a", 77, bytes(8)),
        "same_key_twice": header(pairs=2) + architecture * 2,
        "key_no_utf8": header(pairs=1) + pair(b"\xff\xfe\x00", U32, bytes(4)),
        "dimensions_billion": header(tensors=1) + text("t") + struct.pack("<I", 10**9) + bytes(256),
        "dimension_2_63": header(tensors=1) + text("t") + struct.pack("<I", 1) + huge + bytes(64),
        "dimensions_overflow": header(tensors=1) + text("t") + struct.pack("<IQQQQ", 4, *[1 << 32] * 4) + bytes(64),
        "tensor_offset_2_63": header(tensors=1) + text("t") + struct.pack("<IQI", 1, 32, 0) + huge + bytes(256),
        "tensor_beyond_end": header(1, 1) + architecture + tensor + bytes(4),
        "same_tensor_twice": header(2, 1) + architecture + tensor * 2 + bytes(1024),
        "alignment_0": header(pairs=1) + pair("general.alignment", U32, bytes(4)) + bytes(64),
        "alignment_3": header(pairs=1) + pair("general.alignment", U32, struct.pack("<I", 3)) + bytes(64),
        "no_hyperparameters": header(1, 1) + architecture + tensor + bytes(1024),
    }


def with_architecture(model, name):
    """The sound model, as if of another architecture."""
    return model.replace(pair("general.architecture", STRING, text("llama")),
                         pair("general.architecture", STRING, text(name)), 1)  # fmt: skip


def with_tensor_type(model, tensor, kind):
    """The sound model with one tensor's type replaced."""
    at = model.index(text(tensor)) + len(text(tensor))
    (dimensions,) = struct.unpack_from("<I", model, at)
    at += 4 + 8 * dimensions
    return model[:at] + struct.pack("<I", kind) + model[at + 4 :]


class Gguf:
    """A sound file taken apart, to be put together again with one thing wrong."""

    SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}

    def __init__(self, data):
        tensors, pairs = struct.unpack_from("<QQ", data, 8)
        at = 24
        self.keys, self.tensors = {}, {}  # key -> (type, bytes as stored); name -> [shape, type, bytes]

        def take(size):
            nonlocal at
            at += size
            return data[at - size : at]

        def string():
            return take(struct.unpack("<Q", take(8))[0])

        def skip(kind):
            if kind == STRING:
                string()
            elif kind == ARRAY:
                element, count = struct.unpack("<IQ", take(12))
                for _ in range(count):
                    skip(element)
            else:
                take(self.SIZES[kind])

        for _ in range(pairs):
            key, kind = string().decode(), struct.unpack("<I", take(4))[0]
            start = at
            skip(kind)
            self.keys[key] = (kind, data[start:at])
        heads = []
        for _ in range(tensors):
            name, dimensions = string().decode(), struct.unpack("<I", take(4))[0]
            shape = list(struct.unpack(f"<{dimensions}Q", take(8 * dimensions)))
            heads.append((name, shape, *struct.unpack("<IQ", take(12))))
        base = -(-at // 32) * 32
        ends = sorted(head[3] for head in heads) + [len(data) - base]
        for name, shape, kind, offset in heads:
            self.tensors[name] = [shape, kind, data[base + offset : base + ends[ends.index(offset) + 1]]]

    def write(self, offsets=None, repeat=()):
        """offsets: name -> another offset than the right one; repeat: names of tensors that are listed twice."""
        out = header(len(self.tensors) + len(repeat), len(self.keys))
        out += b"".join(pair(key, kind, value) for key, (kind, value) in self.keys.items())
        blob = b""
        for name in [*self.tensors, *repeat]:
            shape, kind, values = self.tensors[name]
            offset = (offsets or {}).get(name, len(blob))
            out += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)
            blob += values + bytes(-len(values) % 32)
        return out + bytes(-len(out) % 32) + blob

    def strings(self, key):
        count = struct.unpack_from("<Q", self.keys[key][1], 4)[0]
        at, found = 12, []
        for _ in range(count):
            size = struct.unpack_from("<Q", self.keys[key][1], at)[0]
            found.append(self.keys[key][1][at + 8 : at + 8 + size])
            at += 8 + size
        return found

    def set_strings(self, key, values):
        self.keys[key] = (ARRAY, struct.pack("<IQ", STRING, len(values)) + b"".join(map(text, values)))


def damaged(sound):
    """name -> (bytes, what the message says); each is refused by every command that computes."""
    cases = {}

    def case(name, says, change, **options):
        file = Gguf(sound)
        change(file)
        cases[name] = (file.write(**options), says)

    def set_key(key, kind, value):
        return lambda file: file.keys.__setitem__(key, (kind, value))

    def tokens(change):
        def apply(file):
            values = file.strings("tokenizer.ggml.tokens")
            change(values)
            file.set_strings("tokenizer.ggml.tokens", values)

        return apply

    first = "blk.0.attn_q.weight"
    case("missing_tensor", first, lambda file: file.tensors.pop(first))
    case("missing_norm", "output_norm.weight", lambda file: file.tensors.pop("output_norm.weight"))
    case("wrong_shape", first, lambda file: file.tensors[first].__setitem__(0, [64, 256]))
    case("fewer_rows", first, lambda file: file.tensors[first][0].__setitem__(1, 32))
    case("extra_tensor", "blk.0.mystery.weight",
         lambda file: file.tensors.__setitem__("blk.0.mystery.weight", [[32], 0, bytes(128)]))  # fmt: skip
    case("unknown_family", "quuux", set_key("general.architecture", STRING, text("quuux")))
    case("no_family", "architecture", lambda file: file.keys.pop("general.architecture"))
    case("unknown_type", first, lambda file: file.tensors[first].__setitem__(1, 99))
    case("same_tensor_twice", first, lambda file: None, repeat=[first])
    case("tensors_overlap", "overlap", lambda file: None, offsets={first: 0})
    case("tensor_past_the_end", first, lambda file: None, offsets={first: 1 << 40})
    case("tensor_unaligned", first, lambda file: None, offsets={first: 7})
    case("layers_2_31", "block_count", set_key("llama.block_count", U32, struct.pack("<I", 1 << 31)))
    case("no_heads", "head_count", set_key("llama.attention.head_count", U32, bytes(4)))
    case("unknown_tokenizer", "quuux", set_key("tokenizer.ggml.model", STRING, text("quuux")))
    case("unknown_pretokenizer", "quuux", set_key("tokenizer.ggml.pre", STRING, text("quuux")))
    case("no_tokens", "tokenizer.ggml.tokens", lambda file: file.keys.pop("tokenizer.ggml.tokens"))
    case("fewer_tokens", "tokenizer.ggml", tokens(lambda values: values.pop()))
    case("token_twice", "tokenizer.ggml.tokens", tokens(lambda values: values.__setitem__(300, values[301])))
    case("eos_outside", "eos_token_id", set_key("tokenizer.ggml.eos_token_id", U32, struct.pack("<I", 1 << 20)))
    case("eos_no_number", "eos_token_id", set_key("tokenizer.ggml.eos_token_id", STRING, text("</s>")))
    case("nan_norm", "output_norm.weight", lambda file: file.tensors["output_norm.weight"].__setitem__(
        2, b"\x00\x00\xc0\x7f" + file.tensors["output_norm.weight"][2][4:]))  # fmt: skip
    # Blocks of Q8_0 begin with their scale, a half.
    case("nan_scale", first, lambda file: file.tensors[first].__setitem__(2, b"\x00\x7e" + file.tensors[first][2][2:]))
    return cases
