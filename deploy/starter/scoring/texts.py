"""What reports and recipes share: how a list of answers is counted. What is right is worked out once more from the question, not taken from the agent."""

from check.checker import Checker
from scoring.tool import cost, share


def count(task, lang, lines, answers, judge, complete, samples):
    """`judge` gives {what is wrong: bool} for an answer of the model; templates are counted apart and in no other figure."""
    checker = Checker(lang)
    entry = {"n": len(lines), "from the template": sum(a["template"] for a in answers)}
    entry["from the model"] = len(lines) - entry["from the template"]
    for line, answer in zip(lines, answers):
        wrong = {"template": True} if answer["template"] else judge(line, answer, checker)
        if not answer["template"]:
            for name, is_wrong in wrong.items():
                entry[name] = entry.get(name, 0) + is_wrong
        samples.append({"set": f"{task} {lang}", "prompt": answer["prompt"], "got": answer.get("text") or answer["recipe"], "wrong": [name for name, is_wrong in wrong.items() if is_wrong]})
    checker.close()
    entry["free: every slot in its place, percent"] = share([complete(a["prompt"], a["free"]) for a in answers])
    entry.update(cost(answers))
    return entry
