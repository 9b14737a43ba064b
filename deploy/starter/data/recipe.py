"""The recipe task: a dish, a form and stock lines by role in; a compact JSON recipe with slots out."""

import json
import random
import zlib

from data.dish import FORMS, dish_of, minutes_of, plan_of
from data.recipe_words import STEP, TITLE
from data.stock import STOCK

SAVOURY = ["meat", "fish", "vegetable", "vegetable", "vegetable", "legume", "other", "egg", "dairy", "cheese", "extra", "grain", "grain", "herb", "nut", "salad", "bread"]
DESSERT = ["fruit", "fruit", "fruit", "dairy", "sweet", "nut", "flour", "egg"]
COLD = ["salad", "cheese", "dairy", "extra", "herb", "nut", "bread", "grain"]
COUNTS = ([1, 2, 3, 4, 5], [10, 20, 25, 25, 20])


def draw_stock(rng, lang, split):
    """Up to five distinct (name, category) that go together, by role as the agent lists them."""
    draw = rng.random()
    pool = DESSERT if draw < 0.25 else COLD if draw < 0.35 else SAVOURY
    count = rng.choices(*COUNTS)[0]
    chosen = []
    for _ in range(60):
        if len(chosen) == count:
            break
        category = rng.choice(pool)
        kinds = [c for _, c in chosen]
        if category in ("meat", "fish") and ("meat" in kinds or "fish" in kinds) or category == "egg" and "egg" in kinds:
            continue
        train, held = STOCK[lang][category]
        name = rng.choice(held if split == "unseen" and rng.random() < 0.6 else train)
        if all(name != n for n, _ in chosen):
            chosen.append((name, category))
    if pool is DESSERT and not {c for _, c in chosen} & {"fruit", "sweet", "flour"}:
        return draw_stock(rng, lang, split)
    return [chosen[i] for _, places in plan_of([c for _, c in chosen]) for i in places]


def _foods(lang, slots, article=True):
    text = slots[0] if len(slots) == 1 else ", ".join(slots[:-1]) + (" and " if lang == "en" else " und ") + slots[-1]
    return "the " + text if lang == "en" and article else text


def _groups(stock):
    return [(role, ["{%d}" % (i + 1) for i in places]) for role, places in plan_of([c for _, c in stock])]


NAMES = {lang: {n for train, held in table.values() for n in train + held} for lang, table in STOCK.items()}
MODIFIERS = {"en": ["organic {}", "frozen {}", "smoked {}", "leftover {}", "{} 500", "{} from the market"], "de": ["Bio-{}", "TK-{}", "{} vom Markt", "{} 500", "Haus-{}"]}


def _as_owners_write(rng, lang, name):
    """Stock names are free text: now and then with a word around the food, or one that nobody taught the model."""
    draw = rng.random()
    if draw < 0.05:
        word = "".join(rng.choice(["ka", "lo", "mi", "ru", "ben", "tas", "or", "vel", "zu", "pir"]) for _ in range(rng.choice([2, 3])))
        return word.capitalize() if lang == "de" else word
    return rng.choice(MODIFIERS[lang]).format(name) if draw < 0.2 else name


