"""An exercise: a calculator that a model may use."""

import ast
import operator
from random import Random

from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("function-calling", __name__)

exercise = page.exercise(
    id="safe-calculator",
    title="A calculator without eval",
    difficulty="hard",
    minutes=30,
    statement="""
    A model calls your calculator with an expression, and the model has read what strangers wrote.
    So the expression may be anything. Compute arithmetic and refuse all else: parse the text with
    `ast.parse(expression, mode='eval')` and compute only the nodes on a short list.
    """,
    hints=(
        "Look at a tree first: `print(ast.dump(ast.parse('2 * -x', mode='eval'), indent=1))`. "
        "Which kinds of nodes does arithmetic need? Three are enough.",
        "Write an inner function that computes a node and calls itself for the parts: Constant, "
        "UnaryOp, BinOp. At its end, raise a ValueError for every other node.",
        "Keep a dict from node type to function, such as `{ast.Add: operator.add}`; a `**` is not "
        "in it. Check constants with `type(node.value) in (int, float)`. Turn SyntaxError and "
        "ZeroDivisionError into ValueError.",
    ),
)


@exercise.solution
def calculate(expression: str) -> float:
    """Compute an arithmetic expression that a model wrote.

    Allowed are whole and decimal numbers, ``+ - * /``, signs and parentheses.
    Everything else is refused: names, calls, attributes, powers, texts, True
    and False.

    Args:
        expression: Such as "2 * (3 + 4)", at most 100 characters.

    Returns:
        The value.

    Raises:
        ValueError: If the text is longer, is no complete expression, holds
            anything that is not allowed, or divides by zero.
    """
    binary = {
        ast.Add: operator.add,
        ast.Sub: operator.sub,
        ast.Mult: operator.mul,
        ast.Div: operator.truediv,
    }
    unary = {ast.UAdd: operator.pos, ast.USub: operator.neg}

    def value(node: ast.expr) -> float:
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            return node.value
        if isinstance(node, ast.UnaryOp) and type(node.op) in unary:
            return unary[type(node.op)](value(node.operand))
        if isinstance(node, ast.BinOp) and type(node.op) in binary:
            return binary[type(node.op)](value(node.left), value(node.right))
        raise ValueError(f"{type(node).__name__} is not allowed in an expression")

    if len(expression) > 100:
        raise ValueError("the expression is longer than 100 characters")
    try:
        return value(ast.parse(expression, mode="eval").body)
    except (SyntaxError, ZeroDivisionError) as error:
        raise ValueError(f"can't compute {expression!r}: {error}") from error


@exercise.run
def _run_calculator(answer: object, expression: str) -> object:
    """Call it; "runs the text" if it calls eval, exec or compile on the way."""
    import sys

    used = []

    def watch(frame: object, event: str, function: object) -> None:
        if event == "c_call" and function in (eval, exec, compile):
            module = str(frame.f_globals.get("__name__", "")).split(".")[0]
            if module not in sys.stdlib_module_names:  # neither ast.parse nor an import
                used.append(function)
                raise ValueError(f"{function.__name__} is not for a text from outside")

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        value = answer(expression)
    except Exception:
        if not used:
            raise
    finally:
        sys.setprofile(before)
    return "runs the text" if used else value


