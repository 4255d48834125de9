"""Right answers to causal-mask, handed in as people hand them in.

``SHAPES`` maps a name to the files of one submission and the points, of 1, that it must get. A
single file named ``""`` is the submission itself, else they stand in a folder.
"""

# ruff: noqa: E501, a submission a line

import io
import json
import zipfile

IMPORTS = "import numpy as np\nfrom companion import exercises as ex\n"
SOLUTION = "def causal_mask(length):\n    return np.tril(np.ones((length, length), dtype=bool))\n"
CHECK = 'ex.check("causal-mask", causal_mask)\n'
RIGHT = IMPORTS + SOLUTION + CHECK
TRIL = "import numpy\ndef tril(n):\n    return numpy.tril(numpy.ones((n, n), dtype=bool))\n"


def cells(*sources, **more):
    """A notebook of code cells, as bytes."""
    made = [{"cell_type": "code", "metadata": {}, "source": one, "outputs": []} for one in sources]
    made[0] |= more
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}).encode()


def checked(condition, before):
    """A notebook: some code, then the answer, which holds only under a condition."""
    body = SOLUTION.replace("    return", f"    assert {condition}\n    return")
    return cells(IMPORTS, before, body, CHECK)


RIGHT_CELLS = cells(RIGHT)


def archive(files):
    """A zip archive, as bytes."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return data.getvalue()


def old(version):
    """A notebook of format 2 or 3."""
    cell = {"cell_type": "code", "language": "python", "input": RIGHT, "outputs": []}
    sheets = [{"cells": [cell]}]
    return json.dumps({"worksheets": sheets, "metadata": {}, "nbformat": version}).encode()


IPYTHON = {
    "time": cells("%%time\n" + IMPORTS, "%%time\n!ls\n" + SOLUTION + CHECK),
    "capture": checked("str(out) == ''", "%%capture out\n%%time\nx = 1\nprint(x)"),
    "capture-twice": cells("%%capture\n%%time\n" + IMPORTS + SOLUTION, CHECK),
    "pip-in-else": cells(
        "try:\n    import json\nexcept ImportError:\n    %pip install x\nelse:\n    !echo ok\n" + RIGHT
    ),
    "pip-in-with": cells("from io import StringIO\nwith StringIO():\n  !pip install x\n" + RIGHT),
    "lines-of-a-command": checked("len(files) == 0", "files = !ls -la"),
    "pylab": cells("%pylab inline", "def causal_mask(length):\n    return tril(ones((length, length), dtype=bool))\n", "from companion import exercises as ex", CHECK),
    "python3-cell": cells(IMPORTS + "x = 1", "%%python3\nx = 99", SOLUTION.replace("    return", "    assert x == 1\n    return"), CHECK),
    "timeit-object": checked("t.best >= 0", "t = %timeit -n 10 -o sum(range(3))"),
    "time-assigns": checked("x == 3", "%time x = 3"),
    "time-returns": checked("x == 3", "x = %time 1 + 2"),
    "exported-magic": cells(f"get_ipython().run_cell_magic('time', '', {RIGHT!r})"),
    "exported-line": cells("from IPython import get_ipython\nget_ipython().magic('time 1')\n" + RIGHT),
    "asks-for-help": cells(IMPORTS + "np.tril?\n" + SOLUTION + "causal_mask??", CHECK),
    "other-language": cells("%%bash\nls | wc\n", "%%html\n<b>", RIGHT),
    "prompts": cells(">>> import numpy as np\n>>> from companion import exercises as ex", SOLUTION, CHECK),
    "continued-line": cells("!pip install \\\n  numpy\n" + RIGHT),
    "modulo-begins-a-line": checked("x == 1", "x = (7\n% 3)"),
    "question-in-a-text": checked("x.endswith('Really?')", 'x = """\n%matplotlib\nReally?"""'),
    "writes-a-module": cells("%%writefile masks.py\n" + TRIL, "from masks import tril as causal_mask\n" + IMPORTS + CHECK),
    "writes-a-module-named-like-ours": cells("%%writefile limits.py\n" + TRIL, "from limits import tril as causal_mask\n" + IMPORTS + CHECK),
    "changes-folder": checked("open('x').read() == 'y\\n'", "%mkdir d\nimport os\nos.mkdir('e')\n%cd e\nwith open('x', 'w') as f:\n    print('y', file=f)"),
    "environment": checked("os.environ['MODE'] == 'fast'", "import os\n%env MODE=fast"),
    "display": checked("True", "from IPython.display import HTML, Markdown, clear_output\ndisplay(HTML('<b>'), Markdown('*'))\nclear_output()"),
    "display-handle": checked("h.update(length) is None", "h = display('x', display_id=True)"),
    "display-handle-of-ipython": checked("h.update(length) is None and h.display(1) is None", "from IPython.display import display\nh = display('x', display_id='mine')\nassert display(1) is None\nassert h.display_id == 'mine'"),
    "display-handle-in-a-chain": checked("True", "import IPython\nfrom IPython.display import DisplayHandle, update_display, clear_output\nIPython.display.display(3, display_id=True).update(3)\nupdate_display(1, display_id='a')\nDisplayHandle().update(2)\nassert 1" ),
    "asks-for-help-and-leaves": checked("x == 1", "help(len)\nx = 1\nexit()\nquit(3)"),
    "imports-what-is-missing-too": cells("from companion import load, exercises as ex, generation\nimport nothing_like_this, numpy as np\n" + SOLUTION.replace("causal_mask", "mine"), "ex.check('causal-mask', mine)"),
    "imports-what-is-missing-from-exercises": cells("import numpy as np\nfrom companion.exercises import load, check\n" + SOLUTION.replace("causal_mask", "mine"), "check('causal-mask', mine)"),
    "takes-the-last-output": cells(IMPORTS, SOLUTION.replace("causal_mask", "mine") + "mine", "causal_mask = _", CHECK),
    "takes-an-output-by-number": cells("2.0", "", "[3];", IMPORTS + SOLUTION + "causal_mask", "assert Out[1] == _1 == 2.0 and 2 not in Out\nassert In[1] == '2.0' and _i2.startswith('[3]')\nmine = Out[3]\ndel causal_mask", "ex.check('causal-mask', mine)"),
    "uses-the-underscore-itself": cells(IMPORTS, "_ = 5", "7", "assert _ == 5 and Out[3] == 7\n" + SOLUTION, CHECK),
    "awaits-the-last-output": cells("async def f():\n    return 4\nawait f()", "x = _", IMPORTS + SOLUTION.replace("    return", "    assert x == 4\n    return"), CHECK),
    "makes-tasks": checked("x == 2 and y.result() == 2", "import asyncio\nasync def f():\n    await asyncio.sleep(0.01)\n    return 2\nloop = asyncio.get_running_loop()\nt = asyncio.create_task(f())\ny = asyncio.ensure_future(f())\nx = await t"),
    "tasks-go-on-between-cells": cells(IMPORTS, "import asyncio\nasync def f():\n    await asyncio.sleep(0.01)\n    return 2\nt = asyncio.get_event_loop().create_task(f())", SOLUTION.replace("    return", "    assert t.result() == 2\n    return"), CHECK),
    "awaits": checked("x == 2", "import asyncio\nasync def f():\n    await asyncio.sleep(0.01)\n    return 2\nx = await f()"),
    "pickles": checked("x", "import pickle\ndef g(): return 1\nx = pickle.loads(pickle.dumps(g))()"),
    "looks-at-its-source": checked("'return 7' in x", "import inspect\ndef g():\n    return 7\nx = inspect.getsource(g)"),
    "main": checked("x == 1", "if __name__ == '__main__':\n    x = 1"),
    "annotations-later": cells("from __future__ import annotations\n" + IMPORTS, SOLUTION.replace("(length)", "(length: Unknown)"), CHECK),
    "check-by-keyword": cells(IMPORTS + SOLUTION.replace("causal_mask", "mine"), "ex.check(answer=mine, exercise_id='causal-mask')"),
    "check-without-answer": cells(IMPORTS + SOLUTION, "ex.check('causal-mask')"),
    "looks-at-the-verdict": cells(RIGHT, "v = ex.check('causal-mask', causal_mask)\nprint(v.points, v.share, v.state)"),
}  # fmt: skip
SCRIPTS = {
    "databricks": "# Databricks notebook source\n" + IMPORTS + SOLUTION + "\n# COMMAND ----------\n\ndef f(:\n\n# COMMAND ----------\n" + CHECK,
    "light": "# +\n" + IMPORTS + "# -\n\n" + SOLUTION + "\n# +\ndef f(:\n    pass\n# -\n\n" + CHECK,
    "coded-oddly": "# -*- coding: rot13 -*-\n" + RIGHT,
    "percent": f"# %% [markdown]\n# def f(:\n\n# %%\ndef f(:\n\n# %%\n# %matplotlib inline\n{RIGHT}",
    "comments-that-look-like-commands": f"# %%\n# cat the lists\n# ls\n# ?why\n# !careful\n{RIGHT}\n# %%\n# %%writefile x\nx = 1\n",
    "nbconvert": f"#!/usr/bin/env python\n# coding: utf-8\n\n# In[1]:\n\n\ndef f(:\n\n\n# In[2]:\n\n\n{RIGHT}",
    "colab": "!pip install x\n\n# Commented out IPython magic to ensure Python compatibility.\n"
    "# %%time\n" + "".join(f"# {line}\n" for line in RIGHT.splitlines()) + "\nx = 1\n",
    "old-mac": RIGHT.replace("\n", "\r"),
    "two-bytes": ("# é\n" + RIGHT).encode("utf-16"),
    "declared": ("# -*- coding: iso-8859-15 -*-\n# €\n" + RIGHT).encode("iso-8859-15"),
    "undeclared": ("# Größe\n" + RIGHT).encode("cp1252"),
    "runs-its-own-loop": IMPORTS + "import asyncio\nasync def f():\n    return 2\nassert asyncio.run(f()) == 2\nx = asyncio.run(f())\n" + SOLUTION.replace("    return", "    assert x == 2\n    return"),
    "asks-where-it-is": IMPORTS + "from pathlib import Path\nassert Path(__file__).name\n" + SOLUTION,
}  # fmt: skip
NOTEBOOKS = {
    "format-3.ipynb": old(3),
    "format-2.ipynb": old(2),
    "no-source.ipynb": json.dumps(
        {"cells": [{"cell_type": "code"}, {"cell_type": "code", "source": RIGHT}, {"source": "x"}],
         "metadata": None}
    ).encode(),
    "format-1.ipynb": json.dumps({"nbformat": 1, "cells": [{"cell_type": "code", "code": RIGHT}]}).encode(),
    "null-among-cells.ipynb": json.dumps({"cells": [None, {"cell_type": "code", "source": RIGHT}, 5]}).encode(),
    "python-3.ipynb": json.dumps({"cells": [{"cell_type": "code", "source": RIGHT}],
                                  "metadata": {"kernelspec": {"language": "Python 3"}}}).encode(),
    "no-list.ipynb": cells(RIGHT.splitlines(keepends=True)),
    "many-pictures.ipynb": cells(RIGHT, outputs=[{"data": {"image/png": "A" * 25 * 2**20}}]),
    "utf-16.ipynb": cells(RIGHT).decode().encode("utf-16"),
    "CAPITALS.IPYNB": cells(RIGHT),
    "saved-by-a-browser.ipynb.txt": cells(RIGHT),
    "archive.zip": archive({"hw/hw.ipynb": cells("from masks import tril as causal_mask\n" + IMPORTS + CHECK),
                            "hw/masks.py": TRIL, "__MACOSX/hw/._hw.ipynb": b"x"}),
    "beside-its-data.zip": archive({"hw/hw.ipynb": checked("open('../data/x').read() == '1'", ""), "data/x": "1"}),
    "empty-folder.zip": archive({"out/": "", "hw/hw.ipynb": checked("open('../out/y').read() == '2'", "with open('../out/y', 'w') as f:\n    f.write('2')")}),
    "archive-in-archive.zip": archive({"inner.zip": archive({"hw/hw.ipynb": checked("open('n').read() == '1'", ""), "hw/n": "1"})}),
    "leads-outside.zip": archive({"../../evil.py": "x", "/evil.py": "x", "a/../../evil.py": "x", "hw.py": RIGHT}),
    "bomb.zip": archive({"a.py": RIGHT, "x": bytes(300 * 2**20)}),
    "vendored.zip": archive({"hw.py": RIGHT, **{f"{d}/{i}.txt": "" for d in ("venv", ".git", "node_modules") for i in range(900)}}),
    "own-environment.zip": archive({"hw.py": RIGHT, "env/pyvenv.cfg": "", **{f"env/lib/{i}.py": "import no_such" for i in range(2100)}}),
    "colon.zip": archive({"week 3: masks/Homework 3: masks.ipynb": checked("open('log 10:30.txt').read() == '1'", ""), "week 3: masks/log 10:30.txt": "1"}),
    "windows.zip": archive({"C:\\Users\\me\\hw.py": RIGHT}),
    "more-data.zip": archive({**{f"data/{i}.txt": "" for i in range(2100)}, "z/hw.py": RIGHT}),
}  # fmt: skip
FOLDERS = {
    "own-module": {"hw.ipynb": cells("import masks\n" + IMPORTS + "causal_mask = masks.tril\n" + CHECK), "masks.py": TRIL},
    "own-package": {"hw.py": "from lib.masks import tril as causal_mask\n" + IMPORTS + CHECK,
                    "lib/__init__.py": "", "lib/masks.py": "from .deep import tril\n", "lib/deep.py": TRIL},
    "module-named-like-ours": {"hw.py": "from values import tril as causal_mask\n" + IMPORTS + CHECK, "values.py": TRIL},
    "data-beside-it": {"week1/hw.ipynb": checked("json.load(open('data/n.json')) == 1", "import json"),
                       "week1/data/n.json": "1"},
    "data-found-by-file": {"hw.py": IMPORTS + "from pathlib import Path\nx = (Path(__file__).parent / 'n').read_text()\n" + SOLUTION + CHECK, "n": "1"},
    "notebook-beside-its-data": {"notebooks/hw.ipynb": checked("open('../data/x.txt').read() == 'y' and helper.one == 1", "import sys\nsys.path.append('../src')\nimport helper"),
                                 "data/x.txt": "y", "src/helper.py": "one = 1\n"},
    "notebook-two-folders-down": {"a/b/hw.ipynb": checked("open('../../x').read() == 'y'", "from pathlib import Path\nassert Path.cwd().name == 'b'"), "x": "y"},
    "environment-inside": {"hw.py": RIGHT, "env/pyvenv.cfg": "", **{f"env/lib/m{n}.py": "1/0" for n in range(30)}},
    "large-file-first": {"a.bin": b"0" * (21 * 2**20), "b/n": "1", "hw.ipynb": checked("open('b/n').read() == '1'", "")},
    "archive-inside": {"hw.zip": archive({"hw.py": RIGHT})},
    "archives-one-damaged": {"a.zip": b"PK\3\4", "hw.zip": archive({"hw.py": RIGHT})},
    "archive-in-an-archive-inside": {"hw.zip": archive({"hw.zip": archive({"hw.py": RIGHT})})},
    "checkpoints": {"hw.ipynb": cells(RIGHT), ".ipynb_checkpoints/hw-checkpoint.ipynb": cells("1/0"),
                    "__pycache__/x.pyc": b"\0"},
    "two-notebooks": {"part1.ipynb": cells(IMPORTS + SOLUTION), "part2.ipynb": cells(IMPORTS + SOLUTION + CHECK)},
    "answer-in-part-1": {"part1.ipynb": cells(IMPORTS + SOLUTION), "part2.ipynb": cells(IMPORTS + CHECK)},
    "answer-in-a-base": {"hw.ipynb": cells("%run base.ipynb", "assert causal_mask", CHECK), "zz-base.ipynb": cells(IMPORTS + SOLUTION)},
    "check-with-a-blank": {"help.py": "def check(x):\n    return x\n", "hw.ipynb": cells(IMPORTS + SOLUTION, CHECK.replace("(", " (", 1)), "old.ipynb": cells("check_it = 1")},
    "utf-16-beside-another": {"hw.ipynb": RIGHT_CELLS.decode().encode("utf-16"), "notes.ipynb": cells("x = 1")},
    "check-in-a-text": {"a.ipynb": cells(IMPORTS + SOLUTION), "b.ipynb": cells(IMPORTS + CHECK)},
    "much-data": {**{f"data/{i}.txt": "" for i in range(2100)}, "z/hw.py": RIGHT},
}  # fmt: skip
UNREADABLE = {
    "report.pdf": b"%PDF", "page.html": "<p>", "hw.rar": b"Rar!", "in-r.ipynb": json.dumps(
        {"cells": [], "metadata": {"kernelspec": {"language": "R"}}}).encode(),
    "cut-off.ipynb": cells(RIGHT)[:-9], "deep.ipynb": b"[" * 10**6, "damaged.zip": b"PK\3\4",
    "matryoshka.zip": archive({"a.zip": archive({"b.zip": archive({"c.zip": archive({"hw.py": RIGHT})})})}),
    "damaged-inside.zip": archive({"a.zip": b"PK\3\4"}),
    "vast-inside.zip": archive({"a.zip": archive({"hw.py": RIGHT}) + bytes(21 * 2**20)}),
}  # fmt: skip

SHAPES = {
    **{name: {".ipynb": content} for name, content in IPYTHON.items()},
    **{name: {".py": content} for name, content in SCRIPTS.items()},
    **{name: {"": content} for name, content in {**NOTEBOOKS, **UNREADABLE}.items()},
    **FOLDERS,
}
NO_POINTS = {*UNREADABLE}


def write(folder):
    """Write all submissions into a folder."""
    folder.mkdir()
    for name, files in SHAPES.items():
        for inside, content in files.items():
            alone = inside in ("", ".ipynb", ".py")
            path = folder / (name + inside) if alone else folder / name / inside
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