class Cook:
    """Writes one recipe: a sentence for each role, each list of foods in ascending order of its slots."""

    def __init__(self, lang, stock, form):
        self.lang, self.form = lang, FORMS.index(form)
        self.dish, self.by = dish_of(c for _, c in stock), dict(_groups(stock))
        self.title = self.choose(TITLE[lang][self.dish]).replace("X", _foods(lang, ["{%d}" % (i + 1) for i in range(min(3, len(stock)))], article=False))

    def choose(self, forms):
        return forms[self.form % len(forms)]

    def say(self, kind, role="", second=""):
        """The sentence of this form; nothing when nothing plays the role."""
        text, x = self.choose(STEP[self.lang][kind]), self.by.get(role, [])
        if role and not x:
            return ""
        if second:
            text = text.replace("Y", _foods(self.lang, self.by[second]))
        return text.replace("X", _foods(self.lang, x, article="beaten X" not in text)) if role else text

    def hot(self):
        """The step that heats everything raw."""
        add = "vegetable" if "vegetable" in self.by else "add"
        kind = "vegetable" if add == "vegetable" else "hot"
        if self.dish == "stew":
            return [self.say("brown", "main"), self.say("simmer after" if "main" in self.by else "simmer", add)]
        if self.dish == "bake":
            return [self.say("bake", "oven", "cover")]
        if "main" in self.by:
            return [self.say("fry main", "main"), self.say("then " + kind, add), self.say("then egg", "egg")]
        if add in self.by:
            return [self.say("fry " + kind, add), self.say("then egg", "egg")]
        return [self.say("fry egg", "egg")]

    def steps(self):
        """Lists of sentences, one list a step."""
        if self.dish == "bowl":
            return [[self.say("fruit", "fruit")], [self.say("smooth", "smooth")], [self.say("sweet top", "top")], [self.say("close sweet")]]
        if self.dish == "pancakes":
            return [[self.say("batter", "batter"), self.say("fry batter")], [self.say("sweet top", "top")], [self.say("close warm")]]
        if self.dish == "cake":
            return [[self.say("batter", "batter"), self.say("fold", "fold"), self.say("bake sweet")], [self.say("top", "top")], [self.say("close warm")]]
        if self.dish == "cold":
            return [[self.say("leaves", "leaves")], [self.say("mix", "mix") + self.say("bowl mix", "bowl") + self.say("arrange", "plate")], [self.say("side", "side") or self.say("close cold")]]
        first = [self.say("grain first", "grain")] if self.dish == "pot" else self.hot()
        grain = self.say("grain", "grain") if self.dish != "pot" else ""
        last = [self.say("top", "top"), self.say("side", "side")]
        return [first, [self.say("stir in", "stir")], [grain], last if any(last) else [self.say("close")]]


def cook(lang, stock, form):
    """The recipe for the listed stock: deterministic, uses every line."""
    writer = Cook(lang, stock, form)
    steps = [" ".join(s for s in step if s) for step in writer.steps()]
    return {"title": writer.title, "uses": list(range(1, len(stock) + 1)), "steps": [s for s in steps if s]}


def prompt(lang, stock, form):
    """`stock` in the order of the plan. The lists of slots stand in the prompt as they will stand in the sentences."""
    lines = [f"{role} {_foods(lang, slots, article=False)}: " + ", ".join("%s %s" % (category, name) for name, category in (stock[int(slot[1]) - 1] for slot in slots)) for role, slots in _groups(stock)]
    return "\n".join([f"recipe {lang}", f"dish: {dish_of(c for _, c in stock)}", f"form: {form}"] + lines)


def stock_of(text):
    """The (name, category) pairs of a prompt."""
    return [(item.partition(" ")[2], item.partition(" ")[0]) for line in text.split("\n")[3:] for item in line.partition(": ")[2].split(", ")]


def fill(text, stock):
    """What the agent makes of one text of the recipe (German sentences may begin with a food)."""
    for i, (name, _) in enumerate(stock):
        text = text.replace("{%d}" % (i + 1), name)
    categories = [c for _, c in stock]
    text = text.replace("{min}", str(minutes_of(dish_of(categories), categories)))
    return ". ".join(s[:1].upper() + s[1:] for s in text.split(". "))


def example(rng, lang, split="train"):
    """(prompt, answer, kind). seen: trained names in untrained sets; unseen: names never trained."""
    while True:
        stock = draw_stock(rng, lang, split)
        form = rng.choice(FORMS)
        held = any(n in STOCK[lang][c][1] for n, c in stock)
        if held != (split == "unseen"):
            continue
        if split == "unseen" or (zlib.crc32(" ".join(sorted(n for n, _ in stock)).encode()) % 10 == 0) == (split == "seen"):
            listed = [(_as_owners_write(rng, lang, name), category) for name, category in stock] if split != "seen" else stock
            return prompt(lang, listed, form), json.dumps(cook(lang, stock, form), separators=(",", ":"), ensure_ascii=False), "recipe"


if __name__ == "__main__":
    generator = random.Random(1)
    for language in ("en", "de"):
        for _ in range(25):
            p, a, _ = example(generator, language)
            print(p.replace("\n", " | "), "->", a)
