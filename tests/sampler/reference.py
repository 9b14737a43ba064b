#!/usr/bin/env python3
"""What runtime/sampler must choose, written a second time from the papers, plainly, on exact rational or 50-digit numbers.

usage: reference.py > data/recorded.json

recorded_test.cc replays the cases on every machine. The logits are fixed numbers that a float32 holds exactly; the ids
that were chosen become the history of the next step, so penalties and DRY have something to find. A case whose outcome
hangs on less than 1e-9 is an error here: the reference has nothing to say about it.
"""
import json
import struct
from decimal import Decimal, getcontext

getcontext().prec = 50
LN2 = Decimal(2).ln()
CLOSE = Decimal("1e-9")


def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & 0xFFFFFFFF, (a >> 32) ^ c[3] ^ k[1], a & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def uniform(seed, position, purpose):
    w = philox([position & 0xFFFFFFFF, position >> 32, purpose, 0], [seed & 0xFFFFFFFF, seed >> 32])
    return Decimal(((w[0] << 32) | w[1]) >> 11) / Decimal(2**53)


def f32(x):
    """The float that an option is stored as, exactly."""
    return Decimal(struct.unpack("<f", struct.pack("<f", float(x)))[0])


def logits(case, step, vocabulary):
    """[vocabulary], multiples of 2**-18 below 16 in size: exact in float32."""
    out = []
    for i in range(vocabulary):
        base = philox([i, 0, 1, 0], [case, 7])[0] >> 14
        move = philox([i, step, 2, 0], [case, 7])[0] >> 16
        out.append(Decimal(base - 2**17) / 2**14 + Decimal(move - 2**15) / 2**15)
    return out


class Unclear(Exception):
    pass


def less(a, b):
    if a != b and abs(a - b) < CLOSE:
        raise Unclear(f"{a} against {b}")
    return a < b


def ordered(c):
    return sorted(c, key=lambda x: (-x[1], x[0]))


def shares(c):
    """Probabilities of an ordered list."""
    w = [(x[1] - c[0][1]).exp() for x in c]
    total = sum(w)
    return [x / total for x in w]


def penalties(c, o, history):
    window = history[-o["repetition_window"]:] if o["repetition_window"] else []
    out = []
    for i, logit in c:
        n = window.count(i)
        if n:
            r = f32(o["repetition_penalty"])
            logit = logit / r if logit > 0 else logit * r
            logit -= n * f32(o["frequency_penalty"]) + f32(o["presence_penalty"])
        out.append((i, logit))
    return out


def dry(c, o, history, breakers):
    """The definition by trying everything: for each earlier end of the longest suffix, what came after it."""
    n = o["dry_penalty_last_n"]
    window = history if n < 0 else history[-n:] if n else []
    allowed = o["dry_allowed_length"]
    if o["dry_multiplier"] == 0 or len(window) <= allowed:
        return c
    limit = len(window)
    for back in range(len(window)):  # the youngest breaker
        head = len(window) - 1 - back
        tails = [t for h, t in breakers if h == window[head] and window[head + 1:head + 1 + len(t)] == t]
        if tails:
            limit = back - max(len(t) for t in tails)
            break
    if limit < allowed:
        return c
    longest = {}
    for end in range(len(window) - 1):  # an earlier place that ends like the whole
        length = 0
        while length < limit and length <= end and window[end - length] == window[len(window) - 1 - length]:
            length += 1
        if length >= allowed:
            after = window[end + 1]
            longest[after] = max(longest.get(after, 0), length)
    alone = {h for h, t in breakers if not t}
    out = []
    for i, logit in c:
        if i in longest and i not in alone:
            logit -= f32(o["dry_multiplier"]) * f32(o["dry_base"]) ** (longest[i] - allowed)
        out.append((i, logit))
    return out


def top_n_sigma(c, o):
    n = f32(o["top_n_sigma"])
    if n == 0:
        return c
    mean = sum(x[1] for x in c) / len(c)
    sigma = (sum((x[1] - mean) ** 2 for x in c) / len(c)).sqrt()
    highest = max(x[1] for x in c)
    return [x for x in c if not less(x[1], highest - n * sigma)]


def top_k(c, o):
    return ordered(c)[:o["top_k"]] if o["top_k"] else c


