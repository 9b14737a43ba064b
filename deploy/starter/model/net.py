"""The llama network: RMSNorm, grouped-query attention with half-split RoPE, SwiGLU, tied embeddings."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass
class Config:
    vocab: int = 2048
    width: int = 128
    layers: int = 4
    heads: int = 4
    kv_heads: int = 2
    hidden: int = 384
    context: int = 512
    rope_base: float = 10000.0
    norm_eps: float = 1e-5

    @property
    def head(self):
        return self.width // self.heads


def rope_table(config, length):
    half = config.head // 2
    angle = torch.arange(length).float()[:, None] * config.rope_base ** (-torch.arange(half).float() / half)
    return angle.cos(), angle.sin()


def rotate(x, cos, sin):
    """x: [batch, heads, tokens, head]; pairs (i, i + head/2). The exporter permutes rows to GGUF's (2i, 2i + 1)."""
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


class Net(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = c = config
        shapes = {"q": (c.heads * c.head, c.width), "k": (c.kv_heads * c.head, c.width), "v": (c.kv_heads * c.head, c.width), "o": (c.width, c.width),
                  "gate": (c.hidden, c.width), "up": (c.hidden, c.width), "down": (c.width, c.hidden)}
        self.embedding = nn.Parameter(torch.randn(c.vocab, c.width) * 0.05)
        self.blocks = nn.ModuleList()
        for _ in range(c.layers):
            block = nn.Module()
            for name, (rows, cols) in shapes.items():
                scale = cols**-0.5 * ((2 * c.layers) ** -0.5 if name in ("o", "down") else 1.0)
                setattr(block, name, nn.Parameter(torch.randn(rows, cols) * scale))
            block.attn_norm, block.ffn_norm = nn.Parameter(torch.ones(c.width)), nn.Parameter(torch.ones(c.width))
            self.blocks.append(block)
        self.norm = nn.Parameter(torch.ones(c.width))

    def _norm(self, x, weight):
        return x * (x.pow(2).mean(-1, keepdim=True) + self.config.norm_eps).rsqrt() * weight

    def hidden(self, ids, dtype, at=None):
        """ids: [batch, tokens] -> normalized states [batch, tokens, width], or [count, width] of the positions where `at` is true: the last
        block then spares the others its wide half. Matrices in dtype, the residual stream in float32."""
        c = self.config
        batch, length = ids.shape
        cos, sin = (t.to(dtype) for t in rope_table(c, length))
        mask = torch.full((length, length), float("-inf")).triu(1).to(dtype)
        x = F.embedding(ids, self.embedding)
        for i, b in enumerate(self.blocks):
            h = self._norm(x, b.attn_norm).to(dtype)
            q = F.linear(h, b.q.to(dtype)).view(batch, length, c.heads, c.head).transpose(1, 2)
            k = F.linear(h, b.k.to(dtype)).view(batch, length, c.kv_heads, c.head).transpose(1, 2)
            v = F.linear(h, b.v.to(dtype)).view(batch, length, c.kv_heads, c.head).transpose(1, 2)
            q, k = rotate(q, cos, sin), rotate(k, cos, sin)
            group = c.heads // c.kv_heads
            q = q.reshape(batch, c.kv_heads, group * length, c.head)
            scores = (q @ k.transpose(-1, -2)).view(batch, c.kv_heads, group, length, length) / math.sqrt(c.head) + mask
            mixed = scores.softmax(-1).view(batch, c.kv_heads, group * length, length) @ v
            mixed = mixed.view(batch, c.heads, length, c.head).transpose(1, 2).reshape(batch, length, c.width)
            x = x + F.linear(mixed, b.o.to(dtype)).float()
            if at is not None and i == c.layers - 1:
                x = x[at]
            h = self._norm(x, b.ffn_norm).to(dtype)
            x = x + F.linear(F.silu(F.linear(h, b.gate.to(dtype))) * F.linear(h, b.up.to(dtype)), b.down.to(dtype)).float()
        return self._norm(x, self.norm)

    def loss(self, ids, targets, dtype=torch.bfloat16):
        """Mean cross entropy over positions with targets >= 0 (answer tokens only)."""
        at = targets >= 0
        logits = F.linear(self.hidden(ids, dtype, at).to(dtype), self.embedding.to(dtype)).float()
        return F.cross_entropy(logits, targets[at])
