"""Writes golden.json for the C++ test: make_golden.py FILE.gguf OUT.json.

Twelve held-out prompts (two per task and language) with their token ids and the greedy, free-running answer of the file in float32. Of many
candidates those with the widest smallest top-2 logit margin are kept, so that another order of summation cannot flip a token."""

import json
import random
import sys

from data import intent, recipe, report
from model.decode import Decoder


def main(path, out):
    decoder, cases = Decoder(path), []
    for module, task in ((intent, "intent"), (report, "report"), (recipe, "recipe")):
        for lang in ("en", "de"):
            rng = random.Random(f"golden {task} {lang}")
            rows = [module.example(rng, lang, "seen") for _ in range(80)]
            prompts = [decoder.tokenizer.prompt(p) for p, _, _ in rows]
            scored = []
            for (prompt, want, kind), ids, (answer, margin) in zip(rows, prompts, decoder.greedy(prompts)):
                if decoder.answer(answer) == want:
                    scored.append((margin, prompt, ids, answer, kind))
            scored.sort(key=lambda row: -row[0])
            first = scored[0]
            second = next(row for row in scored[1:] if row[4] != first[4] or task != "intent")
            for margin, prompt, ids, answer, _ in (first, second):
                cases.append({"task": task, "lang": lang, "prompt": prompt, "prompt_tokens": ids, "answer": decoder.answer(answer), "answer_tokens": answer, "smallest_margin": round(margin, 4)})
    with open(out, "w") as target:
        json.dump({"about": "greedy, free-running; prompt_tokens hold the whole ChatML turn; answer_tokens are without the end token", "end_token": decoder.end, "cases": cases}, target, ensure_ascii=False, indent=1)
        target.write("\n")
    print(len(cases), "cases, smallest margin", min(c["smallest_margin"] for c in cases))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
