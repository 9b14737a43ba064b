"""The training mixture and batches of similar length."""

import numpy as np

from data import intent, recipe, report

SHARES = {"intent": 0.78, "report": 0.09, "recipe": 0.13}


def example(rng, split="train"):
    """(prompt, answer) of a random task and language."""
    lang = rng.choice(["en", "de"])
    task = rng.choices(list(SHARES), list(SHARES.values()))[0]
    prompt, answer, _ = {"intent": intent, "report": report, "recipe": recipe}[task].example(rng, lang, split)
    return prompt, answer


def batches(rng, tokenizer, tokens, pool=768):
    """Endless (ids, targets) batches of about `tokens` tokens; targets are -100 outside the answer."""
    while True:
        rows = []
        for _ in range(pool):
            prompt, answer = example(rng)
            head, tail = tokenizer.prompt(prompt), tokenizer.encode(answer) + [tokenizer.im_end]
            rows.append((head + tail, len(head)))
        rows.sort(key=lambda r: len(r[0]))
        groups, group = [], []
        for row in rows:
            if group and (len(group) + 1) * len(row[0]) > tokens:
                groups.append(group)
                group = []
            group.append(row)
        groups.append(group)
        rng.shuffle(groups)
        for group in groups:
            length = max(len(r) for r, _ in group) - 1
            ids = np.full((len(group), length), tokenizer.end_of_text, np.int64)
            targets = np.full((len(group), length), -100, np.int64)
            for i, (row, start) in enumerate(group):
                ids[i, :len(row) - 1] = row[:-1]
                targets[i, start - 1:len(row) - 1] = row[start:]
            yield ids, targets
