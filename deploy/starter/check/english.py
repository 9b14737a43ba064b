"""English agreement: a and an, singular and plural, tense with "since" and "for", cases where a plain rule is enough."""

import re

# The nouns we use, by number; foods come from data/stock.py.
SINGULAR = set("""vibration temperature pressure current humidity speed level flow power voltage torque weight force frequency brightness acceleration tension quality moisture rate use count conductivity thrust intensity
sensor reading cable axis value spread inspection operation cause action maintenance contact fastening mounting round minute second hour day pan pot oven dish plate bowl oil water salt pepper
batter tin heat boil fridge table packet supper dinner dessert cake omelette stew bake treat""".split())
PLURAL = set("changes parts minutes seconds hours days pieces sides strips pancakes portions channels steps plates".split())
MASS = set("""humidity moisture oil water salt pepper chicken beef pork turkey ham bacon lamb veal salami duck meat chorizo venison salmon cod tuna trout shrimp herring mackerel plaice fish haddock spinach broccoli leek
cauliflower cabbage celery fennel asparagus corn kale garlic chard lettuce rocket endive cress milk cream yoghurt quark butter mascarpone ricotta buttermilk cheese feta mozzarella parmesan gouda cheddar halloumi brie
pasta rice couscous bulgur quinoa polenta spaghetti barley millet bread toast flour semolina tofu honey chocolate sugar jam marzipan basil parsley dill coriander mint thyme sage pesto mustard passata tahini maintenance""".split())
FOOD_PLURAL = set("""sausages meatballs prawns mussels carrots peppers tomatoes onions mushrooms potatoes peas parsnips artichokes radishes leaves apples bananas strawberries pears oranges blueberries grapes plums peaches
cherries raspberries lemons berries apricots figs eggs noodles macaroni gnocchi tortillas rolls oats lentils chickpeas beans edamame walnuts almonds hazelnuts peanuts cashews seeds pistachios pecans raisins olives capers chives leftovers algae fingers""".split())
VOWEL_SOUND = re.compile(r"(?:[aio]|e(?!u)|u(?!ni|su|se|ti)|hour|honest|x\b|x axis)", re.I)
BASE_VERBS = "vary report show stand keep stay lie change settle"
S_VERBS = "varies reports shows stands keeps stays lies changes settles"
THIRD = {"it", "this", "that", "he", "she"}


def _nouns(word):
    return word in SINGULAR or word in MASS


def _plural(word):
    return word in PLURAL or word in FOOD_PLURAL


def check(text):
    found = []
    low = text.lower()
    # a unit in capitals (5 A) is no article
    words = re.findall(r"[a-z]+|\d+(?:[.:]\d+)?|[,.;:!?]", re.sub(r"(?<=\d) [A-Z]\b", "", text).lower())
    for i, word in enumerate(words):
        after = words[i + 1] if i + 1 < len(words) else ""
        before = words[i - 1] if i else ""
        if word in ("a", "an") and after.isalpha():
            vowel = bool(VOWEL_SOUND.match(after))
            if vowel != (word == "an") and len(after) > 1:
                found.append(f"article: {word} {after}")
            if _plural(after) and after not in ("little", "few") or after in MASS and after not in SINGULAR:
                found.append(f"number: {word} {after}")
        if _plural(word) and after in ("is", "was", "has", "varies", "isn't", "does"):
            found.append(f"agreement: {word} {after}")
        if _nouns(word) and not _plural(word) and before != "and" and after in ("are", "were", "have", "vary", "do") and not _joined(words, i):
            found.append(f"agreement: {word} {after}")
        if word in THIRD and (after in BASE_VERBS.split() or after in ("are", "were", "have", "do")) and word != "that" and before not in ("let", "see", "whether"):
            found.append(f"agreement: {word} {after}")
        if word in ("they", "these", "those") and after in S_VERBS.split() + ["is", "was", "has"]:
            found.append(f"agreement: {word} {after}")
        if word in ("these", "those", "many", "few") and _nouns(after) and not _plural(after) or word in ("this", "each", "much") and _plural(after):
            found.append(f"number: {word} {after}")
        if re.fullmatch(r"\d+(?:[.:]\d+)?", word) and ":" not in word and after.isalpha():
            one = word == "1"
            if one and after in ("minutes", "seconds", "hours", "days") or not one and after in ("minute", "second", "hour", "day"):
                found.append(f"number: {word} {after}")
        if word in ("has", "have") and after in ("is", "be", "vary", "varies", "report", "reports", "show", "shows"):
            found.append(f"verb: {word} {after}")
        if word in ("is", "are", "be", "been", "was") and after in ("vary", "varies", "report", "reports", "show", "shows", "is", "be", "has", "are"):
            found.append(f"verb: {word} {after}")
        if word == "the" and after in ("the", "a", "an", ",", ".", "and", "of", "is", "for", "in", "on", "at", "with"):
            found.append(f"article without its noun: the {after}")
        if word in ("of", "at", "by", "with", "for", "from", "into", "on") and after in (".", ",", ";", ":", "is", "has", "and") and before != "pass":
            found.append(f"preposition without its noun: {word} {after}")
        if word in ("a", "an") and after in (".", ",", ";", ":"):
            found.append(f"article without its noun: {word} {after}")
        if word in ("and", "or") and after in (",", ".", ";", "and", "or"):
            found.append(f"a list that breaks off: {word} {after}")
    found += _tense(low) + _sensor(low) + _steps(text) + [f"{kind}: {m.group(0)}" for kind, rule in PATTERNS for m in rule.finditer(re.sub(r"(?<=\d) [A-Z]\b", "", text).lower())]
    return found


