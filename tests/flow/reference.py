#!/usr/bin/env python3
"""What Python says of conditions and templates: an evaluator on Python's own `ast` and `string.Formatter`, and random cases.

    reference.py SEED COUNT      prints COUNT cases with what they come to, one JSON object on each line

The test `python_says_the_same` holds the workflow room against it. Nothing here shares a line with that room: conditions
are parsed by Python, numbers and texts printed by Python, values compared by Python's operators.
"""

import ast
import io
import json
import random
import re
import string
import sys
import tokenize

WORDS = {"true": True, "false": False, "null": None}
NUMBER = re.compile(r"(0|[1-9][0-9]*|([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)([eE][+-]?[0-9]+)?)\Z")
# Workflows know these escapes and no others: Python keeps the backslash of an unknown one, today with a warning.
ESCAPES = re.compile(r"""(?:[^\\]|\\(?:[\\'"nrt]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}))*\Z""")
# Letters, digits and `_`: Python also takes letters that are put together from several characters.
NAME = re.compile(r"[^\W\d]\w*\Z")
BRACED = re.compile(r"\{\s*(state(?:\.[A-Za-z_]\w*)+)\s*\}")


class Refused(Exception):
    """Not an expression, or not a template, of a workflow."""


def parse(text):
    """The tree of a condition, if it keeps within what workflows may say."""
    text = BRACED.sub(r" \1 ", text).strip()
    try:
        before, minus = None, False
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if minus and token.type != tokenize.NUMBER:
                raise Refused("minus")
            minus = token.type == tokenize.OP and token.string == "-"
            if token.type == tokenize.NUMBER:
                if not NUMBER.match(token.string) or (token.string.isdigit() and token.string[0] == "0" and len(token.string) > 1):
                    raise Refused("number")
            if token.type == tokenize.STRING:
                if token.string[0] not in "'\"" or token.string[:3] in ("'''", '"""') or before == tokenize.STRING:
                    raise Refused("string")
                if not ESCAPES.match(token.string):
                    raise Refused("escape")
            if token.type == tokenize.COMMENT:
                raise Refused("comment")
            before = token.type
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, tokenize.TokenError, ValueError) as error:
        raise Refused(str(error)) from error
    allow(tree)
    return tree


def path(node):
    """The names of `state.a.b`, without `state`."""
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name) and node.id == "state" and names:
        return names[::-1]
    raise Refused("a path that does not begin at state")


def allow(node):
    if isinstance(node, ast.Constant):
        if isinstance(node.value, bool) or node.value is None or isinstance(node.value, str):
            return
        if isinstance(node.value, int):
            if node.value > 2**63 - 1:
                raise Refused("large")
            return
        if isinstance(node.value, float) and node.value not in (float("inf"),):
            return
        raise Refused("constant")
    if isinstance(node, ast.Name):
        if node.id not in WORDS:
            raise Refused("name")
    elif isinstance(node, ast.Attribute):
        path(node)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            allow(value)
    elif isinstance(node, ast.UnaryOp):
        if isinstance(node.op, ast.USub):
            value = node.operand
            if not isinstance(value, ast.Constant) or type(value.value) not in (int, float):
                raise Refused("minus")
            if value.value > 2**63 and (type(value.value) is int or value.value == float("inf")):
                raise Refused("large")
            return
        if not isinstance(node.op, ast.Not):
            raise Refused("operator")
        allow(node.operand)
    elif isinstance(node, ast.Compare):
        if any(isinstance(op, (ast.Is, ast.IsNot)) for op in node.ops):
            raise Refused("is")
        for value in [node.left, *node.comparators]:
            allow(value)
    elif isinstance(node, ast.List):
        for value in node.elts:
            allow(value)
    elif isinstance(node, ast.Call):
        if not isinstance(node.func, ast.Name) or node.func.id != "len" or node.keywords or len(node.args) != 1:
            raise Refused("call")
        allow(node.args[0])
    else:
        raise Refused(type(node).__name__)


COMPARE = {
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
}


def evaluate(node, state):
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return WORDS[node.id]
    if isinstance(node, ast.Attribute):
        value = state
        for name in path(node):
            value = value.get(name) if isinstance(value, dict) else None
        return value
    if isinstance(node, ast.BoolOp):
        wanted = isinstance(node.op, ast.Or)
        for value in node.values:
            result = evaluate(value, state)
            if bool(result) == wanted:
                return result
        return result
    if isinstance(node, ast.UnaryOp):
        value = evaluate(node.operand, state)
        return not value if isinstance(node.op, ast.Not) else -value
    if isinstance(node, ast.Compare):
        left = evaluate(node.left, state)
        for op, comparator in zip(node.ops, node.comparators):
            right = evaluate(comparator, state)
            if not COMPARE[type(op)](left, right):
                return False
            left = right
        return True
    if isinstance(node, ast.List):
        return [evaluate(value, state) for value in node.elts]
    return len(evaluate(node.args[0], state))


def condition(text, state):
    try:
        tree = parse(text)
    except Refused:
        return {"refused": True}
    try:
        return {"value": repr(evaluate(tree, state))}
    except TypeError:
        return {"error": True}


