"""Small templates, one feature each, and their variables. What they give is what Jinja2 gives."""

D = {
    "s": "Hello World", "u": "straße ÄÖÜ ǆ ﬁ Σας ΟΔΟΣ 🕰️é", "n": 7, "f": 2.5, "neg": -3, "t": True, "none": None,
    "list": [3, 1, 2], "words": ["b", "A", "c", "a"], "empty": [], "blank": "", "d": {"b": 1, "a": 2, "C": [1, {"x": "y"}]},
    "people": [{"name": "Bo", "age": 3, "tags": ["x"]}, {"name": "al", "age": 1, "tags": []}, {"name": "Cy", "age": 3}],
    "items": {"items": 5, "keys": 6, "k": None}, "quote": "it's \"q\" \\ \n\t\x07\u00a0\u200b",
    "tree": [{"v": 1, "kids": [{"v": 2, "kids": [{"v": 3}]}, {"v": 4}]}, {"v": 5}], "html": "<a href='x'>&\"</a>",
    "lines": "one\ntwo\r\n\nthree\n", "csv": "a,b,,c", "pad": "  \t x y \n",
    "floats": [0.1, 1e16, 1e15, 1e-5, 0.0001, 123456789.125, -0.0, 1.0, 1e300, 3.0e-310, 100.0],
}

