"""Asks linnet-answer-lines (tests/answer/lines): the agent's own code and engine, one thread, delivered answers."""

import json
import subprocess


class Tool:
    def __init__(self, program, model):
        self.program, self.model = program, model

    def ask(self, lines, free=True):
        """Answers of the lines that ask something, in order."""
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        done = subprocess.run([self.program, self.model] + ["--free"] * free, input=text, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(done.stderr.strip() or f"{self.program}: exit code {done.returncode}")
        return [json.loads(line) for line in done.stdout.splitlines()]


def share(hits):
    """Percent of a list of truths, one decimal; None of nothing."""
    return round(100 * sum(hits) / len(hits), 1) if hits else None


def median(values):
    values = sorted(values)
    return values[len(values) // 2] if values else None


def cost(answers):
    """What an answer costs: milliseconds on one core, tokens evaluated and generated (medians, and the slowest in a hundred)."""
    slow = sorted(a["ms"] for a in answers)[int(len(answers) * 0.99)]
    return {"ms": round(median([a["ms"] for a in answers]), 2), "ms p99": round(slow, 2), "evaluated": median([a["evaluated"] for a in answers]),
            "generated": median([a["generated"] for a in answers]), "forced": median([a["forced"] for a in answers])}
