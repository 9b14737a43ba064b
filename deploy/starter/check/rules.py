"""What a raw answer (with slots) must hold, said once more and independently of the generators: for free-running figures."""

import json
import re

from data import recipe, report

HEAT = re.compile(r"\b(fry|frying|bake|simmer|cook|brown|set|boil|braten|anbraten|mitbraten|backen|köcheln|schmoren|kochen|garen|stocken|dünsten)\b", re.I)
RAW = ("meat", "fish", "egg", "other")


def report_complete(prompt, text):
    """Each required slot once, no other slot, no digit, ends like a sentence."""
    want = sorted(["{device}", "{sensor}", "{value}", "{baseline}"] + [f for f in prompt.split("facts: ")[1].split() if f != "none"])
    return sorted(re.findall(r"\{[^{}]*\}", text)) == want and text.count("{") == len(want) and text.endswith(".") and not re.search(r"\d", text)


def report_fits(prompt, text):
    """The lead word and the advice fit the severity, and the advice fits the kind of state."""
    lang, (state, severity) = prompt[7:9], re.search(r"state: (\w+), (\w+)", prompt).groups()
    advice = report.ADVICE[lang]["value" if state in ("high", "low") else state, severity]
    return text.startswith(report.LEAD[lang][severity]) and any(text.endswith(a) for a in advice)


def recipe_complete(prompt, text):
    """JSON of the form, every listed food once and in order, and what is raw in a step that heats."""
    try:
        dish = json.loads(text)
        title, uses, steps = dish["title"], dish["uses"], dish["steps"]
        named = re.findall(r"\{(\d)\}", " ".join(steps))
    except (ValueError, KeyError, TypeError):
        return False
    stock = recipe.stock_of(prompt)
    listed = [str(i + 1) for i in range(len(stock))]
    hot = all(any("{%d}" % (i + 1) in s and HEAT.search(s) for s in steps) for i, (_, category) in enumerate(stock) if category in RAW)
    return list(dish) == ["title", "uses", "steps"] and [str(u) for u in uses] == listed == named and set(re.findall(r"\{(\d)\}", title)) <= set(listed) and 2 <= len(steps) <= 4 and hot
