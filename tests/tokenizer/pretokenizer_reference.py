#!/usr/bin/env python3
"""Every pre-tokenizer against the regular expressions that define it, as Python's `regex` module reads them.

pretokenizer_reference.py [--seed N] COMMAND...: random multilingual texts, cut by both; COMMAND starts split_words,
and an emulator may stand before it. The expressions are those of llama.cpp's llama-vocab.cpp, which are those of the
models' tokenizer.json but where a comment says otherwise.
Exits with 77 where the module is missing.
"""

import argparse
import random
import subprocess
import sys
import unicodedata

try:
    import regex
except ImportError:
    print("SKIPPED: Python's regex module (Debian: python3-regex) is not installed")
    sys.exit(77)

TEXTS = 3000
CONTRACTION = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
SPACES = r"\s*[\r\n]+|\s+(?!\S)|\s+"
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = CONTRACTION + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + SPACES
QWEN2 = CONTRACTION + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + SPACES
AFTER_WORDS = r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|" + SPACES


def cased(letter, contraction):
    """llama.cpp's reading of [^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}...]*[\\p{Ll}...]+...|: ASCII case alone counts."""
    upper, lower = "(?:(?=%s)[^a-z])" % letter, "(?:(?=%s)[^A-Z])" % letter
    lead = r"[^\r\n\p{L}\p{N}]?"
    return f"{lead}{upper}*{lower}+{contraction}|{lead}{upper}+{lower}*{contraction}"


# "~" is no symbol to llama.cpp, whose list of ASCII \p{S} lacks it.
DEEPSEEK_WORD = r"""(?V1)[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}[\p{S}--[~]]]?[\p{L}\p{M}]+"""
DEEPSEEK = DEEPSEEK_WORD + r"| ?[\p{P}[\p{S}--[~]]]+[\r\n]*|" + SPACES
HAN_KANA = "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"
# White space is none of these, though \u0800-\u4e00 has some: llama.cpp replaces it first.
CJK = "(?:(?!\\s)[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff])+"
MARKS = " ?[^(\\s|.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c)]+"
# Runs of digits in threes from the right; what is before a run stays with its first group, as in llama.cpp.
FROM_RIGHT = r"\P{N}*+\p{N}{1,3}(?=(?:\p{N}{3})*+(?!\p{N}))"
HAN = (
    "[\u4e00-\u9fff\u3400-\u4dbf\U00020000-\U0002a6df\U0002a700-\U0002b73f\U0002b740-\U0002b81f"
    "\U0002b820-\U0002ceaf\U0002ceb0-\U0002ebef\uf900-\ufaff\U0002f800-\U0002fa1f]"
)
ASIAN = (
    "(?:(?!\\s)[\u4e00-\u9fff\u3400-\u4dbf\uf900-\ufaff\u3040-\u309f\u30a0-\u30ff\uff65-\uff9f\u2f00-\u2fdf"
    "\u0e40-\u0e7f\u0e80-\u0eff\u1780-\u17ff\u1000-\u109f\uaa60-\uaa7f\ua9e0-\ua9ff\uac00-\ud7af\u1100-\u11ff])+"
)
# The cased letters of deepseek-llm's list, which stops at some scripts: checked where the texts have them.
CASED = r"(?:(?![\p{Armenian}\p{Georgian}\p{Cherokee}\u1c80-\u1c88\u1f00-\u1fff\u2c00-\u2dff\ua640-\ua7ff])[\p{Lu}\p{Ll}\p{Lt}])"