def typ_p(c, o):
    p = f32(o["typical_p"])
    if p >= 1:
        return c
    c = ordered(c)
    q = shares(c)
    entropy = -sum(x * x.ln() for x in q)
    order = sorted(range(len(c)), key=lambda i: (abs(-q[i].ln() - entropy), i))
    kept, total = [], Decimal(0)
    for i in order:
        kept.append(i)
        total += q[i]
        if less(p, total):
            break
    return [c[i] for i in sorted(kept)]


def top_p(c, o):
    p = f32(o["top_p"])
    if p >= 1:
        return c
    c = ordered(c)
    kept, total = [], Decimal(0)
    for x, q in zip(c, shares(c)):
        if kept and not less(total, p):
            break
        kept.append(x)
        total += q
    return kept


def min_p(c, o):
    if o["min_p"] == 0:
        return c
    c = ordered(c)
    q = shares(c)
    return [x for x, share in zip(c, q) if not less(share, f32(o["min_p"]) * q[0])]


def xtc(c, o, u):
    if o["xtc_probability"] == 0 or f32(o["xtc_threshold"]) > Decimal("0.5") or not less(u, f32(o["xtc_probability"])):
        return c
    c = ordered(c)
    above = [x for x, q in zip(c, shares(c)) if not less(q, f32(o["xtc_threshold"]))]
    return c[len(above) - 1:] if len(above) > 1 else c


def temperature(c, o):
    t, spread = f32(o["temperature"]), f32(o["dynatemp_range"])
    if len(c) == 1:
        return c
    if spread > 0:
        q = shares(ordered(c))
        entropy = -sum(x * x.ln() for x in q) / Decimal(len(c)).ln()
        low = max(Decimal(0), t - spread)
        t = low + (t + spread - low) * entropy ** f32(o["dynatemp_exponent"])
    if t == 0:
        return ordered(c)[:1]
    return [(i, logit / t) for i, logit in c]


def draw(c, u):
    total = Decimal(0)
    for place, share in enumerate(shares(c)):
        total += share
        if less(u, total):
            return place
    return len(c) - 1


DEFAULTS = {
    "temperature": 0, "dynatemp_range": 0, "dynatemp_exponent": 1, "top_k": 40, "top_p": 0.95, "min_p": 0.05, "typical_p": 1,
    "top_n_sigma": 0, "xtc_probability": 0, "xtc_threshold": 0.1, "repetition_window": 64, "repetition_penalty": 1,
    "frequency_penalty": 0, "presence_penalty": 0, "dry_multiplier": 0, "dry_base": 1.75, "dry_allowed_length": 2,
    "dry_penalty_last_n": -1, "mirostat": 0, "mirostat_tau": 5, "mirostat_eta": 0.1, "seed": 0,
    "order": ["penalties", "dry", "top_n_sigma", "top_k", "typ_p", "top_p", "min_p", "xtc", "temperature"],
}
OFF = {"top_k": 0, "top_p": 1, "min_p": 0}
TRUNCATION = ["top_n_sigma", "top_k", "typ_p", "top_p", "min_p", "xtc"]


def run(case, given, steps, vocabulary, bias, breakers):
    o = DEFAULTS | given
    history, ids, mu = [1, 2, 3], [], 2 * f32(o["mirostat_tau"])
    for step in range(steps):
        position = len(history)
        c = [(i, x + f32(bias.get(i, 0))) for i, x in enumerate(logits(case, step, vocabulary)) if bias.get(i, 0) is not None]
        for stage in o["order"]:
            if o["mirostat"] == 2 and stage in TRUNCATION:
                continue
            if stage == "penalties":
                c = penalties(c, o, history)
            elif stage == "dry":
                c = dry(c, o, history, breakers)
            elif stage == "xtc":
                c = xtc(c, o, uniform(o["seed"], position, 1))
            else:
                c = {"top_n_sigma": top_n_sigma, "top_k": top_k, "typ_p": typ_p, "top_p": top_p, "min_p": min_p,
                     "temperature": temperature}[stage](c, o)
        c = ordered(c)
        u = uniform(o["seed"], position, 0)
        if o["mirostat"] == 2:
            kept = [x for x, q in zip(c, shares(c)) if not less(mu, -q.ln() / LN2)]
            c = kept or c[:1]
            place = draw(c, u)
            mu -= f32(o["mirostat_eta"]) * (-shares(c)[place].ln() / LN2 - f32(o["mirostat_tau"]))
        else:
            place = draw(c, u)
        history.append(c[place][0])
        ids.append(c[place][0])
    return ids