def fill(text, inputs, state):
    """A template filled in, by the parser behind Python's own `str.format`."""
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError:
        return {"refused": True}
    for _, field, spec, conversion in parts:
        if field is not None and (spec or conversion or not all(NAME.match(name) for name in field.split("."))):
            return {"refused": True}
    out = []
    for literal, field, _, _ in parts:
        out.append(literal)
        if field is None:
            continue
        first, *rest = field.split(".")
        if first == "state" and rest:
            first, *rest = rest
            value = state.get(first)
        else:
            value = inputs[first] if first in inputs else state.get(first)
        for name in rest:
            if not isinstance(value, dict) or name not in value:
                return {"error": True}
            value = value[name]
        out.append(str(value))
    return {"value": "".join(out)}


# Random cases.

NAMES = ["a", "b", "c", "d", "count", "x_1", "state"]
TEXTS = ["", "a", "b", "it's", 'so "so"', "both ' and \"", "é", "日本", "tab\there", "line\nbreak", "back\\slash", "\x00\x7f",
         "\xa0", "\u200b", "\U0001f600", "{a}", "{{", "12", "a\u0301", "\ufeff", "\u2028"]
INTS = [0, 1, 2, 3, -1, 10, 255, 2**31, 2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)]
FLOATS = [0.0, -0.0, 1.0, 0.1, 0.5, 2.0, 1e16, 1e15, 1e-4, 1e-5, 9007199254740992.0, 9.223372036854775807e18, 1.5e300, 5e-324,
          123456789.123456789, -2.5, 1e22, 3.0]


def value(random, depth=0):
    kind = random.randrange(9 if depth < 3 else 6)
    if kind == 0:
        return None
    if kind == 1:
        return random.random() < 0.5
    if kind == 2:
        return random.choice(INTS) if random.random() < 0.7 else random.randrange(-(2**63), 2**63)
    if kind == 3:
        return random.choice(FLOATS) if random.random() < 0.6 else random.uniform(-1, 1) * 10.0 ** random.randrange(-30, 30)
    if kind in (4, 5):
        return random.choice(TEXTS)
    if kind in (6, 7):
        return [value(random, depth + 1) for _ in range(random.randrange(4))]
    return {random.choice(NAMES + TEXTS): value(random, depth + 1) for _ in range(random.randrange(4))}


def literal(random):
    kind = random.randrange(8)
    if kind == 0:
        return random.choice(["None", "null", "True", "False", "true", "false"])
    if kind in (1, 2):
        return str(random.choice(INTS))
    if kind == 3:
        return random.choice([repr(random.choice(FLOATS)), "1.", ".5", "1e3", "2E-2", "00.5"])
    return repr(random.choice(TEXTS)) if kind < 7 else "[" + ", ".join(literal(random) for _ in range(random.randrange(4))) + "]"


def reference(random):
    names = ".".join(random.choice(NAMES) for _ in range(random.choice([1, 1, 1, 2, 3])))
    return random.choice(["state.%s", "state.%s", "state.%s", "{state.%s}", "{ state.%s }"]) % names


def expression(random, depth=0):
    kind = random.randrange(14 if depth < 4 else 4)
    inner = lambda: expression(random, depth + 1)
    if kind in (0, 1):
        return reference(random)
    if kind in (2, 3):
        return literal(random)
    if kind == 4:
        return "not " + inner()
    if kind == 5:
        return "len(" + inner() + ")"
    if kind == 6:
        return "(" + inner() + ")"
    if kind in (7, 8):
        return inner() + random.choice([" and ", " or "]) + inner()
    if kind == 9:
        return "[" + ", ".join(inner() for _ in range(random.randrange(3))) + random.choice(["", "", ","]) + "]"
    operators = [" == ", "==", " != ", " < ", "<", " <= ", " > ", " >= ", " in ", " not in "]
    chain = inner()
    for _ in range(random.choice([1, 1, 1, 1, 2, 3])):
        chain += random.choice(operators) + inner()
    return chain


def spoil(random, text):
    """The text with something in it that is probably not allowed."""
    at = random.randrange(len(text) + 1)
    junk = [" is None", " + 1", "(", ")", "[0]", ".upper()", "==", "not", "'", "=", "&&", "!", "f'a'", "1_0", "007", "lambda: 1",
            "len", "x", ",", "state", " if 1 else 2", "9223372036854775808", "1e999", "-", "#", ";", "'a' 'b'", "\\q", "0x1f", "{", "}"]
    return text[:at] + random.choice(junk) + text[at:]


def template(random):
    parts = []
    for _ in range(random.randrange(6)):
        kind = random.randrange(12)
        if kind < 5:
            prefix = random.choice(["", "", "state."])
            names = ".".join(random.choice(NAMES) for _ in range(random.choice([1, 1, 2, 3])))
            parts.append("{" + prefix + names + "}")
        elif kind < 8:
            parts.append(random.choice(TEXTS))
        elif kind < 10:
            parts.append(random.choice(["{{", "}}", "{{a}}", "{{{a}}}"]))
        else:
            parts.append(random.choice(["text ", "\n", "{", "}", "{}", "{a!r}", "{a:>3}", "{a[0]}", "{ a }", "{1}", "{a..b}", "{.a}"]))
    return "".join(parts)


def main(seed, count):
    rng = random.Random(seed)
    for index in range(count):
        state = {name: value(rng) for name in NAMES if rng.random() < 0.7}
        if index % 3 == 2:
            inputs = {name: value(rng) for name in NAMES[:3] if rng.random() < 0.4}
            text = template(rng)
            case = {"kind": "template", "text": text, "state": state, "inputs": inputs, **fill(text, inputs, state)}
        else:
            text = expression(rng)
            if rng.random() < 0.15:
                text = spoil(rng, text)
            case = {"kind": "condition", "text": text, "state": state, **condition(text, state)}
        print(json.dumps(case))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
