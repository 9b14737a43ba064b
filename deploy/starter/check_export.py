"""Checks an exported file against the network it came from: check_export.py CHECKPOINT.pt FILE.gguf.

The file is read back, dequantized and run by model/decode.py (interleaved RoPE, own code); its logits and greedy answers must agree with
model/net.py (half-split RoPE, float32) up to what Q8_0 changes, and exactly when the network carries the dequantized weights itself."""

import random
import sys

import torch

from data import mix
from export_model import load
from model.decode import Decoder
from model.gguf import dequantize_q8_0, quantize_q8_0


def greedy(net, ids, end, limit=200):
    out = []
    with torch.no_grad():
        while len(out) < limit:
            states = net.hidden(torch.tensor([ids + out]), torch.float32)
            token = int((states[0, -1] @ net.embedding.T).argmax())
            if token == end:
                break
            out.append(token)
    return out


def main(checkpoint, path, count=24):
    net, tokenizer = load(checkpoint)
    decoder = Decoder(path)
    rng = random.Random(99)
    rows = [mix.example(rng, rng.choice(["seen", "unseen"])) for _ in range(count)]
    assert all(tokenizer.prompt(p) == decoder.tokenizer.prompt(p) for p, _ in rows), "the exported tokenizer encodes differently"
    prompts = [tokenizer.prompt(p) for p, _ in rows]
    from_file = [ids for ids, _ in decoder.greedy(prompts)]
    trained = [greedy(net, p, tokenizer.im_end) for p in prompts]
    with torch.no_grad():
        for p in net.parameters():
            if p.dim() == 2:
                p.copy_(torch.from_numpy(dequantize_q8_0(quantize_q8_0(p.numpy()), tuple(p.shape))))
    rounded = [greedy(net, p, tokenizer.im_end) for p in prompts]
    same = sum(a == b for a, b in zip(from_file, trained))
    exact = sum(a == b for a, b in zip(from_file, rounded))
    print(f"answers equal: file and float32 network {same}/{count}, file and network with the same rounded weights {exact}/{count}")
    if exact != count or same < count * 0.9:
        raise SystemExit("check_export: the exported file does not answer as the network does")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
