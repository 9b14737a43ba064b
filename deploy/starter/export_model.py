"""Writes the GGUF file of a checkpoint: export_model.py CHECKPOINT.pt OUT.gguf."""

import os
import sys

import torch

from model.bpe import Tokenizer
from model.export import export
from model.net import Config, Net

NOTE = "Starter model for Linnet's three demonstration tasks (report, recipe, intent) in English and German; made from scratch, see deploy/starter."


def load(path):
    state = torch.load(path)
    net = Net(Config())
    net.load_state_dict(state["net"])
    return net.eval(), Tokenizer([tuple(m) for m in state["merges"]], net.config.vocab)


if __name__ == "__main__":
    trained, tokens = load(sys.argv[1])
    export(sys.argv[2], trained, tokens, NOTE)
    print(sys.argv[2], os.path.getsize(sys.argv[2]), "bytes")