SOURCES = r"""
=== text and white space
plain
{{ s }}{# a comment #}!
a {#- b -#} c
  {% if t %}  x  {% endif %}
  {%- if t %}  x  {% endif -%}  y
a
  {% if t %}
b
  {% endif %}
c
a
  {%+ if t +%}
b
  {%+ endif %}
c
  {{ s }}  
	{% set x = 1 %}	z
x {{- s -}} y
x {{+ s }} y
{% raw %}{{ s }} {% if %}{% endraw %}
{%- raw -%}  {{ s }}  {%- endraw -%}  z
  {% raw %}
 {{ a }}
  {% endraw %}
b
{% raw +%}
a{{ "{{" }}b{{ '}}' }}c{{ "%}" }}
{{ {"a": {"b": 1}}["a"]["b"] }}
{{ {'a': {}} }}
{#
 many lines #}
x
{##}a{#-#}b{#+ x +#}
c
{% if t -%}
   a
{%- endif +%}
b
{ {x} {% if t %}{y}{% endif %} %} }} #}
{{ s
}}

trailing newline

{{- "a" }}
{{ "b" -}}
 c
=== literals
{{ "a" 'b' "c" }}
{{ 'it\'s' }} {{ "q\"q" }} {{ "\x41\u00e9\U0001F600\101\t|\n|\\|\q|\
x" }}
{{ "ä\n" }}{{ 'a
b' }}
{{ 1 }} {{ 1_000 }} {{ 0x1F }} {{ 0b101 }} {{ 0o17 }} {{ 1.5 }} {{ 1e3 }} {{ 2.5e-3 }} {{ 1_0.5_0 }} {{ 00 }} {{ 1E5 }}
{{ true }} {{ True }} {{ none }} {{ None }} {{ false }}
{{ [1, 2, [3,]] }} {{ [] }} {{ () }} {{ (1,) }} {{ (1, 2) }} {{ 1, 2 }} {{ {} }} {{ {"a": 1, 'b': [none, true, 1.0]} }} {{ {1: 2, (1, 2): 3, none: 4} }}
{{ {"a": 1, "a": 2} }} {{ {1: "x", 1.0: "y", true: "z"} }}
{{ floats }}
{{ quote }} {{ [quote] }}
{{ ["'", '"', "'\""] }} {{ [u] }}
{{ 007 }}
{{ 1.e }}
{{ "\xzz" }}
{{ "unclosed }}
=== operators
{{ 1 + 2 * 3 - 4 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ 2 ** 10 }} {{ 2 ** 3 ** 2 }} {{ 2 ** -1 }} {{ -2 ** 2 }}
{{ 7.5 // 2 }} {{ -7.5 % 2 }} {{ 7.5 % -2 }} {{ 6 / 3 }} {{ 1 / 3 }} {{ 10 ** 15 }} {{ 2.0 ** 0.5 }} {{ 1e3 * 1e3 }}
{{ -n }} {{ +n }} {{ - -n }} {{ -f }} {{ -true }} {{ +true }} {{ not not 1 }}
{{ 1 / 0 }}
{{ 1 // 0 }}
{{ 1 % 0 }}
{{ 1.0 / 0 }}
{{ "a" + "b" }} {{ "a" * 3 }} {{ 3 * "ab" }} {{ [1] + [2] }} {{ [1] * 2 }} {{ (1,) + (2,) }} {{ "a" * -1 }}
{{ "a" + 1 }}
{{ 1 + "a" }}
{{ [1] + (2,) }}
{{ "a" - "b" }}
{{ none + 1 }}
{{ {} + {} }}
{{ "a" ~ 1 ~ none ~ [1] ~ undefined_thing ~ 2.0 }}
{{ 1 ~ 2 + 3 }} {{ 1 + 2 ~ 3 }}
{{ 1 < 2 }} {{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 == 1.0 }} {{ true == 1 }} {{ "a" < "b" }} {{ [1, 2] < [1, 3] }} {{ (1,) <= (1, 0) }} {{ "1" == 1 }} {{ none == none }} {{ [] == () }}
{{ 1 < "a" }}
{{ none < 1 }}
{{ [1] < 1 }}
{{ {} < {} }}
{{ 2 in list }} {{ 5 not in list }} {{ "ell" in s }} {{ "a" in d }} {{ "z" in d }} {{ 1 in (1, 2) }} {{ "" in "" }} {{ "x" in undefined_thing }} {{ 2 in range(3) }}
{{ 1 in "a" }}
{{ 1 in 5 }}
{{ [] in d }}
{{ 1 and 2 }} {{ 0 or "x" }} {{ 0 and 1 }} {{ "" or none }} {{ not 1 or 2 }} {{ not (1 and 0) }} {{ 1 or 1/0 }} {{ false and 1/0 }}
{{ "y" if t else "n" }} {{ "y" if none }}| {{ "a" if false else "b" if false else "c" }} {{ ("x" if false) is defined }}
{{ 1 if 2 if 0 else 3 }}
{{ 9223372036854775807 - 1 }} {{ 10 // 3.0 }} {{ 5 % 2.5 }} {{ 0 ** 0 }} {{ true + true }} {{ 3 * true }}
{{ not undefined_thing }} {{ undefined_thing == other_thing }} {{ undefined_thing == none }} {{ undefined_thing != "" }}
{{ undefined_thing + "x" }}
{{ "x" + undefined_thing }}
{{ undefined_thing < 1 }}
{{ -undefined_thing }}
{{ -"a" }}
=== subscripts and attributes
{{ d.a }} {{ d["a"] }} {{ d['C'][1].x }} {{ d.C.0 }} {{ list[0] }} {{ list[-1] }} {{ list.1 }} {{ s[1] }} {{ u[0:6] }} {{ (1, 2)[1] }} {{ u[-1] }} {{ s[-11] }}
{{ list[7] }}|{{ d.nope }}|{{ d["nope"] }}|{{ s.nope }}|{{ none.x }}|{{ n.x }}|{{ list["x"] }}|{{ s[99] }}|{{ list[1.0] }}|{{ d[[]] }}
{{ d.nope.more }}
{{ undefined_thing.x }}
{{ undefined_thing["x"] }}
{{ undefined_thing[1:] }}
{% set x = none %}{{ x[1:] }}
{{ d[1:2] }}
{{ s[1:4] }} {{ s[:2] }} {{ s[-3:] }} {{ s[::2] }} {{ s[::-1] }} {{ list[1:] }} {{ list[::-1] }} {{ list[5:] }} {{ list[-2:-1] }} {{ list[2:0:-1] }} {{ (1,2,3)[:2] }} {{ s[3:1] }} {{ u[::-1] }} {{ list[-100:100] }} {{ s[::100] }} {{ range(10)[2:8:3] }} {{ range(5)[1] }} {{ list[none:2] }}
{{ s[::0] }}
{{ s["a":] }}
{{ items["items"] }} {{ items["keys"] }} {{ items.get("items") }} {{ items.k }} {{ items.missing is defined }}
{{ list[true] }} {{ list[none] is defined }} {{ s.__class__ is defined }}|{{ s.__class__ }}|{{ d._x }}
{{ s.__class__.__mro__ }}
{{ list.append(1) }}
{{ list.append is defined }}
{{ d.update({}) }}
{{ d.pop("a") }}
{{ d[undefined_thing] is defined }}{{ d[none] is defined }}
{{ n.real }} {{ n.bit_length() }} {{ f.is_integer() }} {{ (2.0).is_integer() }}
=== calls
{{ range(3) }} {{ range(1, 5)|list }} {{ range(5, 0, -2)|list }} {{ range(0)|list }} {{ range(3)|length }} {{ range(2, 3) == range(2, 3) }} {{ dict(a=1, b="x") }} {{ dict([("k", 1), ["l", 2]], m=3) }} {{ dict(d, z=1).z }} {{ dict() }}
{{ range() }}
{{ range("a") }}
{{ range(1, 2, 0) }}
{{ range(100001) }}
{{ range(1000000)|length }}
{{ dict(1) }}
{{ dict([1]) }}
{{ undefined_thing() }}
{{ n() }}
{{ "a"() }}
{{ range(*[1, 4])|list }} {{ dict(**{"a": 1}) }} {{ dict(**d) }}
{{ dict(**1) }}
{{ dict(**{1: 2}) }}
{{ range(*1) }}
{{ range(stop=3) }}
{{ range(1,)|list }}
{{ raise_exception("No: " ~ n) }}
{{ raise_exception() }}
{{ strftime_now("%Y-%m-%d %H:%M:%S %B %b %A %a %j %y %% %e|%d %I %p %-d") }} {{ strftime_now("") }}|{{ strftime_now("x") }} {{ strftime_now("%f|%z|%Z|%U|%W|%w|%u|%V|%G|%c|%x|%X|%D|%F|%T|%R|%h|%n|%t|%C") }}
{{ strftime_now() }}
{{ strftime_now(1) }}
{% set c = cycler("a", "b") %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.reset() }}{{ c.next() }}
{% set j = joiner() %}{{ j() }}a{{ j() }}b{{ j() }}c{% set k = joiner("|") %}{{ k() }}{{ k() }}
{{ cycler() }}
=== strings
{{ s.upper() }} {{ s.lower() }} {{ s.title() }} {{ s.capitalize() }} {{ s.swapcase() }} {{ u.upper() }} {{ u.lower() }} {{ u.title() }} {{ u.capitalize() }} {{ u.casefold() }} {{ "they're bill's".title() }} {{ "ΟΔΟΣ ΣΑΣ Σ Α'Σ".lower() }}
[{{ pad.strip() }}][{{ pad.lstrip() }}][{{ pad.rstrip() }}][{{ "xxaxx".strip("x") }}][{{ "abcab".strip("ba") }}][{{ "xyz".lstrip("yx") }}][{{ "a\n\n".rstrip("\n") }}][{{ "ää".strip("ä") }}][{{ s.strip(none) }}][{{ "\u00a0\u2003x\x1f".strip() }}][{{ "a".strip("") }}]
{{ "x".strip(1) }}
{{ "a b  c ".split() }} {{ " a b  c ".split(none, 1) }} {{ csv.split(",") }} {{ csv.split(",", 1) }} {{ csv.rsplit(",", 1) }} {{ " a b  c ".rsplit(none, 1) }} {{ "".split() }} {{ "".split(",") }} {{ "aXXbXXc".split("XX") }} {{ "aaa".split("aa") }} {{ "aaa".rsplit("aa", 1) }} {{ csv.split(sep=",", maxsplit=2) }} {{ "a b".split(" ", -1) }} {{ "x".split("x") }} {{ "a,b".split(",", 0) }}
{{ "a".split("") }}
{{ "a".split(1) }}
{{ lines.splitlines() }} {{ lines.splitlines(true) }} {{ "a\x0bb\x0cc\x1cd\u2028e\x85f".splitlines() }} {{ "".splitlines() }} {{ "a\n".splitlines(keepends=true) }}
{{ s.startswith("Hell") }} {{ s.startswith(("x", "H")) }} {{ s.endswith("ld") }} {{ s.endswith(("x",)) }} {{ s.startswith("World", 6) }} {{ s.startswith("o", 4, 5) }} {{ s.endswith("o", 0, 5) }} {{ "".startswith("") }} {{ s.startswith("") }} {{ s.startswith("", 99) }}
{{ s.startswith(1) }}
{{ s.startswith(["H"]) }}
{{ s.startswith() }}
{{ s.replace("l", "L") }} {{ s.replace("l", "", 1) }} {{ "aaa".replace("a", "b", 2) }} {{ "ab".replace("", "-") }} {{ "ab".replace("", "-", 2) }} {{ "".replace("", "x") }} {{ "äöä".replace("ä", "ae") }} {{ s.replace("zz", "y") }} {{ "a".replace("a", "b", -1) }} {{ "a".replace("a", "b", 0) }} {{ "äb".replace("", "-") }}
{{ s.replace("l") }}
{{ s.replace("l", 1) }}
{{ s.find("o") }} {{ s.find("o", 5) }} {{ s.find("zz") }} {{ s.rfind("o") }} {{ s.index("W") }} {{ u.find("Ä") }} {{ s.find("") }} {{ s.find("o", 0, 3) }} {{ s.find("d", -1) }} {{ s.rindex("l") }} {{ s.find("", 99) }} {{ u.rfind("Σ") }}
{{ s.index("zz") }}
{{ s.count("l") }} {{ s.count("") }} {{ "aaaa".count("aa") }} {{ s.count("l", 4) }} {{ u.count("Σ") }}
{{ ",".join(words) }} {{ "".join([]) }} {{ "-".join("abc") }} {{ ", ".join(d) }} {{ "|".join(words|map("upper")) }}
{{ ",".join([1]) }}
{{ ",".join(1) }}
{{ "{} and {}".format(1, "b") }} {{ "{1}{0}".format("a", "b") }} {{ "{x}-{y.a}".format(x=1, y=d) }} {{ "{0[a]} {1[0]}".format(d, list) }} {{ "{:>5}|{:<5}|{:^5}|{:*^7}|{:05d}|{:+d}|{:.2f}|{:x}|{:#x}|{:,}|{:%}|{:e}".format("a", "b", "c", "d", 42, 5, 3.14159, 255, 255, 1234567, 0.25, 12345.678) }} {{ "{{}}".format() }} {{ "{!r}".format("a") }} {{ "{:d}".format(true) }} {{ "{}".format(none) }} {{ "{:10}|".format("ä") }} {{ "{:.2}".format("abc") }} {{ "{:g}".format(1e10) }} {{ "{:.3}".format(2.0) }} {{ "{:b}".format(5) }} {{ "{:08.3f}".format(-3.14159) }} {{ "{:>4}".format(7) }} {{ "{:<4}|".format(7) }} {{ "{:,.2f}".format(1234.5) }} {{ "{:c}".format(65) }}
{{ "{}".format() }}
{{ "{a}".format() }}
{{ "{:d}".format("a") }}
{{ "{".format() }}
{{ "}".format() }}
{{ "{:z}".format(1) }}
{{ "%s is %d and %.2f %x %05d %-5s| %5s %r %% %i %e %g %c %+d %#x %s" % ("a", 3, 2.5, 255, 42, "l", "r", "q", 7, 1e5, 0.5, "c", 4, 255, none) }} {{ "%s" % s }} {{ "%(a)s %(b)05d" % d }} {{ "%s" % [1] }} {{ "%d" % 3.7 }} {{ "%s %s" % ("a", undefined_thing) }}| {{ "%5.1f|" % 2.25 }} {{ "%c" % 65 }} {{ "x" % [] }} {{ "x" % {} }} {{ "%d" % true }}
{{ "%s %s" % "a" }}
{{ "%s" % (1, 2) }}
{{ "%d" % "a" }}
{{ "x" % 1 }}
{{ "%(zz)s" % d }}
{{ "%(a)s" % 1 }}
{{ "%" % 1 }}
{{ "%q" % 1 }}
[{{ "a".center(5) }}][{{ "ab".center(5, "*") }}][{{ "a".ljust(3) }}][{{ "a".rjust(3, "-") }}][{{ "-5".zfill(4) }}][{{ "a".zfill(3) }}][{{ "abc".center(2) }}][{{ "abcd".center(7, "x") }}][{{ "a\tb".expandtabs(4) }}][{{ "ä".rjust(3) }}]
{{ "a".center(5, "ab") }}
{{ "a=b=c".partition("=") }} {{ "a=b=c".rpartition("=") }} {{ "abc".partition("=") }} {{ "abc".rpartition("=") }} {{ "abc".removeprefix("a") }} {{ "abc".removesuffix("c") }} {{ "abc".removeprefix("x") }}
{{ "a".partition("") }}
{{ "123".isdigit() }} {{ "12a".isdigit() }} {{ "".isdigit() }} {{ "abc".isalpha() }} {{ "äß".isalpha() }} {{ "a1".isalnum() }} {{ "a_1".isalnum() }} {{ " \t".isspace() }} {{ "AB".isupper() }} {{ "ab1".islower() }} {{ "1".islower() }} {{ "Ab Cd".istitle() }} {{ "Ab cd".istitle() }} {{ "a_b1".isidentifier() }} {{ "1a".isidentifier() }} {{ "a\n".isprintable() }} {{ "ab".isascii() }} {{ "ä".isascii() }} {{ "٣".isdecimal() }} {{ "".isascii() }} {{ "".isprintable() }}
{{ s.upper(1) }}
{{ s.nothing() }}
=== lists and dicts
{{ d.keys()|list }} {{ d.values()|list }} {{ d.items()|list }} {{ d.get("a") }} {{ d.get("zz") }} {{ d.get("zz", 5) }} {{ d.keys() }} {{ d.items() }} {{ d.values()|length }} {{ "a" in d.keys() }} {{ ("a", 2) in d.items() }} {{ d.copy().a }}
{{ d.get() }}
{{ d.keys()[0] }}
{{ d.get([]) }}
{{ list.index(1) }} {{ list.count(3) }} {{ (1, 2, 1).count(1) }} {{ (1, 2).index(2) }} {{ list.copy() }} {{ [1, 1.0, true, "1"].count(1) }}
{{ list.index(9) }}
{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}
{% for k in d %}{{ k }};{% endfor %}
{{ d == {"C": [1, {"x": "y"}], "a": 2, "b": 1} }} {{ [1, [2]] == [1, [2.0]] }}
=== for
{% for x in list %}{{ x }},{% endfor %}
{% for x in list %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.depth }}{{ loop.depth0 }} {% endfor %}
{% for x in empty %}x{% else %}none{% endfor %}{% for x in undefined_thing %}x{% else %}nothing{% endfor %}
{% for x in none %}x{% endfor %}
{% for x in 5 %}x{% endfor %}
{% for c in "aß🕰" %}[{{ c }}]{% endfor %}
{% for x in range(10) if x is even %}{{ x }}{{ loop.index }}{{ loop.last }} {% else %}no{% endfor %}
{% for x in list if x > 5 %}x{% else %}no{% endfor %}
{% for a, b in [(1, 2), [3, 4], "xy"] %}{{ a }}{{ b }} {% endfor %}
{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}
{% for a, b in [(1, 2, 3)] %}x{% endfor %}
{% for a, b in [1] %}x{% endfor %}
{% for x in list %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }} {% endfor %}
{% for x in list %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }} {% endfor %}
{% for x in [1,1,2,2,1] %}{{ loop.changed(x) }} {% endfor %}{% for x in list %}{{ loop.cycle("a", "b") }}{% endfor %}
{% for x in list %}{{ loop.cycle() }}{% endfor %}
{% for x in range(9) %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 5 %}{% break %}{% endif %}{{ x }}{% endfor %}
{% for x in list %}{% break %}{% else %}else{% endfor %}
{% for x in list %}{% continue %}{% else %}else{% endfor %}
{% for x in list %}{% if loop.first %}a{% else %}{% break %}{% endif %}{% else %}else{% endfor %}
{% for t in tree recursive %}{{ t.v }}{% if t.kids %}({{ loop(t.kids) }}){% endif %}{{ loop.depth }}{% endfor %}
{% for x in list %}{{ loop(x) }}{% endfor %}
{% for x in list %}{% for y in list %}{{ loop.index }}{{ x }}{{ y }} {% endfor %}{{ loop.index }}{% endfor %}
{% for x in list %}{% set y = x %}{% endfor %}{{ y is defined }}
{% set y = 0 %}{% for x in list %}{% set y = y + x %}{{ y }} {% endfor %}{{ y }}
{% set ns = namespace(y=0) %}{% for x in list %}{% set ns.y = ns.y + x %}{% endfor %}{{ ns.y }} {{ ns }}
{% for x in list %}{{ x }}{% endfor %}{{ x is defined }}
{% set x = 9 %}{% for x in list %}{{ x }}{% endfor %}{{ x }}
{% for loop in list %}{{ loop }}{% endfor %}
{% for x in list %}{% set loop = 1 %}{% endfor %}
{{ loop is defined }}{% for x in list %}{% else %}{{ loop is defined }}{% endfor %}
{% for x in list %}{% for y in empty %}{% else %}{{ loop.index }}{% endfor %}{% endfor %}
{% for x in people|selectattr("age", "gt", 1) %}{{ x.name }}{{ loop.length }}{{ loop.last }} {% endfor %}
{% for k, g in people|groupby("age") %}{{ k }}:{{ g|map(attribute="name")|join("+") }} {% endfor %}
{% for g in people|groupby("age") %}{{ g.grouper }}{{ g.list|length }} {% endfor %}
{% for x in d.items() %}{{ x }}{{ x[0] }}{% endfor %}
{% for x in (1, 2, 3) %}{{ x }}{% endfor %}{% for x in 1, 2 %}{{ x }}{% endfor %}
{% for x in list[::-1] %}{{ x }}{% endfor %}{% for x in list|reverse %}{{ x }}{{ loop.index }}{% endfor %}
{% for x in list %}{% if loop.index0 % 2 == 0 %}e{% else %}o{% endif %}{% endfor %}
{% for message in people %}{% if message.name == "al" %}{% set found = message %}{% endif %}{{ found is defined }}{% endfor %}
{% for x in list -%}
  {{ x }}
{%- endfor %}
{% for x in list: %}{{ x }}{% endfor %}
{% for 1 in list %}{% endfor %}
{% for x of list %}{% endfor %}
{% for x in list %}
{% break %}
{% for x in list %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}
{% for x in list %}{% with y = x * 2 %}{{ y }}{% endwith %}{% endfor %}
{% for x in words|sort %}{{ x }}{% if not loop.last %}, {% endif %}{% endfor %}
=== if
{% if n > 5 %}big{% elif n > 3 %}mid{% else %}small{% endif %}
{% if false %}a{% elif true %}b{% elif true %}c{% else %}d{% endif %}
{% if none %}a{% endif %}{% if "" %}a{% endif %}{% if [] %}a{% endif %}{% if {} %}a{% endif %}{% if 0.0 %}a{% endif %}{% if undefined_thing %}a{% endif %}{% if "0" %}z{% endif %}{% if range(0) %}a{% endif %}
{% if n is defined and n is not none and not (n == 3) %}ok{% endif %}
{% if t: %}a{% endif %}
{% if %}a{% endif %}
{% if t %}a
{% if t %}a{% endfor %}
{% endif %}
{% else %}
{% if t %}{% else %}{% elif t %}{% endif %}
{% if t %}a{% endif x %}
=== set
{% set x = 1 %}{{ x }}{% set x = x + 1 %}{{ x }}
{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set (c, d2) = "xy" %}{{ c }}{{ d2 }}
{% set a, b = 1 %}
{% set a, b = 1, 2, 3 %}
{% set x %}a{{ n }}b{% endset %}{{ x }}{{ x|length }}
{% set x | upper | replace("A", "z") %}a{{ n }}b{% endset %}{{ x }}
{% set x %}{% set inner = 1 %}{% endset %}{{ inner is defined }}
{% set ns = namespace() %}{% set ns.a = 1 %}{{ ns.a }}{{ ns.b is defined }}{{ ns["a"] }}
{% set ns = namespace(d, q=1) %}{{ ns.a }}{{ ns.q }}
{% set ns = namespace({"x": 1}) %}{% set ns.x %}block{% endset %}{{ ns.x }}
{% set ns = namespace(l=[]) %}{% for x in list %}{% set ns.l = ns.l + [x] %}{% endfor %}{{ ns.l }}
{% set d.x = 1 %}
{% set undefined_thing.x = 1 %}
{% set ns = namespace() %}{{ ns.missing.x }}
{% set true = 1 %}
{% set 1 = 1 %}
{% set x.y.z = 1 %}
{% set x[0] = 1 %}
{% set x == 1 %}
{% if t %}{% set q = 1 %}{% endif %}{{ q }}
{% if false %}{% set q = 1 %}{% endif %}{{ q is defined }}{% if false %}{% set n = 1 %}{% endif %}{{ n }}
{% set n = n %}{{ n }}{% set s = s|upper %}{{ s }}
{% set messages = people %}{% set messages = messages[1:] %}{{ messages|length }}
{% for x in list %}{{ n }}{% endfor %}{% set n = 1 %}
{% for x in [1] %}{% if false %}{% set n = 1 %}{% endif %}{{ n }}{% endfor %}
{% for x in [1] %}{% if true %}{% set n = 1 %}{% else %}{% set n = 2 %}{% endif %}{{ n }}{% endfor %}{{ n }}
{% for x in [1, 2] %}{{ n }}{% set n = x %}{{ n }}{% endfor %}{{ n }}
{% macro m() %}{{ n }}{% endmacro %}{{ m() }}{% set n = 1 %}{{ m() }}
{% macro m() %}{{ q }}{% endmacro %}{{ m() }}{% set q = 1 %}{{ m() }}{% set q = 2 %}{{ m() }}
{% set q = 1 %}{% macro m() %}{% set q = 2 %}{{ q }}{% endmacro %}{{ m() }}{{ q }}
{% with %}{% set q = 1 %}{{ q }}{% endwith %}{{ q is defined }}
{% set x = y = 1 %}
=== macro, call, filter, with
{% macro m(a, b=2, c="x" ~ b) %}{{ a }}{{ b }}{{ c }};{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(1, c=4) }}{{ m(b=1, a=2) }}{{ m() }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(z=2) }}
{% macro m(a) %}{{ a is defined }}{{ a.x }}{% endmacro %}{{ m() }}
{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }}{{ m() }}
{% macro m(a, b) %}{{ a }}{{ varargs|join("-") }}{{ kwargs.items()|list }}{% endmacro %}{{ m(1, 2, 3, 4, k=5) }}
{% macro m(a=1, b) %}{% endmacro %}
{% macro m(a, a) %}{% endmacro %}
{% macro m %}{% endmacro %}
{% macro m(x) %}[{{ caller() }}{{ x }}]{% endmacro %}{% call m(1) %}body{{ n }}{% endcall %}
{% macro m() %}{% for x in list %}{{ caller(x, loop.index) }};{% endfor %}{% endmacro %}{% call(a, b=0) m() %}{{ a }}-{{ b }}{% endcall %}
{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}
{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}{% call m() %}x{% endcall %}
{% macro m() %}x{% endmacro %}{% call m() %}y{% endcall %}
{% call n %}{% endcall %}
{% call range(3) %}{% endcall %}
{% macro fact(k) %}{% if k <= 1 %}1{% else %}{{ k * (fact(k - 1)|int) }}{% endif %}{% endmacro %}{{ fact(10) }}
{% macro walk(v, deep=0) %}{% if v is mapping %}{% for k, w in v.items() %}{{ k }}:{{ walk(w, deep + 1) }},{% endfor %}{% elif v is string %}"{{ v }}"{% elif v is iterable %}[{% for w in v %}{{ walk(w, deep + 1) }} {% endfor %}]{% else %}{{ v }}@{{ deep }}{% endif %}{% endmacro %}{{ walk(d) }}
{% macro m() -%}  x  {%- endmacro %}[{{ m() }}]{{ m }} {{ m.name }} {{ m.arguments }}
{{ m is defined }}{% macro m() %}{% endmacro %}{{ m is callable }}{{ m is string }}
{{ m() }}{% macro m() %}{% endmacro %}
{% if t %}{% macro m() %}in{% endmacro %}{% endif %}{{ m() }}
{% macro outer() %}{% macro inner(x) %}<{{ x }}>{% endmacro %}{{ inner(n) }}{{ inner("y") }}{% endmacro %}{{ outer() }}
{% macro m(messages) %}{{ messages|length }}{% endmacro %}{{ m(list) }}
{% set x = "out" %}{% macro m(x) %}{{ x }}{% endmacro %}{{ m() }}{{ m(1) }}{{ x }}
{{ m(1)|upper }}{% macro m(a) %}a{% endmacro %}
{% macro m(a) %}<{{ a }}>{% endmacro %}{{ m("x")|upper ~ m("y") + m("z") }}{{ m(a=m("q")) }}
{% filter upper %}a{{ s }}{% endfilter %}{% filter replace("a", "b")|upper %}aa{% endfilter %}{% filter trim %}  x {% endfilter %}
{% filter nope %}{% endfilter %}
{% with a=1, b=n %}{{ a }}{{ b }}{% endwith %}{{ a is defined }}{% with %}x{% endwith %}{% with n=n+1, q=n %}{{ n }}{{ q }}{% endwith %}{{ n }}
{% print s, n %}{% print(1) %}
{% generation %}a{{ n }}{% set q = 1 %}{% endgeneration %}{{ q is defined }}
{% for x in list %}{% generation %}{{ x }}{{ loop.index }}{% endgeneration %}{% endfor %}
{% do list.append(1) %}
{% unknown %}
{% include "x" %}
{% import "x" as y %}
{% extends "x" %}
{%%}
{% 1 %}
{{ }}
{{ 1 2 }}
{{ (1 }}
{{ 1) }}
{{ [1, }}
{{ {1} }}
{{ a. }}
{{ a[ }}
{{ a| }}
{{ a is }}
{{ f(a=1, 2) }}
{{ f(**a, b) }}
{{ f(a=1, a=2) }}
{{ s $ }}
{{ s
{% if t
{# open
=== filters on text
{{ s|upper }} {{ s|lower }} {{ "foo bar-baz (qux) it's"|title }} {{ s|capitalize }} {{ u|upper }} {{ u|title }} {{ 5|upper }} {{ none|lower }} {{ undefined_thing|upper }}| {{ "fOO bAR"|capitalize }}
[{{ pad|trim }}] [{{ "xxaxx"|trim("x") }}] [{{ undefined_thing|trim }}] [{{ 5|trim }}] [{{ "abc"|trim(chars="ac") }}]
{{ s|replace("l", "L") }} {{ s|replace("l", "L", 1) }} {{ 5.5|replace(5, 6) }} {{ none|replace("N", "n") }} {{ s|replace(old="o", new="0", count=1) }}
{{ s|replace("l") }}
{{ s|length }} {{ u|length }} {{ list|length }} {{ d|count }} {{ undefined_thing|length }} {{ range(4)|length }} {{ ""|length }}
{{ 5|length }}
{{ none|length }}
{{ (list|map("string"))|length }}
{{ "a\nb\n\nc"|indent }}|{{ "a\nb"|indent(2) }}|{{ "a\nb"|indent(2, true) }}|{{ "a\n\nb"|indent(2, blank=true) }}|{{ "a\nb\n"|indent(width=1) }}|{{ "a\nb"|indent("> ", first=true) }}|{{ ""|indent }}|
{{ 5|indent }}
{{ "foo bar baz qux"|truncate(9) }} {{ "foo bar baz qux"|truncate(9, true) }} {{ "foo bar baz qux"|truncate(11) }} {{ "foo bar baz qux"|truncate(11, false, "…", 0) }}
{{ "a"|truncate(1) }}
{{ "one two, three-four"|wordcount }} {{ ""|wordcount }} {{ "äß 5 _x"|wordcount }}
{{ "%s=%s"|format("a", 1) }} {{ "%(x)s"|format(x=2) }} {{ "x"|format }}
{{ "%s"|format(1, x=2) }}
{{ html|escape }} {{ html|e }} {{ html|safe }} {{ html|forceescape }} {{ "<"|escape|escape }} {{ "<"|e ~ "<" }} {{ ("<"|e) + "<" }} {{ "<" + ("<"|safe) }} {{ ("a"|safe) is escaped }} {{ [("<"|safe)] }} {{ ("<b>"|safe).upper() }} {{ ("%s"|safe) % "<" }} {{ ("{}"|safe).format("<") }} {{ ("a"|safe).join(["<", "b"]) }} {{ 5|safe }} {{ ("<x"|safe).replace("x", "<") }} {{ ("a"|safe)|upper is escaped }}
{{ 5|string ~ 1 }} {{ [1]|string }} {{ s|string|length }} {{ none|string }} {{ 5|string is string }}
{{ "a b/c&d=é"|urlencode }} {{ {"a b": 1, "c": "x/y"}|urlencode }} {{ [("a", 1)]|urlencode }} {{ 5|urlencode }}
[{{ "a"|center(5) }}] [{{ "ab"|center(width=7) }}]
{{ s|nope }}
{{ s|upper(1) }}
{% if false %}{{ s|nope }}{% endif %}ok
{% if true %}{{ s|nope }}{% endif %}
{{ s if true else s|nope }}
{% for x in list %}{% if false %}{% for y in list %}{{ y|nope }}{% endfor %}{% endif %}{% endfor %}
{{ "abc"|first }} {{ "abc"|last }} {{ "abc"|reverse }} {{ "abc"|list }} {{ "bca"|sort }} {{ "abc"|join("-") }} {{ "aAb"|unique|list }} {{ "abc"|batch(2)|list }}
=== filters on values
{{ undefined_thing|default("x") }} {{ none|default("x") }} {{ none|default("x", true) }} {{ ""|d("y", boolean=true) }} {{ undefined_thing|default }}| {{ 0|default(5) }} {{ d.nope|default(none) }} {{ undefined_thing.x|default("z") }}
{{ (undefined_thing|default({})).x is defined }}
{{ "42"|int }} {{ "4.7"|int }} {{ "x"|int }} {{ "x"|int(5) }} {{ 3.9|int }} {{ -3.9|int }} {{ "0x1f"|int(base=16) }} {{ "ff"|int(0, 16) }} {{ " 7 "|int }} {{ true|int }} {{ none|int }} {{ "1_000"|int }} {{ "1e3"|int }} {{ "-5"|int }} {{ "+5"|int }} {{ []|int }} {{ "0b11"|int(base=2) }} {{ "0x1f"|int(base=0) }} {{ "0x1f"|int }} {{ ""|int }} {{ "nan"|int(3) }}
{{ undefined_thing|int }}
{{ "1.5"|float }} {{ "x"|float }} {{ "x"|float(2.0) }} {{ 3|float }} {{ " 1e3 "|float }} {{ "inf"|float }} {{ "nan"|float }} {{ "-.5"|float }} {{ "5."|float }} {{ "1_0"|float }} {{ none|float }} {{ "0x10"|float }} {{ "1e"|float }}
{{ undefined_thing|float }}
{{ -5|abs }} {{ (-5)|abs }} {{ neg|abs }} {{ 2.5|abs }} {{ (-2.5)|abs }} {{ true|abs }}
{{ "a"|abs }}
{{ 2.5|round }} {{ 3.5|round }} {{ 2.567|round(2) }} {{ 2.567|round(1, "floor") }} {{ 2.511|round(1, "ceil") }} {{ 5|round }} {{ 1234|round(-2) }} {{ 1250|round(-2) }} {{ 1350|round(-2) }} {{ -1250|round(-2) }} {{ 2.5|round|int }} {{ 1234.5|round(-2) }} {{ 0.125|round(2) }} {{ 2.675|round(2) }} {{ 5|round(method="ceil") }} {{ -0.4|round }}
{{ 2.5|round(1, "x") }}
{{ "a"|round }}
{{ d|tojson }} {{ quote|tojson }} {{ u|tojson }} {{ list|tojson }} {{ none|tojson }} {{ true|tojson }} {{ 1.0|tojson }} {{ (1, 2)|tojson }} {{ {1: 2, none: 3, true: 4, 1.5: 5}|tojson }} {{ []|tojson }} {{ {}|tojson }} {{ html|tojson }} {{ floats|tojson }} {{ {"a": [], "b": {}}|tojson(indent=2) }}
{{ d|tojson(indent=2) }}
{{ d|tojson(indent=4)|indent(2) }} {{ d|tojson(separators=(",", ":")) }} {{ d|tojson(sort_keys=true) }} {{ u|tojson(ensure_ascii=true) }} {{ d|tojson(true, 1) }} {{ "\x7f\u2028"|tojson }} {{ "\x7f"|tojson(ensure_ascii=true) }} {{ d|tojson(indent="> ") }} {{ d|tojson(indent=0) }} {{ [[1, [2]], {}]|tojson(indent=1) }} {{ d|tojson(indent=none) }}
{{ undefined_thing|tojson }}
{{ [undefined_thing]|tojson }}
{{ range(3)|tojson }}
{{ d.items()|tojson }}
{{ namespace()|tojson }}
{{ {(1, 2): 3}|tojson }}
{{ d|tojson(1, 2, 3, 4, 5) }}
{{ d|tojson(nope=1) }}
{{ d|attr("get") is callable }} {{ d|attr("a") is defined }} {{ s|attr("upper")() }}
{{ "inf"|float|tojson }} {{ "nan"|float|tojson }} {{ ("inf"|float) > 5 }}
=== filters on sequences
{{ list|first }} {{ list|last }} {{ empty|first }}| {{ empty|last }}| {{ d|first }} {{ d|last }} {{ d.items()|first }} {{ range(3)|last }} {{ undefined_thing|first }}|
{{ 5|first }}
{{ (list|map("string"))|last }}
{{ list|join }} {{ list|join(", ") }} {{ people|join("-", attribute="name") }} {{ people|join(attribute="age", d="+") }} {{ [1, none, "x", undefined_thing]|join("|") }} {{ d|join(",") }} {{ undefined_thing|join }} {{ list|join(1) }}
{{ none|join }}
{{ list|sort }} {{ words|sort }} {{ words|sort(case_sensitive=true) }} {{ list|sort(reverse=true) }} {{ people|sort(attribute="age")|map(attribute="name")|list }} {{ people|sort(attribute="age,name")|map(attribute="name")|list }} {{ people|sort(attribute="age", reverse=true)|map(attribute="name")|list }} {{ d|sort }} {{ [(2, "a"), (1, "b")]|sort }} {{ [(2, "a"), (1, "b")]|sort(attribute=0) }} {{ [[2, 1], [1, 9]]|sort(attribute="1") }}
{{ [1, "a"]|sort }}
{{ [none, 1]|sort }}
{{ people|sort(attribute="nope") }}
{{ people|sort(attribute="tags") }}
{{ words|unique|list }} {{ words|unique(true)|list }} {{ people|unique(attribute="age")|map(attribute="name")|list }} {{ [1, 1.0, true, "1"]|unique|list }}
{{ [[1]]|unique|list }}
{{ list|reverse|list }} {{ "abc"|reverse }} {{ d|reverse|list }} {{ (list|map("string"))|reverse }} {{ (1, 2)|reverse|list }}
{{ 5|reverse }}
{{ list|sum }} {{ people|sum(attribute="age") }} {{ list|sum(start=10) }} {{ [0.5, 1]|sum }} {{ [[1], [2]]|sum(start=[]) }} {{ empty|sum }}
{{ words|sum }}
{{ list|min }} {{ list|max }} {{ words|min }} {{ words|max }} {{ words|max(case_sensitive=true) }} {{ people|max(attribute="age") }} {{ empty|max }}| {{ people|min(attribute="name") }}
{{ [1, "a"]|max }}
{{ list|map("string")|list }} {{ words|map("upper")|join }} {{ people|map(attribute="name")|list }} {{ people|map(attribute="tags.0")|list }} {{ people|map(attribute="nope", default="-")|list }} {{ words|map("replace", "a", "z")|list }} {{ [[1, 2], [3]]|map("length")|list }} {{ people|map(attribute="tags.0", default="none")|join(",") }} {{ [[1,2]]|map(attribute=1)|list }} {{ none|map("upper")|list }} {{ ["1"]|map("int", default=3)|list }}
{{ list|map("nope")|list }}
{{ list|map|list }}
{{ people|map(attribute="a.b.c")|list }}
{{ list|select|list }} {{ [0, 1, ""]|select|list }} {{ list|select("odd")|list }} {{ list|reject("odd")|list }} {{ list|select("gt", 1)|list }} {{ [0, none, 2]|reject|list }} {{ words|select("in", ["a", "c"])|list }} {{ [1, "a", none]|select("string")|list }} {{ list|select(">=", 2)|list }} {{ [1, none]|reject("none")|list }}
{{ list|select("nope")|list }}
{{ people|selectattr("age", "equalto", 3)|map(attribute="name")|list }} {{ people|selectattr("tags")|map(attribute="name")|list }} {{ people|rejectattr("tags")|map(attribute="name")|list }} {{ people|selectattr("tags", "defined")|list|length }} {{ people|selectattr("name", "in", ["al", "Cy"])|map(attribute="age")|list }} {{ people|rejectattr("age", "==", 3)|list|length }} {{ people|selectattr("tags", "undefined")|map(attribute="name")|list }}
{{ people|selectattr }}{{ people|selectattr|list }}
{{ (people|selectattr("age", "eq", 3)|list)[0].name }} {{ (people|selectattr("age", "eq", 3)|first).name }} {{ people|selectattr("age", "eq", 9)|first is defined }} {{ (people|selectattr("age", "eq", 9)|list|length) == 0 }}
{{ people|groupby("age")|list|length }} {{ people|groupby("age") }} {{ people|groupby("tags.0", default="x")|map(attribute=0)|list }} {{ [{"k": "b"}, {"k": "B"}, {"k": "a"}]|groupby("k")|map("first")|list }} {{ [{"k": "b"}, {"k": "B"}]|groupby("k", case_sensitive=true)|length }}
{{ people|groupby }}
{{ d|dictsort }} {{ d|dictsort(true) }} {{ {"x": 2, "y": 1}|dictsort(false, "value") }} {{ {"x": 2, "y": 1}|dictsort(reverse=true) }} {{ {"x": 2, "y": 1}|dictsort(by="value") }}
{{ d|dictsort(by="z") }}
{{ d|dictsort(by="value") }}
{{ list|dictsort }}
{{ d|items|list }} {{ undefined_thing|items|list }}
{{ list|items|list }}
{{ range(7)|batch(3)|list }} {{ range(7)|batch(3, "x")|list }} {{ range(7)|slice(3)|list }} {{ range(7)|slice(3, "x")|list }} {{ empty|batch(2)|list }} {{ range(2)|slice(3)|list }}
{{ "abc"|list }} {{ d|list }} {{ (1, 2)|list }} {{ undefined_thing|list }}
{{ 5|list }}
{{ none|list }}
{{ list|map("string")|map("replace", "1", "one")|select("ne", "2")|join(" ") }}
{{ words|map("upper")|sort|unique|reverse|join }} {{ (words|map("length"))|sum }} {{ 3 in list|map("int") }}
=== tests
{{ n is defined }} {{ undefined_thing is undefined }} {{ none is none }} {{ n is none }} {{ s is string }} {{ html|safe is string }} {{ n is number }} {{ f is number }} {{ true is number }} {{ n is integer }} {{ true is integer }} {{ f is float }} {{ true is boolean }} {{ 1 is boolean }} {{ true is true }} {{ 1 is true }} {{ false is false }} {{ 0 is false }} {{ d is mapping }} {{ list is mapping }}
{{ list is iterable }} {{ s is iterable }} {{ n is iterable }} {{ none is iterable }} {{ undefined_thing is iterable }} {{ range(3) is iterable }} {{ list|map("string") is iterable }} {{ d.items() is iterable }} {{ list is sequence }} {{ s is sequence }} {{ d is sequence }} {{ n is sequence }} {{ (1,) is sequence }} {{ range(2) is sequence }} {{ undefined_thing is sequence }} {{ list|map("string") is sequence }} {{ d.keys() is sequence }} {{ none is sequence }}
{{ range is callable }} {{ s is callable }} {{ s.upper is callable }} {{ 4 is even }} {{ 3 is odd }} {{ 9 is divisibleby 3 }} {{ 9 is divisibleby(4) }} {{ 4.0 is even }} {{ -3 is odd }}
{{ "a" is even }}
{{ 1 is eq 1 }} {{ 1 is equalto(2) }} {{ 1 is ne 2 }} {{ 1 is lt 2 }} {{ 1 is gt 2 }} {{ 1 is le 1 }} {{ 1 is ge 2 }} {{ 1 is lessthan 2 }} {{ 1 is greaterthan 0 }} {{ 2 is in [1, 2] }} {{ "a" is in "abc" }} {{ 5 is not in [1] }} {{ none is sameas none }} {{ true is sameas true }} {{ 1 is sameas true }} {{ list is sameas list }} {{ list is sameas [3, 1, 2] }}
{{ 1 is lt "a" }}
{{ "abc" is lower }} {{ "ABC" is upper }} {{ "aB" is lower }} {{ "1" is lower }} {{ "upper" is filter }} {{ "nope" is filter }} {{ "odd" is test }} {{ "nope" is test }}
{{ n is not defined }} {{ not n is defined }} {{ n is defined and s is string }} {{ n is defined == true }} {{ (n is defined) == true }} {{ list is defined and list|length > 2 }} {{ n + 1 is even }} {{ -n is number }}
{{ n is nope }}
{{ n is string is string }}
{% if false %}{{ n is nope }}{% endif %}ok
{{ d.a is defined and d.zz is not defined and d.zz is undefined }} {{ d.zz is none }} {{ d.C[1].x is string }} {{ "x" is string and "y" }} {{ none is not none or "z" }} {{ 2 is divisibleby 2 and 3 }} {{ s is startingwith }}
{{ x is defined if true else false }} {{ 3 is in list }} {{ 3 is not none }} {{ list|length is gt 2 }} {{ list|length is even }}
{{ d is mapping and d.a }} {{ "a" if d is mapping else "b" }} {{ [n is string, n is number] }} {{ {"a": n is string} }} {{ (n is string, 1) }}
=== nesting and odds
{{ ((((1)))) }} {{ [[[[[]]]]] }} {{ {"a": {"b": {"c": [1, {"d": ()}]}}} }} {{ (1, [2, (3,)]) }}
{{ "a".upper().lower().title() }} {{ "a,b".split(",")[1].upper() }} {{ ("a" ~ "b")|upper }} {{ ("a" ~ "b").upper() }} {{ [1, 2][0] }} {{ {"a": 1}.a }} {{ "abc"[1] }} {{ (1, 2)[0] }} {{ "a" "b"|upper }} {{ -1|abs }} {{ 2 * 3|string }} {{ not 1 == 2 }}
{{ [x for x in list] }}
{{ lambda: 1 }}
{{ s if s else }}
{{ loop }}|{{ caller is defined }}|{{ varargs is defined }}
x{{ dict is callable }}
{{ "{}" }} {{ '{%' }} {{ "#}" }} {{ "a#b" }}
{{ 1 if t else 2 ~ 3 }} {{ (1 if t else 2) ~ 3 }} {{ 1 < 2 and 2 < 3 }} {{ 1 == 1 != 2 }} {{ 1 in [1] == true }}
{{ list | length }} {{ list|length + 1 }} {{ (list|length) * 2 }} {{ list|length * 2 }} {{ list|length > 2 and "many" or "few" }} {{ list[list|length - 1] }} {{ people[0]["na" ~ "me"] }} {{ d[words[3]] }}
{{ none }} {{ [none] }} {{ undefined_thing }}| {{ [undefined_thing] }} {{ {"a": undefined_thing} }} {{ (undefined_thing, ) }}
{{ "é" == "é" }} {{ "🕰️"|length }} {{ "a\u0301"|length }} {{ "a\0b"|length }}
{% set x = [1, 2] %}{% set y = x + [3] %}{{ x }}{{ y }}{% set a = {"k": [1]} %}{{ a.k + [2] }}{{ a }}
{% for x in range(3) %}{% for y in range(2) if y != x %}{{ x }}{{ y }}{{ loop.last }} {% endfor %}{% endfor %}
{% set ns = namespace(a=namespace(b=1)) %}{% set ns.c = ns.a %}{{ ns.c.b }}{{ ns.a is sameas ns.c }}
{% set x = namespace(n=0) %}{% macro inc() %}{% set x.n = x.n + 1 %}{{ x.n }}{% endmacro %}{{ inc() }}{{ inc() }}{{ x.n }}
{%- for i in range(2) -%}
    {%- if i == 0 %}
first
    {%- else %}
second
    {% endif -%}
{%- endfor -%}
{% if t %}
  a
{% else %}
  b
{% endif %}

{%- set x = "y" %}


{{ x }}
""".lstrip("\n")


