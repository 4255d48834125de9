"""A class of submissions to two exercises, causal-mask (1 point) and attention-head (2 points).

``SUBMISSIONS`` maps a name to the file's content and the points that it must get. Some do what no
student should; none of it may have an effect outside the sandbox.
"""

import json

HEAD = """\
import math
import numpy as np
from companion import exercises as ex

"""
MASK = """\
def causal_mask(length):
    return np.tril(np.ones((length, length), dtype=bool))

ex.check("causal-mask", causal_mask)

"""
ATTENTION = """\
def attention(q, k, v):
    length, width = q.shape
    scores = q @ k.T / math.sqrt(width)
    scores = np.where(np.tril(np.ones((length, length), dtype=bool)), scores, -np.inf)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    return weights @ v

ex.check("attention-head", attention)

"""
RIGHT = HEAD + MASK + ATTENTION


def notebook(*cells):
    """A notebook of code cells."""
    made = [{"cell_type": "code", "source": cell, "metadata": {}, "outputs": []} for cell in cells]
    made.append({"cell_type": "markdown", "source": ["# text"], "metadata": {}})
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def mask(body, rest=ATTENTION):
    """A submission with its own mask and the right attention: 2 points if the mask fails."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return f'{HEAD}{rest}def causal_mask(length):\n{lines}\nex.check("causal-mask", causal_mask)\n'


FORGERY = """
import json, os
for fd in range(1, 60):
    for line in (
        {"exercise": "causal-mask", "case": 0, "state": "value", "value": "true"},
        {"exercise": "causal-mask", "case": 1, "state": "right"},
        {"exercise": "causal-mask", "case": 99, "state": "value", "value": "[]"},
        {"exercise": "attention-head", "case": True, "state": "value", "value": "{"},
        {"exercise": ["causal-mask"], "done": True},
        {"exercise": "no-such", "case": 0},
        [1, 2], "text", None,
    ):
        try:
            os.write(fd, json.dumps(line).encode() + b"\\n")
        except OSError:
            break
"""

FLOOD = """
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])  # nothing but the grader ends it
while True:
    for fd in range(1, 60):
        try:
            os.write(fd, b"x" * 10**6)
        except OSError:
            pass
"""

PROCESSES = """
import os, threading
def bomb():
    while True:
        try:
            os.fork()
        except OSError:
            pass
for _ in range(100):
    try:
        threading.Thread(target=bomb, daemon=True).start()
    except RuntimeError:
        pass
