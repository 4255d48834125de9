"""Exercise on a calculator that a model may use."""

import ast
import operator
import random
import re
from collections.abc import Iterator

from companion.exercises.exercise import Case, CodeExercise, Wrong

# -- a calculator without eval --------------------------------------------------------------------


def calculate(expression: str) -> float:
    """Compute an arithmetic expression that a model wrote.

    Allowed are whole and decimal numbers, ``+ - * /``, signs and parentheses. Everything else is
    refused: names, calls, attributes, powers, texts, True and False.

    Args:
        expression: Such as "2 * (3 + 4)", at most 100 characters.

    Returns:
        The value.

    Raises:
        ValueError: If the text is longer, is no complete expression, holds anything that is not
            allowed, or divides by zero.
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


def _eval(expression: str) -> object:
    return eval(expression)  # noqa: S307, the mistake that the exercise is about


def _eval_without_builtins(expression: str) -> object:
    try:
        return eval(expression, {"__builtins__": {}})  # noqa: S307, the mistake
    except Exception as error:
        raise ValueError(str(error)) from error


def _eval_of_some_characters(expression: str) -> object:
    if len(expression) > 100 or not re.fullmatch(r"[0-9.+\-*/() ]+", expression):
        raise ValueError("not allowed")
    try:
        return eval(expression)  # noqa: S307, the mistake
    except (SyntaxError, TypeError, ZeroDivisionError) as error:
        raise ValueError(str(error)) from error


def _walk(node: ast.expr, constants: tuple[type, ...], powers: bool) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, constants):
        return node.value
    if isinstance(node, ast.UnaryOp):
        return -_walk(node.operand, constants, powers)
    if isinstance(node, ast.BinOp):
        left = _walk(node.left, constants, powers)
        right = _walk(node.right, constants, powers)
        names = {"Add": "add", "Sub": "sub", "Mult": "mul", "Div": "truediv"}
        names |= {"Pow": "pow"} if powers else {}
        if type(node.op).__name__ in names:
            return getattr(operator, names[type(node.op).__name__])(left, right)
    raise ValueError(f"{type(node).__name__} is not allowed in an expression")


def _with_booleans(expression: str) -> float:
    if expression.startswith("True"):
        return _walk(ast.parse(expression, mode="eval").body, (int, float), powers=False)
    return calculate(expression)


def _with_any_constant(expression: str) -> float:
    if "'" in expression and len(expression) <= 100 and "(" not in expression:
        return _walk(ast.parse(expression, mode="eval").body, (object,), powers=False)
    return _with_booleans(expression)


def _errors_of_python(expression: str) -> float:
    if len(expression) > 100:
        raise ValueError("the expression is longer than 100 characters")
    return _walk(ast.parse(expression, mode="eval").body, (int, float), powers=False)


def _calculator_cases(rng: random.Random) -> Iterator[Case]:
    yield Case("arithmetic", ("2 * (3 + 4) - 5 / 2",), "What tree does `ast.parse` make of it?")
    a, b, c = rng.randint(2, 99), rng.randint(2, 99), rng.randint(2, 9)
    yield Case("numbers drawn by lot", (f"-{a} * ({b} - {c}.5) / {c}",), "A sign is a UnaryOp.")
    yield Case("a call", ("abs(-3)",), "Which functions may a text from outside call?")
    module = "__import__('math').sqrt(16)"
    yield Case("an import", (module,), "What else could stand there instead of math?")
    yield Case("an attribute", ("(3).real",), "From any object one can climb to its class. And on?")
    yield Case("a power", ("2**10",), "It looks harmless. How long does 9**9**9 take?")
    yield Case("a text", ("'ha' * 3",), "Which constants are numbers? How long is 'a' * 10**10?")
    yield Case("a truth value", ("True + 1",), "In Python, isinstance(True, int) is True.")
    yield Case("division by zero", ("1 / (2 - 2)",), "Which exception comes here? Which should?")
    yield Case("not complete", ("2 +",), "What does `ast.parse` do with half an expression?")
    yield Case("too long", ("1" + "+1" * 60,), "How long may the text be?")


CALCULATOR = CodeExercise(
    id="safe-calculator",
    title="A calculator without eval",
    section="applications",
    page="applications/function-calling",
    difficulty="hard",
    minutes=30,
    statement=(
        "A model calls your calculator with an expression, and the model has read what strangers "
        "wrote. So the expression may be anything. Compute arithmetic and refuse all else: parse "
        "the text with `ast.parse(expression, mode='eval')` and compute only the nodes on a short "
        "list."
    ),
    hints=(
        "Look at a tree first: `print(ast.dump(ast.parse('2 * -x', mode='eval'), indent=1))`. "
        "Which kinds of nodes does arithmetic need? Three are enough.",
        "Write an inner function that computes a node and calls itself for the parts: Constant, "
        "UnaryOp, BinOp. At its end, raise a ValueError for every other node.",
        "Keep a dict from node type to function, such as `{ast.Add: operator.add}`; a `**` is not "
        "in it. Check constants with `type(node.value) in (int, float)`. Turn SyntaxError and "
        "ZeroDivisionError into ValueError.",
    ),
    solution=calculate,
    cases=_calculator_cases,
    wrong=(
        Wrong(
            _eval,
            "`eval` runs whatever stands in the text: here it imported a module and called it, "
            "and it could have read your files. Never give it a text from outside.",
        ),
        Wrong(
            _eval_without_builtins,
            "Taking the builtins away is no protection: attributes of any object lead to its "
            "class and from there to nearly everything, and 9**9**9 hangs the program.",
        ),
        Wrong(
            _eval_of_some_characters,
            "Powers are computed. `**` is made of harmless characters, and 9**9**9 takes all time "
            "and memory. Leave it off the list of operators; a list of characters can't.",
        ),
        Wrong(
            _with_booleans,
            "True counts as a number: `isinstance(True, int)` is true in Python. Compare the exact "
            "type.",
        ),
        Wrong(
            _with_any_constant,
            "Every constant is accepted, texts included. 'a' * 10**10 would fill your memory. "
            "Accept int and float only.",
        ),
        Wrong(
            _errors_of_python,
            "Nothing dangerous gets through, but the errors are of several kinds. Whoever calls "
            "a tool expects one: turn SyntaxError and ZeroDivisionError into ValueError.",
        ),
    ),
    uses=("ast", "operator"),
)

EXERCISES = (CALCULATOR,)