def _split():
    """A snippet a line; "===" lines name groups."""
    return [(line, D) for line in SOURCES.split("\n") if line and not line.startswith("===")]


MULTILINE = [
    "a\n  {% if t %}\nb\n  {% endif %}\nc\n", "a\n  {%+ if t +%}\nb\n  {%+ endif %}\nc", "  {{ s }}  \n\t{% set x = 1 %}\tz\n",
    "  {% raw %}\n {{ a }}\n  {% endraw %}\nb", "{#\n many lines #}\nx", "{##}a{#-#}b{#+ x +#}\nc", "{% if t -%}\n   a\n{%- endif +%}\nb",
    "{{ s\n}}\n\n", "x\r\ny\rz\r\n", "x\n\n", "\n", "", " \n {% if t %} \n x \n {% endif %} \n y \n ", "\n\n{%- if t %}\n\nx{% endif %}\n\n",
    "{% for x in list %}\n  {{ x }}\n{% endfor %}\nend\n", "{% for x in list -%}\n  {{ x }}\n{%- endfor %}\n", "{{ 'a\nb' }}\n{{ \"c\\\nd\" }}",
    "{%- for i in range(2) -%}\n    {%- if i == 0 %}\nfirst\n    {%- else %}\nsecond\n    {% endif -%}\n{%- endfor -%}\n",
    "{% if t %}\n  a\n{% else %}\n  b\n{% endif %}\n\n{%- set x = 'y' %}\n\n\n{{ x }}\n", "{% set x %}\n  a\n{% endset %}\n[{{ x }}]",
    "{% macro m() %}\n  x\n{% endmacro %}\n[{{ m() }}]\n", "  {#- c #}\n  {# d -#}\n  e", "a{% if t %}\n{% endif %}\n\nb", "{%\nif\nt\n%}x{%\nendif\n%}",
    "\u00a0\u2003{%- if t %}\u00a0x\u00a0{%- endif %}", "é{% if t %}ß{% endif %}\n  {% if t %}🕰{% endif %}", "{{ {\n'a':\n1\n}['a'] }}",
    "a\n{% raw %}\nb\n{% endraw %}\nc", "a\n  {%- raw %}\n  b{% endraw -%}\n  c", "{{- '\n' -}}\n\n{{ '\t' }}\n", "{% if t %}a{% endif %}\n{% if t %}b{% endif %}\n",
    "\t {% if t %}tab{% endif %}\n\t {{ 1 }}\n", "{% if t %} {% endif %} {% if t %}  \n{% endif %}x", "{{ s }}\n{% if t %}\n{{ s }}\n{% endif %}\n{{ s }}\n",
    "{# a #}\n{# b #}\nx", "  {# a #}  x\n  {# b #}\ny", "x {# a #}\n y", "{{ 1 }}{# a -#}\n\n {{ 2 }}", "{% if t %}\n\n\nx\n\n{% endif %}\n\n",
]

SNIPPETS = _split() + [(source, D) for source in MULTILINE]