"""

SUBMISSIONS = {
    # right
    "right.py": (RIGHT, 3),
    "right-notebook.ipynb": (notebook(HEAD, MASK, ATTENTION), 3),
    "magics.ipynb": (notebook("%matplotlib inline\n!pip list\n" + HEAD, "%%time\nx=", MASK), 1),
    "no-check-line.py": (RIGHT.replace("ex.check", "print"), 3),
    "other-name.py": (HEAD + MASK.replace("causal_mask", "my_mask"), 1),
    "byte-order-mark.py": ("\ufeff" + RIGHT, 3),
    "checks-twice.py": (RIGHT + 'ex.check("causal-mask", causal_mask)\nex.check("x-y", 3)\n', 3),
    "prints-and-hints.py": (RIGHT + "print(ex.hint('causal-mask'), ex.progress())\n", 3),
    # partly right, wrong
    "mask-only.py": (HEAD + MASK, 1),
    "strictly-before.py": (mask("return np.tril(np.ones((length, length), dtype=bool), -1)"), 2),
    "future.py": (mask("return np.triu(np.ones((length, length), dtype=bool))"), 2 + 1 / 3),
    "everything.py": (mask("return np.ones((length, length), dtype=bool)"), 2 + 1 / 3),
    "floats.py": (mask("return np.tril(np.ones((length, length)))"), 2),
    "unscaled.py": (RIGHT.replace("/ math.sqrt(width)", ""), 1 + 4 / 3),
    "list-of-lists.py": (
        mask("return [[j <= i for j in range(length)] for i in range(length)]"),
        2,
    ),
    "returns-none.py": (mask("pass"), 2),
    "raises.py": (mask("return 1 / 0"), 2),
    "changes-its-argument.py": (
        RIGHT.replace("    length, width", "    q *= 1\n    length, width"),
        3,
    ),
    # untouched, broken
    "empty.py": ("", 0),
    "untouched.py": (
        HEAD + "def causal_mask(n):\n    raise NotImplementedError('x: your code goes "
        "here')\nex.check('causal-mask', causal_mask)\n",
        0,
    ),
    "none.py": (HEAD + "causal_mask = None\nattention = 3\nex.check('causal-mask', ...)\n", 0),
    "syntax-error.py": ("def causal_mask(:\n" + RIGHT, 0),
    "syntax-error-in-a-cell.ipynb": (notebook(HEAD, "def f(:", MASK), 1),
    "error-in-between.py": (HEAD + "1 / 0\nimport nothing_like_this\n" + MASK, 1),
    "null-byte.py": ("x = '\0'\n" + RIGHT, 0),
    # does not end
    "loop-in-a-cell.ipynb": (notebook(HEAD, "while True: pass", MASK), 1),
    "loop-in-a-function.py": (mask("while True: pass"), 2),
    "loop-that-catches.py": (
        mask("while True:\n  try:\n    while True: pass\n  except BaseException: pass"),
        2,
    ),
    "loop-without-signals.py": (
        mask(
            "import signal\n"
            "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 60))\n"
            "while True: pass"
        ),
        2,
    ),
    "sleeps.py": (mask("import time\ntime.sleep(1e6)"), 2),
    "recursion.py": (mask("return causal_mask(length)"), 2),
    # too much
    "fork-bomb.py": ("import os\nwhile True: os.fork()\n" + RIGHT, None),
    "thread-bomb.py": (PROCESSES + RIGHT, None),
    "memory-in-a-cell.py": ("x = [0] * 10**10\n" + RIGHT, 3),
    "memory-in-a-function.py": (mask("a = []\nwhile True: a.append(bytearray(10**7))"), 2),
    "disk.py": (
        "for n in range(10**4):\n  open(f'/tmp/{n}', 'wb').write(bytes(10**7))\n" + RIGHT,
        3,
    ),
    "large-file.py": ("open('/tmp/x', 'wb').write(bytes(10**8))\n" + RIGHT, None),
    "prints-a-lot.py": ("print('x' * 10**8)\n" + RIGHT, 3),
    "returns-a-lot.py": (mask("return list(range(10**7))"), 2),
    "returns-a-large-array.py": (mask("return np.ones((5000, 5000), dtype=bool)"), 2),
    "nested.py": (mask("a = []\nfor _ in range(10**5): a = [a]\nreturn a"), 2),
    "huge-number.py": (mask("return 10 ** 10000"), 2),
    # tricks
    "patched-numpy.py": (
        "import numpy as np\nnp.allclose = np.array_equal = lambda *a, **k: True\n"
        + mask("return 1", ""),
        0,
    ),
    "patched-json.py": (
        'import json\njson.dumps = lambda *a, **k: \'{"state": "value"}\'\n' + RIGHT,
        None,
    ),
    "equals-everything.py": (
        mask("class A:\n  def __eq__(self, other): return True\n  __ne__ = None\nreturn A()"),
        2,
    ),
    "text-subclass.py": (mask("class S(str):\n  def __eq__(s, o): return True\nreturn S()"), 2),
    "array-subclass.py": (
        mask(
            "class A(np.ndarray):\n  def __eq__(s, o): return True\n"
            "return np.ones((length, length)).view(A)"
        ),
        2,
    ),
    "cruel-error.py": (mask("class E(Exception):\n  def __str__(s): raise SystemExit\nraise E"), 2),
    "forged-results.py": (FORGERY + RIGHT, None),
    "floods-the-channel.py": (FLOOD + RIGHT, 0),
    "forged-in-a-function.py": (mask(FORGERY + "return None"), 2),
    "takes-the-reference.py": (
        "from companion.exercises.catalog.gpt.attention import causal_mask, attention\n",
        0,
    ),
    "searches-memory.py": (
        mask("import gc\nreturn [str(o)[:50] for o in gc.get_objects()][:9]"),
        2,
    ),
    "deletes-modules.py": ("import sys\nfor name in list(sys.modules): del sys.modules[name]\n", 0),
    "breaks-builtins.py": (
        "import builtins\nfor n in dir(builtins): setattr(builtins, n, None)\n",
        0,
    ),
    # leaves
    "exits.py": ("import sys\nsys.exit()\n" + RIGHT, 3),
    "exits-hard.py": ("import os\nos._exit(0)\n" + RIGHT, 0),
    "exits-hard-in-a-function.py": (mask("import os\nos._exit(0)"), 2),
    "kills-itself.py": ("import os\nos.kill(os.getpid(), 9)\n" + RIGHT, 0),
    "kills-everyone.py": ("import os\nos.kill(-1, 9)\n" + RIGHT, None),
    "crashes.py": (mask("import ctypes\nctypes.string_at(0)"), 2),
    "interrupts.py": ("raise KeyboardInterrupt\n" + RIGHT, 3),
    # not what was asked for
    "picture.png": (b"\x89PNG\r\n\x1a\n\0\0", 0),
    "not-json.ipynb": ("{", 0),
    "old-format.ipynb": ('{"worksheets": [], "nbformat": 3}', 0),
    "list.ipynb": ("[1, 2]", 0),
    "latin.py": ("# caf\xe9".encode("latin-1"), 0),
    "=1+1.py": (RIGHT, 3),
}