HOT = {"temperature": 1.2, "seed": 11}
CASES = [
    ("greedy", {}),
    ("greedy with penalties", {"repetition_penalty": 1.5, "frequency_penalty": 0.3, "presence_penalty": 0.25, "repetition_window": 9}),
    ("greedy with typical", {"typical_p": 0.5}),
    ("default at temperature 0.8", {"temperature": 0.8, "seed": 42}),
    ("temperature alone", OFF | {"temperature": 1.5, "seed": 1}),
    ("large seed", OFF | {"temperature": 2, "seed": 0xFEDCBA9876543210}),
    ("top k", OFF | HOT | {"top_k": 3}),
    ("top p", OFF | HOT | {"top_p": 0.6}),
    ("min p", OFF | HOT | {"min_p": 0.2}),
    ("typical", OFF | HOT | {"typical_p": 0.4}),
    ("top n sigma", OFF | HOT | {"top_n_sigma": 1.25}),
    ("xtc always", OFF | HOT | {"xtc_probability": 1, "xtc_threshold": 0.05}),
    ("xtc at times", OFF | HOT | {"xtc_probability": 0.5, "xtc_threshold": 0.08}),
    ("xtc greedy", {"xtc_probability": 0.5, "xtc_threshold": 0.1}),
    ("repetition", OFF | HOT | {"repetition_penalty": 1.3}),
    ("frequency, negative", OFF | HOT | {"frequency_penalty": -0.4, "presence_penalty": 1.5, "repetition_window": 20}),
    ("dry", OFF | {"temperature": 0.4, "seed": 5, "dry_multiplier": 0.8}),
    ("dry, strict", OFF | {"temperature": 0.3, "seed": 6, "dry_multiplier": 2, "dry_base": 1.2, "dry_allowed_length": 1, "dry_penalty_last_n": 40}),
    ("dry, greedy", {"dry_multiplier": 1.5, "dry_allowed_length": 1}),
    ("dynamic temperature", OFF | {"temperature": 1, "dynatemp_range": 0.75, "dynatemp_exponent": 1.5, "seed": 3}),
    ("dynamic temperature from 0", OFF | {"temperature": 0, "dynatemp_range": 2, "seed": 3}),
    ("mirostat", {"temperature": 1.1, "mirostat": 2, "mirostat_tau": 3, "mirostat_eta": 0.2, "seed": 9}),
    ("mirostat, narrow, with penalties", {"temperature": 0.9, "mirostat": 2, "mirostat_tau": 1, "mirostat_eta": 0.5, "frequency_penalty": 0.5, "seed": 9}),
    ("everything", {"temperature": 1.1, "top_k": 20, "top_p": 0.9, "min_p": 0.02, "typical_p": 0.95, "top_n_sigma": 3, "xtc_probability": 0.3,
                    "xtc_threshold": 0.15, "repetition_penalty": 1.1, "dry_multiplier": 0.8, "seed": 77}),
    ("temperature first", HOT | {"order": ["temperature", "top_p", "min_p"]}),
    ("min p before top p", HOT | {"top_p": 0.5, "order": ["min_p", "temperature", "top_p"]}),
    ("no temperature", {"temperature": 0, "order": ["top_k"], "top_k": 5, "seed": 4}),
    ("no stage", {"order": [], "seed": 4}),
]
VOCABULARY = 24
# Token 5 ends a sequence alone, token 7 together with 8 9, or with 8.
BREAKERS = [(5, []), (7, [8, 9]), (7, [8])]


def main():
    cases = []
    for number, (name, options) in enumerate(CASES):
        bias = {3: 2.5, 4: None} if number % 3 == 1 else {}
        ids = run(number, options, 48, VOCABULARY, bias, BREAKERS)
        cases.append({"name": name, "number": number, "options": options, "logit_bias": [[i, b] for i, b in bias.items()], "ids": ids})
    print('{"vocabulary": %d, "breakers": %s, "cases": [' % (VOCABULARY, json.dumps(BREAKERS)))
    print(",\n".join(json.dumps(case) for case in cases))
    print("]}")


main()
