"""Byte-level BPE (gpt2 model, qwen2 pre-tokenizer): trainer and encoder.

The pre-tokenizer keeps letters, single digits and punctuation apart, so the inside of a slot ({r1} = r, 1 or {value} = value) is
the same tokens wherever the slot stands; only the brackets may carry what is around them (" {", '":"{')."""

import collections
import functools
import re
import sys
import unicodedata

SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]

# \p{L} and \p{N} spelled out: Python's \d is only Nd and \w also takes the other number classes.
_OTHER_NUMBERS = "".join(chr(i) for i in range(sys.maxunicode + 1) if unicodedata.category(chr(i)) in ("Nl", "No"))
_L, _N = rf"[^\W\d_{_OTHER_NUMBERS}]", rf"[\d{_OTHER_NUMBERS}]"
_NOT_LN = rf"(?:(?!{_L}|{_N})[^\s])"
PIECES = re.compile(rf"(?i:'s|'t|'re|'ve|'m|'ll|'d)|(?:(?!{_L}|{_N})[^\r\n])?{_L}+|{_N}| ?{_NOT_LN}+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def _byte_letters():
    keep = list(range(ord("!"), ord("~") + 1)) + list(range(0xA1, 0xAD)) + list(range(0xAE, 0x100))
    table, extra = {b: chr(b) for b in keep}, 0
    for b in range(256):
        if b not in table:
            table[b] = chr(256 + extra)
            extra += 1
    return table


BYTE_TO_LETTER = _byte_letters()
LETTER_TO_BYTE = {c: b for b, c in BYTE_TO_LETTER.items()}


def letters(text):
    return "".join(BYTE_TO_LETTER[b] for b in text.encode())


def train(texts, vocab_size, damp=0.6):
    """Learns merges from texts; returns the list of (left, right). Piece counts are damped so that rare words get merges too."""
    counts = collections.Counter(p for t in texts for p in PIECES.findall(t))
    words = [(list(letters(p)), n**damp) for p, n in sorted(counts.items())]
    pairs, where = collections.Counter(), collections.defaultdict(set)
    for i, (symbols, n) in enumerate(words):
        for pair in zip(symbols, symbols[1:]):
            pairs[pair] += n
            where[pair].add(i)
    merges = []
    while len(merges) < vocab_size - 256 - len(SPECIALS) and pairs:
        best = max(pairs, key=lambda p: (pairs[p], p))
        if pairs[best] < 1.5:
            break
        merges.append(best)
        joined = best[0] + best[1]
        for i in list(where.pop(best)):
            symbols, n = words[i]
            for pair in zip(symbols, symbols[1:]):
                pairs[pair] -= n
            out, k = [], 0
            while k < len(symbols):
                if k + 1 < len(symbols) and (symbols[k], symbols[k + 1]) == best:
                    out.append(joined)
                    k += 2
                else:
                    out.append(symbols[k])
                    k += 1
            symbols[:] = out
            for pair in zip(out, out[1:]):
                pairs[pair] += n
                where[pair].add(i)
        del pairs[best]
    return merges


class Tokenizer:
    """tokens: the vocabulary in gpt2 letters, specials last; merges: pairs, best first."""

    def __init__(self, merges, vocab_size=None):
        self.merges = merges
        self.tokens = [BYTE_TO_LETTER[b] for b in range(256)] + [a + b for a, b in merges]
        padding = (vocab_size or len(self.tokens) + len(SPECIALS)) - len(self.tokens) - len(SPECIALS)
        self.tokens += [f"<|unused{i}|>" for i in range(padding)] + SPECIALS
        self.unused = padding
        self.ids = {t: i for i, t in enumerate(self.tokens)}
        self.ranks = {pair: i for i, pair in enumerate(merges)}
        self.end_of_text, self.im_start, self.im_end = (self.ids[s] for s in SPECIALS)
        self.piece = functools.lru_cache(maxsize=1 << 16)(self._piece)
        self.bytes = [b"" if t in SPECIALS or t.startswith("<|unused") else bytes(LETTER_TO_BYTE[c] for c in t) for t in self.tokens]

    def _piece(self, text):
        symbols = list(letters(text))
        while len(symbols) > 1:
            rank, k = min((self.ranks.get(p, 1 << 30), k) for k, p in enumerate(zip(symbols, symbols[1:])))
            if rank == 1 << 30:
                break
            symbols[k:k + 2] = [symbols[k] + symbols[k + 1]]
        return [self.ids[s] for s in symbols]

    def encode(self, text):
        return [i for p in PIECES.findall(text) for i in self.piece(p)]

    def decode(self, ids):
        return b"".join(self.bytes[i] for i in ids).decode("utf-8", "replace")

    def prompt(self, text):
        """One ChatML turn up to where the answer begins (FORMAT.md)."""
        return [self.im_start] + self.encode("user\n" + text) + [self.im_end] + self.encode("\n") + [self.im_start] + self.encode("assistant\n")
