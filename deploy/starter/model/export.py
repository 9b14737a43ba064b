"""A trained checkpoint as a GGUF file of architecture llama."""

import numpy as np

from model import gguf
from model.bpe import SPECIALS

CHAT_TEMPLATE = ("{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}"
                 "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")


def interleave(matrix, heads):
    """Rows of q or k from half-split pairs (i, i + head/2) to GGUF llama's interleaved pairs (2i, 2i + 1)."""
    rows, cols = matrix.shape
    return matrix.reshape(heads, 2, rows // heads // 2, cols).swapaxes(1, 2).reshape(rows, cols)


def export(path, net, tokenizer, note):
    c = net.config
    kinds = [3 if t in SPECIALS else 5 if t.startswith("<|unused") else 1 for t in tokenizer.tokens]
    metadata = [
        ("general.architecture", gguf.STRING, "llama"), ("general.name", gguf.STRING, "Linnet starter"), ("general.license", gguf.STRING, "Apache-2.0"),
        ("general.description", gguf.STRING, note), ("general.languages", gguf.ARRAY, (gguf.STRING, ["en", "de"])),
        ("general.quantization_version", gguf.U32, 2), ("general.alignment", gguf.U32, gguf.ALIGNMENT), ("general.file_type", gguf.U32, 7),
        ("llama.block_count", gguf.U32, c.layers), ("llama.context_length", gguf.U32, c.context), ("llama.embedding_length", gguf.U32, c.width),
        ("llama.feed_forward_length", gguf.U32, c.hidden), ("llama.attention.head_count", gguf.U32, c.heads),
        ("llama.attention.head_count_kv", gguf.U32, c.kv_heads), ("llama.rope.dimension_count", gguf.U32, c.head), ("llama.vocab_size", gguf.U32, c.vocab),
        ("llama.rope.freq_base", gguf.F32, c.rope_base), ("llama.attention.layer_norm_rms_epsilon", gguf.F32, c.norm_eps),
        ("tokenizer.ggml.model", gguf.STRING, "gpt2"), ("tokenizer.ggml.pre", gguf.STRING, "qwen2"),
        ("tokenizer.ggml.tokens", gguf.ARRAY, (gguf.STRING, tokenizer.tokens)), ("tokenizer.ggml.token_type", gguf.ARRAY, (gguf.I32, kinds)),
        ("tokenizer.ggml.merges", gguf.ARRAY, (gguf.STRING, [a + " " + b for a, b in tokenizer.merges])),
        ("tokenizer.ggml.bos_token_id", gguf.U32, tokenizer.end_of_text), ("tokenizer.ggml.eos_token_id", gguf.U32, tokenizer.im_end),
        ("tokenizer.ggml.padding_token_id", gguf.U32, tokenizer.end_of_text), ("tokenizer.ggml.add_bos_token", gguf.BOOL, False),
        ("tokenizer.chat_template", gguf.STRING, CHAT_TEMPLATE),
    ]
    array = lambda p: p.detach().float().numpy().astype(np.float32)
    tensors = [("token_embd.weight", array(net.embedding))]
    for i, b in enumerate(net.blocks):
        tensors += [(f"blk.{i}.attn_norm.weight", array(b.attn_norm)),
                    (f"blk.{i}.attn_q.weight", interleave(array(b.q), c.heads)), (f"blk.{i}.attn_k.weight", interleave(array(b.k), c.kv_heads)),
                    (f"blk.{i}.attn_v.weight", array(b.v)), (f"blk.{i}.attn_output.weight", array(b.o)), (f"blk.{i}.ffn_norm.weight", array(b.ffn_norm)),
                    (f"blk.{i}.ffn_gate.weight", array(b.gate)), (f"blk.{i}.ffn_up.weight", array(b.up)), (f"blk.{i}.ffn_down.weight", array(b.down))]
    tensors.append(("output_norm.weight", array(net.norm)))
    gguf.write(path, metadata, tensors)
