"""Trains the starter model from scratch and writes a checkpoint, also every 500 steps on the way: train_model.py OUT.pt --steps N."""

import argparse
import json
import os
import random
import time

import numpy as np
import torch

from data import mix
from model.bpe import Tokenizer, train as train_bpe
from model.net import Config, Net

VOCAB = 2048


def make_tokenizer(seed, samples=24000):
    rng = random.Random(seed)
    texts = []
    for _ in range(samples):
        prompt, answer = mix.example(rng)
        texts += ["user\n" + prompt, answer, "assistant\n"]
    return Tokenizer(train_bpe(texts, VOCAB), VOCAB)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--steps", type=int, required=True, help="the length of the schedule: a constant rate, then linear to 0 over the second half")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--tokens", type=int, default=2048, help="tokens a batch")
    parser.add_argument("--log", help="the loss curve: wall minutes, processor minutes, tokens, smoothed loss")
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    began = time.time()
    tokenizer = make_tokenizer(args.seed)
    print(f"tokenizer {len(tokenizer.merges)} merges, {time.time() - began:.0f} s", flush=True)
    net = Net(Config(vocab=VOCAB))
    matrices = [p for p in net.parameters() if p.dim() == 2]
    vectors = [p for p in net.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}], lr=args.rate, betas=(0.9, 0.98), foreach=True)
    source = mix.batches(random.Random(args.seed), tokenizer, args.tokens)
    began, cpu, step, seen, average, curve, shown = time.time(), time.process_time(), 0, 0, None, [], 0
    while step < args.steps:
        rate = args.rate * min(1.0, (step + 1) / 40) * min(1.0, 2 * (1 - step / args.steps))
        for group in optimizer.param_groups:
            group["lr"] = rate
        ids, targets = next(source)
        loss = net.loss(torch.from_numpy(ids), torch.from_numpy(targets))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        step, seen = step + 1, seen + int(np.prod(ids.shape))
        average = loss.item() if average is None else 0.98 * average + 0.02 * loss.item()
        if time.time() - shown > 30:
            shown = time.time()
            curve.append((round((time.time() - began) / 60, 2), round((time.process_time() - cpu) / 60, 2), seen, round(average, 4)))
            print("wall %.2f min, cpu %.2f min, %d tokens, loss %.4f" % curve[-1], flush=True)
        if step % 500 == 0:
            save(args, net, tokenizer, curve)
    curve.append((round((time.time() - began) / 60, 2), round((time.process_time() - cpu) / 60, 2), seen, round(average, 4)))
    print("end: wall %.2f min, cpu %.2f min, %d tokens, loss %.4f" % curve[-1], f"steps {step}")
    save(args, net, tokenizer, curve)


def save(args, net, tokenizer, curve):
    torch.save({"net": net.state_dict(), "merges": tokenizer.merges, "curve": curve, "seed": args.seed}, args.out + ".part")
    os.replace(args.out + ".part", args.out)
    if args.log:
        with open(args.log, "w") as out:
            json.dump(curve, out)


if __name__ == "__main__":
    main()
