"""What code decides about a dish before the model is asked: which one, in which order its roles come, how long it is heated.

The same rules are in agent/answer/dish.cc; FORMAT.md states them."""

SWEET = ("fruit", "sweet", "flour")
# Which roles a dish has, in the order of its sentences, and the categories that play each.
HOT = [("egg", "egg"), ("stir", "dairy cheese extra"), ("grain", "grain"), ("top", "herb nut"), ("side", "salad bread")]
ROLES = {
    "pan": [("main", "meat fish"), ("add", "vegetable legume other")] + HOT,
    "omelette": [("main", "meat fish"), ("add", "vegetable legume other")] + HOT,
    "stew": [("main", "meat fish"), ("add", "vegetable legume other")] + HOT,
    "bake": [("oven", "meat fish vegetable other"), ("cover", "dairy cheese"), ("stir", "extra")] + HOT[2:],
    "pot": [("grain", "grain"), ("stir", "dairy cheese extra"), ("top", "herb nut"), ("side", "salad bread")],
    "cold": [("leaves", "salad"), ("mix", "dairy cheese extra herb nut"), ("side", "bread")],
    "bowl": [("fruit", "fruit"), ("smooth", "dairy"), ("top", "sweet nut")],
    "pancakes": [("batter", "flour egg dairy"), ("top", "fruit sweet nut")],
    "cake": [("batter", "flour egg dairy"), ("fold", "fruit sweet"), ("top", "nut")],
}
FORMS = "abcdef"


def dish_of(categories):
    """The dish that a set of categories makes. Sweet foods never stand beside savoury ones."""
    c = set(categories)
    if c & set(SWEET):
        return "pancakes" if {"flour", "egg"} <= c else "cake" if c & {"flour", "egg"} else "bowl"
    if not c & {"meat", "fish", "vegetable", "legume", "other", "egg"}:
        return "pot" if "grain" in c else "cold"
    if "egg" in c:
        return "omelette"
    if "legume" in c:
        return "stew"
    return "bake" if "vegetable" in c and c & {"dairy", "cheese"} else "pan"


def _name(role, kinds, before):
    """A role as the model is told it: whole vegetables are cut, lentils and what nobody knows are not; what is poured needs a bowl."""
    if role == "add" and kinds == {"vegetable"}:
        return "vegetable"
    if role == "mix" and not before:
        return "bowl" if kinds & {"dairy", "extra"} else "plate"
    return "plate" if role == "side" and kinds == {"bread"} and before == [] else role


def plan_of(categories):
    """[(role, [places in `categories`])] in the order of the sentences; within a role the order of expiry stays."""
    dish, plan = dish_of(categories), []
    for role, kinds in ROLES[dish]:
        places = [i for kind in kinds.split() for i, c in enumerate(categories) if c == kind]
        if places:
            plan.append((_name(role, {categories[i] for i in places}, plan), places))
    return plan


def minutes_of(dish, categories):
    """How long the dish is heated, None where no time is said. `other` is cooked as long as raw meat would be."""
    c = set(categories)
    if dish in ("pan", "omelette"):
        return 15 if "other" in c else 12 if "meat" in c else 10 if c & {"vegetable", "legume"} else 8 if "fish" in c else 5
    if dish == "stew":
        return 35 if c & {"meat", "other"} else 25
    if dish == "bake":
        return 40 if c & {"meat", "other"} else 30
    return {"pancakes": 4, "cake": 30}.get(dish)