EXPRESSIONS = {
    ("default",): [r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]"],
    ("falcon",): [r"[\p{P}\$\+<=>\^~\|`]+", GPT2, "[0-9][0-9][0-9]"],
    (
        "llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano dbrx smaug-bpe glm4 glm5 "
        "chatglm-bpe"
    ): [LLAMA3],
    ("jais-2"): [
        LLAMA3.replace(
            r"\s+(?!\S)|\s+",
            "|".join(r"\s{%d}(?!\S)" % 2**i for i in range(9, 1, -1)) + r"|\s{1,2}(?!\S)|\s{1}",
        )
    ],
    ("minicpm5"): [r"\p{N}{1,3}", LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}+")],
    ("k2-horizon"): [
        r"(?:'[sS\u017f]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?(?:\p{L}|\p{M}|\u200C|\u200D)+"
        r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + SPACES
    ],
    (
        "qwen2 deepseek-r1-qwen kormo f2llmv2 stablelm2 megrez hunyuan solar-open grok-2"
    ): [QWEN2],
    ("bailingmoe bailingmoe2 llada-moe"): [
        r"'(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]|\s+(?!\S)|\s+"
    ],
    ("laguna"): [r"[^\n]+|[\n]+", QWEN2],
    ("qwen35"): [
        CONTRACTION + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|" + SPACES
    ],
    ("ufakzeka"): [QWEN2[len(CONTRACTION) + 1 :]],
    ("seed-coder"): [
        CONTRACTION + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|" + SPACES
    ],
    ("exaone-moe"): [
        CONTRACTION + r"|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?"
        r"|\s*[\r\n]|\s+(?!\S)|\s+"
    ],
    ("tekken"): [cased(r"\p{L}", "") + r"|\p{N}" + AFTER_WORDS],
    ("gpt-4o llama4 kanana2 talkie minimax-m2"): [
        cased(r"\p{L}", CONTRACTION + "?") + r"|\p{N}{1,3}" + AFTER_WORDS
    ],
    ("granite-embed-multi-97m"): [cased(r"[\p{L}\p{M}]", CONTRACTION + "?") + r"|\p{N}{1,3}" + AFTER_WORDS],
    # llama.cpp reads every \p{Lu}, \p{Ll}, ... as \p{L} in these two, so the two halves of a word are one.
    ("tiny_aya cohere2moe"): [
        FROM_RIGHT,
        rf"[^\r\n\p{{L}}\p{{N}}]?[\p{{L}}\p{{M}}]+{CONTRACTION}?|\p{{N}}{{1,3}}" + AFTER_WORDS,
    ],
    ("youtu"): [
        "[\uac00-\ud7a3\u3131-\u318e]+|[\uff01\u2026\u201c\u201d\u2018\u2019\u2014\uff1a\uff1b\uff0c\u3001-\u303f"
        "\ufe30-\ufe4f]+|[\u3105-\u312f]+|" + HAN_KANA,
        rf"[^\r\n\p{{L}}\p{{N}}]?[\p{{L}}\p{{M}}]+{CONTRACTION}?|\p{{N}}" + AFTER_WORDS,
    ],
    ("kimi-k2"): [
        rf"{HAN}+|[^\r\n\p{{L}}\p{{N}}]?(?:(?!{HAN})\p{{L}})+{CONTRACTION}?|\p{{N}}{{1,3}}"
        r"| ?[^\s\p{L}\p{N}]+[\r\n]*|" + SPACES
    ],
    ("deepseek-llm"): [
        r"[\r\n]",
        rf"\s?{CASED}+",
        "\\s?(?:(?!\\s)[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002])+",
        r"\s+\Z",
        CJK,
        r"\p{N}+",
    ],
    ("deepseek-coder"): [r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", CJK, r"\p{N}"],
    ("deepseek-v3 hunyuan-dense joyai-llm hy_v4"): [r"\p{N}{1,3}", HAN_KANA, DEEPSEEK],
    ("spark2_5"): [
        r"\p{N}{1,3}",
        HAN_KANA,
        DEEPSEEK_WORD + r"| ?[\p{P}[\p{S}--[~]]]+|[\r\n]|\s+(?!\S)|\s+",
        r"\p{N}",
    ],
    ("afmoe"): [FROM_RIGHT, ASIAN, DEEPSEEK],
    (
        "gpt-2 phi-2 jina-es jina-de gigachat jina-v2-es jina-v2-de a.x-4.0 mellum modern-bert jina-v1-en "
        "jina-v2-code roberta-bpe mpt olmo jais exaone4 trillion granite-docling"
    ): [GPT2],
    ("starcoder refact command-r smollm codeshell exaone minerva-7b mellum2"): [r"\p{N}", GPT2],
    ("chameleon"): [
        "<sentinel:[0-9]+>",
        "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z",
        r"([\t\n]|    |  )",
        r"\p{N}",
        r"[\p{P}!-/:-@\[-`{-~]",
        GPT2,
    ],
    ("superbpe"): [r"\p{N}+", "(?=([0-9]{3})+(?![0-9]))"],
    ("poro-chat bloom gpt3-finnish"): [MARKS],
    ("viking"): [MARKS, r"\p{N}"],
}


def stable_code_points():
    """Code points whose category has not changed since Unicode 3.2: every library knows them alike."""
    old = unicodedata.ucd_3_2_0
    codes = (chr(c) for c in range(0x80, 0x30000) if not 0xD800 <= c <= 0xDFFF)
    return [c for c in codes if old.category(c) not in ("Cn", "Cs") and old.category(c) == unicodedata.category(c)]


POOLS = [
    "abcdefghijklmnopqrstuvwxyz",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "0123456789",
    "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
    "'~`/ ",
    " ",
    " \t\n\r",
    "\n\r",
    "\x0b\x0c\x85\xa0\u1680\u2003\u2028\u202f\u3000",
    "\xe0\xe9\xef\xf1\xfc\xdf\xaa\xba\u017f\u0131",
    "\xc0\xc9\xcf\xd1\xdc\u01c5\u01c4\u01c8",
    "\u02b0\u02b7\u02c6\u1d2c",
    "\u0301\u0308\u0327\u20dd",
    "\u03b1\u03b2\u03c3\u0391\u03a3\u0436\u042f\u0429",
    "\u05d0\u05d1\u05b8\u0627\u0628\u064e\u0640",
    "\u0915\u093f\u094d\u0937\u0e01\u0e34\u0e49\u0e40\u0eab\u1780\u17b6\u1000\u102c",
    "\uac00\ud55c\uad6d\u3131\u1100\u3105",
    "\u3042\u304b\u30ab\u30fc\uff76",
    "\u4e2d\u6587\u9fa5\u9fa0\u3400\uf900\u2f00",
    "\U00020000\U0002a6d6\U0002f800",
    "\uff21\uff41\uff11\uff01\uff0c\uff5e",
    "\u0661\u0662\u0967\u0968\xbd\xb2\u216b\u2460",
    "\u20ac\xa7\xa9\u2211\u2190\xa2\u02c2",
    "\U0001f600\U0001f44d\U0001f3fd\u200d\u2764\ufe0f\u200c",
    "\u2018\u2019\u201c\u201d\u2026\u2014\u3001\u3002\u0964\u06d4\u060c",
    "\x00\x01\x1c\x7f\xad\u200b\ufeff\ue000\ufffd",
]
STRINGS = [
    *("'s 't 're 've 'm 'll 'd 'S 'LL 'Re 'vE '\u017f 'x " "I'll DON'T it's").split(" "),
    *"1234567 12 12345 http://a/b\n//x  \xc9COLE iPhone HTTPServer word  two <sentinel:12> IMGIMGABZ IMGIMGQZ".split(" "),
    " " * 7,
    " " * 600,
    "  \n  ",
    "hello world foo",
]


def random_text(random_source, others):
    parts = []
    for _ in range(random_source.randint(0, 14)):
        kind = random_source.random()
        if kind < 0.2:
            parts.append(random_source.choice(STRINGS))
        elif kind < 0.3:
            parts.append("".join(random_source.choices(others, k=random_source.randint(1, 3))))
        else:
            parts.append("".join(random_source.choices(random_source.choice(POOLS), k=random_source.randint(1, 5))))
    return "".join(parts)


def split(expressions, text):
    """llama.cpp's way: each expression cuts the pieces that the ones before it left; what is between matches is a
    piece of its own."""
    pieces = [text]
    for expression in expressions:
        finer = []
        for piece in pieces:
            done = 0
            for match in expression.finditer(piece):
                finer += [piece[done : match.start()], match.group()]
                done = match.end()
            finer.append(piece[done:])
        pieces = [piece for piece in finer if piece]
    return [len(piece.encode()) for piece in pieces]


def main():
    parser = argparse.ArgumentParser(usage="pretokenizer_reference.py [--seed N] COMMAND...")
    parser.add_argument("--seed", type=int, default=20260822)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    tool, seed = arguments.command, arguments.seed
    print(f"seed {seed}")
    random_source = random.Random(seed)
    others = stable_code_points()
    texts = ["", *STRINGS, *(random_text(random_source, others) for _ in range(TEXTS))]
    stdin = b"".join(b"%d\n%s" % (len(t.encode()), t.encode()) for t in texts)
    known = subprocess.run([*tool, "--names"], check=True, capture_output=True, text=True).stdout.split()
    rows = {name: tuple(e) for names, e in EXPRESSIONS.items() for name in "".join(names).split()}
    assert sorted(known) == sorted(rows), f"names differ: {sorted(set(known) ^ set(rows))}"
    wanted = {}
    bad = 0
    for name in known:
        row = rows[name]
        # deepseek-llm lists its letters, and CASED says so only of the scripts in POOLS.
        usable = [True] * len(texts)
        if name == "deepseek-llm":
            usable = [not any(c in others_set(others) for c in text) for text in texts]
        if row not in wanted:
            compiled = [regex.compile(expression) for expression in row]
            wanted[row] = [split(compiled, text) for text in texts]
        run = subprocess.run([*tool, name], input=stdin, check=True, capture_output=True)
        got = [[int(n) for n in line.split()] for line in run.stdout.decode().split("\n")[: len(texts)]]
        wrong = [i for i in range(len(texts)) if usable[i] and got[i] != wanted[row][i]]
        for i in wrong[:3]:
            print(f"{name}: {texts[i]!r}: got {got[i]}, expected {wanted[row][i]}")
        print(f"{name}: {sum(usable)} texts, {len(wrong)} differ")
        bad += len(wrong)
    return 1 if bad else 0


def others_set(others, memo={}):
    if not memo:
        memo.update(dict.fromkeys(set(others) - set("".join(POOLS + STRINGS))))
    return memo


if __name__ == "__main__":
    sys.exit(main())