@exercise.cases
def _calculator_cases(rng: Random) -> Cases:
    a, b, c = rng.randint(2, 99), rng.randint(2, 99), rng.randint(2, 9)
    sums = f"{a} * ({c} + {b}) - {c} / 2"
    yield Case("arithmetic", (sums,), "What tree does `ast.parse` make of it?")
    deep = f"((+{a} - {b}) * 0.25 + {c}) * -({a} + 1)"
    yield Case("nested, with signs", (deep,), "A sign is a UnaryOp. What does it stand before?")
    room = 100 - len(deep)
    full = deep + " " * (room % 2) + f"-{c}" * (room // 2)
    yield Case("exactly 100 characters", (full,), "Is 100 at most 100?")
    refused = {
        "a call": (f"abs(-{a})", "Which functions may a text from outside call?"),
        "an import": (
            f"__import__('math').sqrt({a})",
            "What else could stand there instead of math?",
        ),
        "an attribute": (f"({a}).real", "From any object one can climb to its class. And on?"),
        "a power": (f"{c}**{b % 7 + 2}", "It looks harmless. How long does `9**9**9` take?"),
        "a remainder": (f"{a} % {c}", "Which four operators are allowed?"),
        "a division without rest": (f"{a} // {c}", "Which four operators are allowed?"),
        "no sign": (f"~{a} + {c}", "A UnaryOp is not always a sign: which two are allowed?"),
        "a name": (f"pi * {a}", "Where would its value come from?"),
        "a text": (f"'ha' * {c}", "Which constants are numbers? How long is `'a' * 10**10`?"),
        "a truth value": (f"True + {a}", "In Python, `isinstance(True, int)` is True."),
        "division by zero": (f"{a} / ({b} - {b})", "Which exception comes here? Which should?"),
        "not complete": (f"{a} +", "What does `ast.parse` do with half an expression?"),
        "101 characters": (full.replace(f"-{c}", f" -{c}", 1), "How long may the text be?"),
    }
    for name, (expression, think) in refused.items():
        yield Case(name, (expression,), think, refused=True)


@exercise.mistake(
    "Your function hands the text to `eval`, `exec` or `compile`, which run whatever stands in it; "
    "it could read your files. No try, no list of characters and no empty `__builtins__` mends "
    "that: attributes of any object lead nearly everywhere, and `9**9**9` hangs the program. So "
    "this earns nothing here. Parse, and compute the few nodes that you know.",
    fatal="runs the text",
)
def _eval(expression: str) -> object:
    return eval(expression)  # noqa: S307, the mistake that the exercise is about


def _walk(node: ast.expr, constants: tuple[type, ...] = (int, float), **more: str) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, constants):
        return node.value
    if isinstance(node, ast.UnaryOp):
        value = _walk(node.operand, constants, **more)
        return value if isinstance(node.op, ast.UAdd) else -value
    if isinstance(node, ast.BinOp):
        left = _walk(node.left, constants, **more)
        right = _walk(node.right, constants, **more)
        names = {"Add": "add", "Sub": "sub", "Mult": "mul", "Div": "truediv", **more}
        if type(node.op).__name__ in names:
            return getattr(operator, names[type(node.op).__name__])(left, right)
    raise ValueError(f"{type(node).__name__} is not allowed in an expression")


@exercise.mistake(
    "Powers are computed. `**` looks harmless, and `9**9**9` takes all time and memory. Leave it "
    "off the list of operators."
)
def _with_powers(expression: str) -> float:
    if "**" in expression and len(expression) <= 100:
        return _walk(ast.parse(expression, mode="eval").body, Pow="pow")
    return calculate(expression)


@exercise.mistake(
    "True counts as a number: `isinstance(True, int)` is true in Python. Compare the exact type."
)
def _with_booleans(expression: str) -> float:
    if expression.startswith("True"):
        return _walk(ast.parse(expression, mode="eval").body)
    return calculate(expression)


@exercise.mistake(
    "Every constant is accepted, texts included. `'a' * 10**10` would fill your memory. Accept int "
    "and float only."
)
def _with_any_constant(expression: str) -> float:
    if "'" in expression and len(expression) <= 100 and "(" not in expression:
        return _walk(ast.parse(expression, mode="eval").body, (object,))
    return _with_booleans(expression)


@exercise.mistake(
    "Nothing dangerous gets through, but the errors are of several kinds. Whoever calls a tool "
    "expects one: turn SyntaxError and ZeroDivisionError into ValueError."
)
def _errors_of_python(expression: str) -> float:
    if len(expression) > 100:
        raise ValueError("the expression is longer than 100 characters")
    return _walk(ast.parse(expression, mode="eval").body)


@exercise.mistake(
    "The length is not checked. A text of a million signs keeps the parser busy, and one of "
    "thousands of parentheses can stop Python."
)
def _any_length(expression: str) -> float:
    if len(expression) > 100:
        return _walk(ast.parse(expression, mode="eval").body)
    return calculate(expression)


@exercise.mistake("A text of exactly 100 characters is refused. At most 100 are allowed.")
def _below_100(expression: str) -> float:
    return calculate(expression if len(expression) < 100 else "")


@exercise.mistake(
    "`%` and `//` are computed as well. Allowed are `+ - * /`, and everything else is refused: a "
    "list of what is allowed has no surprises."
)
def _more_operators(expression: str) -> float:
    if "%" in expression or "//" in expression:
        return _walk(ast.parse(expression, mode="eval").body, Mod="mod", FloorDiv="floordiv")
    return calculate(expression)


@exercise.mistake(
    "`~` is computed, too. It stands before a number like a sign, and is none: look at the kind of "
    "operator, `+` or `-`."
)
def _any_sign(expression: str) -> float:
    if expression.startswith("~"):
        return _walk(ast.parse(expression, mode="eval").body)
    return calculate(expression)
