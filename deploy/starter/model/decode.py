"""Runs an exported GGUF file in float32, written against the file (interleaved RoPE) and not against model/net.py: the reference."""

import numpy as np
import torch

from model.bpe import SPECIALS, Tokenizer
from model.gguf import Reader


class Decoder:
    """Batched greedy decoding with a key/value cache; an optional mask chooses among the tokens."""

    def __init__(self, path):
        torch.set_num_threads(1)
        reader = Reader(path)
        meta = reader.metadata
        self.tensors = {k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in reader.tensors.items()}
        self.layers, self.heads, self.kv = (meta["llama." + k] for k in ("block_count", "attention.head_count", "attention.head_count_kv"))
        self.head, self.eps = meta["llama.rope.dimension_count"], meta["llama.attention.layer_norm_rms_epsilon"]
        half = self.head // 2
        self.rates = meta["llama.rope.freq_base"] ** (-torch.arange(half).float() / half)
        self.tokenizer = Tokenizer([tuple(m.split(" ")) for m in meta["tokenizer.ggml.merges"]], len(meta["tokenizer.ggml.tokens"]))
        if self.tokenizer.tokens != meta["tokenizer.ggml.tokens"] or self.tokenizer.tokens[meta["tokenizer.ggml.eos_token_id"]] != SPECIALS[2]:
            raise ValueError(f"{path}: the token list does not follow from the merges")
        self.end = meta["tokenizer.ggml.eos_token_id"]

    def _norm(self, x, name):
        return x * (x.pow(2).mean(-1, keepdim=True) + self.eps).rsqrt() * self.tensors[name]

    def _rotate(self, x, positions):
        """x: [batch, tokens, heads, head]; pairs (2i, 2i + 1)."""
        angle = positions[..., None, None].float() * self.rates
        cos, sin = angle.cos(), angle.sin()
        even, odd = x[..., 0::2], x[..., 1::2]
        return torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1).flatten(-2)

    def _forward(self, ids, positions, cache, visible):
        """ids, positions: [batch, tokens]; visible: [batch, tokens, past + tokens]; returns logits of the last token."""
        t, group = self.tensors, self.heads // self.kv
        batch, length = ids.shape
        x = t["token_embd.weight"][ids]
        for i in range(self.layers):
            h, p = self._norm(x, f"blk.{i}.attn_norm.weight"), f"blk.{i}."
            q = self._rotate((h @ t[p + "attn_q.weight"].T).view(batch, length, self.heads, self.head), positions)
            k = self._rotate((h @ t[p + "attn_k.weight"].T).view(batch, length, self.kv, self.head), positions)
            v = (h @ t[p + "attn_v.weight"].T).view(batch, length, self.kv, self.head)
            if cache[i] is not None:
                k, v = torch.cat([cache[i][0], k], 1), torch.cat([cache[i][1], v], 1)
            cache[i] = (k, v)
            scores = torch.einsum("bqkgd,bskd->bkgqs", q.view(batch, length, self.kv, group, self.head), k) / self.head**0.5
            weights = scores.masked_fill(~visible[:, None, None], float("-inf")).softmax(-1)
            mixed = torch.einsum("bkgqs,bskd->bqkgd", weights, v).reshape(batch, length, -1)
            x = x + mixed @ t[p + "attn_output.weight"].T
            h = self._norm(x, p + "ffn_norm.weight")
            x = x + (torch.nn.functional.silu(h @ t[p + "ffn_gate.weight"].T) * (h @ t[p + "ffn_up.weight"].T)) @ t[p + "ffn_down.weight"].T
        return self._norm(x[:, -1], "output_norm.weight") @ t["token_embd.weight"].T

    @torch.no_grad()
    def greedy(self, prompts, grammars=None, limit=200, batch=96):
        """prompts: token id lists. grammars: per prompt None or an object with accept(bytes) -> bool, advance(bytes), may_end().
        Returns per prompt (token ids without the end token, smallest top-2 margin of the chosen logits)."""
        results = [None] * len(prompts)
        order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
        for start in range(0, len(order), batch):
            chosen = order[start:start + batch]
            self._greedy_batch(prompts, chosen, grammars, limit, results)
        return results

    def _greedy_batch(self, prompts, chosen, grammars, limit, results):
        longest = max(len(prompts[i]) for i in chosen)
        pad = torch.tensor([longest - len(prompts[i]) for i in chosen])
        ids = torch.tensor([[0] * (longest - len(prompts[i])) + prompts[i] for i in chosen])
        real = torch.arange(longest)[None] >= pad[:, None]
        visible = real[:, None, :] & torch.ones(longest, longest, dtype=torch.bool).tril()[None] | torch.eye(longest, dtype=torch.bool)[None]
        cache = [None] * self.layers
        logits = self._forward(ids, (torch.arange(longest)[None] - pad[:, None]).clamp(min=0), cache, visible)
        answers, margins, alive = [[] for _ in chosen], [float("inf")] * len(chosen), [True] * len(chosen)
        for step in range(limit):
            top = logits.topk(2, -1)
            step_ids = []
            for row, i in enumerate(chosen):
                token = int(top.indices[row, 0])
                if alive[row]:
                    grammar = grammars[i] if grammars else None
                    if grammar is not None:
                        token = self._allowed(logits[row], token, grammar)
                    margins[row] = min(margins[row], float(top.values[row, 0] - top.values[row, 1]))
                    if token == self.end or token is None:
                        alive[row] = False
                    else:
                        answers[row].append(token)
                step_ids.append(token if token is not None else self.end)
            if not any(alive):
                break
            real = torch.cat([real, torch.ones(len(chosen), 1, dtype=torch.bool)], 1)
            logits = self._forward(torch.tensor(step_ids)[:, None], (longest + step - pad)[:, None], cache, real[:, None, :])
        for row, i in enumerate(chosen):
            results[i] = (answers[row], margins[row])

    def _allowed(self, logits, best, grammar):
        """The likeliest token the grammar accepts; None if nothing fits."""
        for token in [best] + logits.argsort(descending=True).tolist():
            if token == self.end:
                if grammar.may_end():
                    return token
                continue
            raw = self.tokenizer.bytes[token]
            if raw and grammar.accept(raw):
                grammar.advance(raw)
                return token
        return None

    def answer(self, ids):
        return self.tokenizer.decode(ids)