COUNTED = "opportunity|spread|value|axis|pan|bowl|dish|plate|tin|batter|pot|fridge|table|cable|sensor|cause|packet|inspection|round"
ADJECTIVE = "usual|next|hot|large|small|little|oven|smooth|greased|own|side|[xyz]|thin"
SENSOR = "vibration|temperature|pressure|current|humidity|speed|level|flow|power|voltage|torque|weight|force|frequency|brightness|acceleration|tension|quality|moisture|rate|use|count|conductivity|thrust|intensity"
# "name" stands for what a user called a thing.
PATTERNS = [(kind, re.compile(rule)) for kind, rule in [
    ("agreement", r"\bname (?:have|report|show|vary|stand|are)\b"),
    ("agreement", r"(?:^|[;.] )(?:that|this) (?:are|have)\b"),
    ("agreement", r"\bit (?:usually|often|always) (?:vary|are|have|stand|report)\b"),
    ("article", rf"\b(?:at|on|in|into|with|from|of|for|to|under|over) (?:(?:{ADJECTIVE}) )*(?:{COUNTED})\b(?! surprise)"),
    ("article", rf"(?:^|[,:;.] |\bname reports |reporting )(?!(?:the|an?|its|that|this) )(?:[a-z]+ )?(?:{SENSOR}) (?:of|at|on) (?:name|the)\b"),
    ("a verb without its and", r"(?<=[a-z]) (?<!and )(?<!then )(?<!to )(?<!or )(?<!not )(?<!please )(?<!oven )(?<!sweet )(?<!golden )(?:serve|inspect|let|cook|fry|bake|simmer|drain|stir|replace|have it|find|beat|whisk)\b(?! dish)"),
    ("a verb is missing", r"\b(?<!has )(?<!have )been\b"),
    ("a verb is missing", r"\bhas (?:at|stuck|unsteady|unchanged|frozen|exactly|clearly|far|slightly|varying|reporting|showing|\d)"),
    ("a verb is missing", rf"\b(?:{SENSOR}) (?:at|of|on the [xyz] axis of|on the [xyz] axis at) name(?: on the [xyz] axis)? (?:at|unchanged|stuck|unsteady|frozen|\d)"),
    ("a preposition is missing", rf"\b(?:{SENSOR}|stands|stuck|varying|varies|unchanged|spread|value|changes|frozen) -?\d"),
    ("a preposition is missing", r"(?:^|: )name, the\b"),
    ("a preposition is missing", r"\b(?:minutes?|hours?|days?|seconds?|-?\d[\d.]*) (?:the usual|its usual)"),
    ("articles", r"-?\d[\d.]* an?\b(?! little)"),
]]


def _joined(words, i):
    """Is the noun at i the end of "x and y"? Then its verb is plural."""
    for back in range(i, max(-1, i - 8), -1):
        if words[back] in (".", ";", ":"):
            return False
        if words[back] == "and":
            return True
    return False


def _tense(low):
    """What has lasted until now is told in the perfect: "has been at 5 V since 14:05"."""
    found = []
    for clause in re.split(r"(?<!\d)[.;](?=\s|$)|, (?:although|while|so) |: ", low):
        lasting = re.search(r" since \d| for \d+ (?:second|minute|hour|day)", clause)
        if lasting and re.search(r"^(?:.*\b(?:sensor|channel)\b)?.* (?:is|reports|varies|shows|stands)\b", clause[:lasting.start()]) and " has " not in clause and " have " not in clause and re.search(r"\b(?:is|reports|varies|shows|stands)\b", clause) and not re.match(r"\s*(?:fry|cook|bake|boil|simmer|put|cut|chop|beat|brown|heat|fill|place|pour)", clause):
            found.append("tense: present with since or for")
    return found


def _sensor(low):
    """The verb after "the <sensor> of <device>" is singular, whatever the device is called."""
    found = []
    for match in re.finditer(r"\bthe ([a-z]+(?: [a-z]+)?)(?: on the \w axis)? (?:of|at) \S*[^\s.,;:](?: on the \w axis)? (are|have|vary|report|show|stand)\b", low):
        if match.group(1).split()[-1] in SINGULAR:
            found.append(f"agreement: {match.group(1)} {match.group(2)}")
    return found


def _steps(text):
    """A step is an order: its first word is a verb in the base form."""
    return [f"not an order: {w}" for w in re.findall(r"(?:^|[.!] )(Fries|Cooks|Adds|Stirs|Bakes|Serves|Chops|Washes|Frying|Cooking|Adding)\b", text)]
