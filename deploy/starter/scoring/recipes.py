"""Recipes: heldout/recipe_*.jsonl (check/held.py), answered by the agent's code. Figures are counts of wrong answers among `from the model`."""

import json
import os
import re

from check.rules import HEAT, RAW, recipe_complete
from data import dish as dishes, recipe
from data.stock import STOCK
from scoring import texts

NUMBER = re.compile(r"-?\d+(?:[.,:]\d+)*")
PANTRY = {"salt", "pepper", "oil", "water", "sugar", "salz", "pfeffer", "öl", "wasser", "zucker"}
FOODS = {name.lower() for table in STOCK.values() for train, kept in table.values() for name in train + kept if " " not in name}


def judge(q, a, checker):
    dish, stock = a["recipe"], {i["name"]: i for i in q["stock"]}
    used = [u["name"] for u in dish["uses"]]
    said = [dish["title"] + "."] + dish["steps"]
    rest = " ".join(said).lower()
    for name in sorted(used, key=len, reverse=True):
        rest = rest.replace(name.lower(), " ")
    items = recipe.stock_of(a["prompt"])
    whole = len(used) == len(items)
    kinds = dict(items)
    lower = lambda name: name.lower() if q["lang"] == "en" else name
    chosen = [(lower(n), kinds.get(lower(n), "other")) for n in used]
    minutes = dishes.minutes_of(dishes.dish_of(c for _, c in chosen), [c for _, c in chosen])
    raw = [n for n, c in chosen if c in RAW]
    form = re.search(r"form: (.)", a["prompt"]).group(1)
    taught = set()
    for letter in dishes.FORMS:
        made = recipe.cook(q["lang"], chosen, letter)
        taught.update([recipe.fill(made["title"], chosen) + "."] + [recipe.fill(s, chosen) for s in made["steps"]])
    return {"not in stock": any(u["name"] not in stock or u["quantity"] != stock[u["name"]]["quantity"] or u["unit"] != stock[u["name"]]["unit"] for u in dish["uses"])
            or any(w in FOODS and w not in PANTRY for w in re.findall(r"[^\W\d_]+", rest)),
            "numbers wrong": NUMBER.findall(rest) != ([str(minutes)] if minutes else []),
            "a food left out": any(n.lower() not in " ".join(dish["steps"]).lower() for n in used),
            "raw meat, fish, egg": any(not any(n.lower() in s.lower() and HEAT.search(s) for s in dish["steps"]) for n in raw),
            "ungrammatical": any(checker.complaints(t, []) for t in said),
            "not as taught": any(t not in taught for t in said), "prompt differs": whole and a["prompt"] != recipe.prompt(q["lang"], items, form)}


def figures(tool, folder, samples):
    result = {}
    for lang in ("en", "de"):
        with open(os.path.join(folder, f"recipe_{lang}.jsonl"), encoding="utf-8") as source:
            lines = [json.loads(line) for line in source]
        result[f"recipe {lang}"] = texts.count("recipe", lang, lines, tool.ask(lines), judge, recipe_complete, samples)
    return result
