"""Jinja2 as transformers sets it up for chat templates: the reference that runtime/template is held against."""
import datetime
import functools
import json

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.sandbox


class Generation(jinja2.ext.Extension):
    """HF's {% generation %} ... {% endgeneration %}: in a prompt its contents stand as they are."""
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_contents"), [], [], body).set_lineno(line)

    def _contents(self, caller):
        return caller()


class Raised(jinja2.exceptions.TemplateError):
    """raise_exception of a template."""


def raise_exception(message):
    raise Raised(message)


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def environment(now):
    env = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True,
                                                       extensions=[Generation, "jinja2.ext.loopcontrols"])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda form: now.strftime(form)
    return env


@functools.lru_cache(maxsize=4)
def compiled(source, now):
    return environment(datetime.datetime.fromisoformat(now)).from_string(source)


def render(source, variables, now="2025-02-03T04:05:06"):
    """(text, None), or (None, error)."""
    try:
        text = compiled(source, now).render(**variables)
        text.encode("utf-8")  # lone surrogates are no text
        return text, None
    except Exception as error:  # whatever a template can raise  # pylint: disable=broad-except
        return None, error
