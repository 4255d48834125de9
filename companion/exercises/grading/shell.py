"""What stands for IPython inside the sandbox: ``get_ipython()`` and ``display``.

Magics that run Python or change the session do what they do in Jupyter. No command of the system
is run, with or without bubblewrap; magics for the eye, such as ``%matplotlib``, do nothing.
"""

import builtins
import importlib
import os
import shlex
import sys
import time
import types

_MOST_NOTES = 5
_INSTALLERS = ("pip", "pip3", "conda", "mamba", "apt", "apt-get", "uv", "python -m pip")
_OTHER_LANGUAGES = (
    "bash", "sh", "script", "system", "sx", "!", "perl", "ruby", "js", "javascript", "html",
    "latex", "markdown", "svg", "cmd", "python", "python2", "python3", "pypy", "R", "sql", "cython",
)  # fmt: skip
_FOR_THE_EYE = frozenset((
    "alias", "alias_magic", "autoawait", "autocall", "automagic", "autoreload", "autosave", "cat",
    "colors", "conda", "config", "debug", "dhist", "dirs", "gui", "hist", "history", "ldir", "lf",
    "lk", "ll", "load_ext", "logoff", "logon", "logstart", "logstate", "logstop", "ls", "lsmagic",
    "lx", "magic", "mamba", "matplotlib", "memit", "micromamba", "notebook", "page", "pdb", "pdef",
    "pdoc", "pfile", "pinfo", "pinfo2", "pip", "pprint", "precision", "psearch", "psource", "pycat",
    "quickref", "rehashx", "reload_ext", "tb", "unalias", "unload_ext", "uv", "watermark", "who",
    "who_ls", "whos", "xmode",
))  # fmt: skip
"""Line magics that show or install something, or set up the session: no answer needs them."""
_PYLAB = (
    "import numpy\nimport matplotlib\nfrom matplotlib import pylab, mlab, pyplot\n"
    "np = numpy\nplt = pyplot\nfrom pylab import *\nfrom numpy import *\n"
)
"""What ``%pylab`` imports, according to its documentation."""


class Nothing:
    """Takes every call and has every attribute, for libraries that talk to IPython."""

    def __getattr__(self, name: str) -> object:
        """Return itself."""
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_: object, **__: object) -> object:
        """Return itself."""
        return self

    def __contains__(self, _: object) -> bool:
        """Hold nothing."""
        return False

    def __iter__(self) -> object:
        """Yield nothing."""
        return iter(())

    def __bool__(self) -> bool:
        """Be nothing."""
        return False


class Captured:
    """What ``%%capture out`` leaves in ``out``; output is not kept while grading."""

    stdout = stderr = ""
    outputs = ()

    def show(self) -> None:
        """Show nothing."""

    def __str__(self) -> str:
        """Return nothing."""
        return ""


class Timing:
    """What ``%timeit -o`` returns, of a single run."""

    def __init__(self, seconds: float) -> None:
        self.best = self.worst = self.average = seconds
        self.stdev, self.loops, self.repeat = 0.0, 1, 1
        self.all_runs = self.timings = [seconds]


class Shell:
    """Stands for IPython's shell.

    Args:
        space: The names of the notebook.
        give_way: Called with the names of files that ``%%writefile`` makes.
    """

    def __init__(self, space: dict, give_way: object) -> None:
        self.user_ns = self.user_global_ns = space
        self._give_way = give_way
        self.not_run: list[str] = []

    def __getattr__(self, name: str) -> object:
        """Take everything else that IPython's shell has for nothing."""
        if name.startswith("__"):
            raise AttributeError(name)
        return Nothing()

    def take_notes(self) -> list[str]:
        """Return what was not run since the last call."""
        notes, self.not_run = self.not_run[:_MOST_NOTES], []
        return notes

    def captured(self) -> Captured:
        """Return the object that holds captured output."""
        return Captured()

    def system(self, command: str) -> None:
        """Note that a command is not run; nobody misses an installer."""
        if not command.strip().startswith(_INSTALLERS):
            self.not_run.append(f"!{command.strip()[:60]} is not run while grading")

    system_raw = system_piped = system

    def getoutput(self, command: str, *_: object, **__: object) -> list:
        """Note that a command is not run; return no line."""
        self.system(command)
        return []

    def run_line_magic(self, name: str, line: str = "", *_: object, **__: object) -> object:
        """Do what a line magic does."""
        act = getattr(type(self), f"_line_{name}", None)  # the object itself has every name
        if act is None and name not in _FOR_THE_EYE:
            self.not_run.append(f"%{name} does nothing while grading")
        return act(self, line) if act else None

    def magic(self, line: str) -> object:
        """Do what a line magic does, written as one text."""
        name, _, rest = line.lstrip("%").partition(" ")
        return self.run_line_magic(name, rest)

    def run_cell_magic(self, name: str, line: str, cell: str) -> object:
        """Do what a cell magic does; those that run their body have been taken apart before."""
        if name in ("writefile", "file"):
            return self._write(line, cell)
        if name == "timeit":
            options, setup = _options(line)
            return self._timed(options, f"{setup}\n{cell}")
        if name in _OTHER_LANGUAGES:
            self.not_run.append(f"%%{name} is not run while grading")
            return None
        return self._run(cell)

    def _run(self, code: str, space: dict | None = None) -> None:
        space = self.user_ns if space is None else space
        exec(compile(code, "<magic>", "exec"), space)  # noqa: S102, as in Jupyter

    def _value(self, code: str) -> object:
        """Run code; return its value if it is an expression."""
        try:
            compiled = compile(code, "<magic>", "eval")
        except SyntaxError:
            return self._run(code)
        return types.FunctionType(compiled, self.user_ns)()

    def _write(self, line: str, cell: str) -> None:
        *options, name = shlex.split(line)
        with open(os.path.expanduser(name), "a" if "-a" in options else "w") as file:
            file.write(cell)
        importlib.invalidate_caches()
        self._give_way([os.path.basename(name)])

    def _line_time(self, line: str) -> object:
        return self._value(line)

    def _line_timeit(self, line: str) -> object:
        return self._timed(*_options(line))

    def _timed(self, options: list[str], code: str) -> object:
        """Run once, in a copy of the name space: names set in it are not kept in Jupyter either."""
        start = time.perf_counter()
        self._run(code, dict(self.user_ns))
        return Timing(time.perf_counter() - start) if "-o" in options else None

    def _line_pylab(self, _: str) -> None:
        self._run(_PYLAB)

    def _line_prun(self, line: str) -> None:
        self._run(line)

    def _line_run(self, line: str) -> None:
        words = [word for word in shlex.split(line) if not word.startswith("-")]
        if words and words[0].endswith(".py"):
            with open(words[0], encoding="utf-8") as file:
                self._run(file.read())
        else:
            self.not_run.append(f"%run {line[:60]} is not run while grading")

    def _line_cd(self, line: str) -> None:
        os.chdir(os.path.expanduser(line.strip().strip("'\"") or "~"))

    def _line_pwd(self, _: str) -> str:
        return os.getcwd()

    def _line_env(self, line: str) -> object:
        name, equals, value = line.partition("=")
        if equals:
            os.environ[name.strip()] = value.strip()
            return None
        return os.environ.get(line.strip(), "") if line.strip() else dict(os.environ)

    _line_set_env = _line_env


def _options(line: str) -> tuple[list[str], str]:
    """Split ``-n 10 -o f(x)`` into options and code."""
    words, options = line.split(" "), []
    while words and words[0].startswith("-"):
        options.append(words.pop(0))
        if options[-1] in ("-n", "-r", "-p") and words:
            words.pop(0)
    return options, " ".join(words)


class DisplayHandle:
    """What ``display(x, display_id=True)`` returns; nothing is shown while grading."""

    def __init__(self, display_id: object = None) -> None:
        self.display_id = display_id

    def display(self, obj: object, **_: object) -> None:
        """Show nothing."""

    def update(self, obj: object, **_: object) -> None:
        """Show nothing."""


def display(*_: object, display_id: object = None, **__: object) -> DisplayHandle | None:
    """Show nothing; return a handle where IPython does."""
    if not display_id:
        return None
    return DisplayHandle("display" if display_id is True else display_id)


def show_nothing(*_: object, **__: object) -> None:
    """Stand for what only shows something."""


def leave(code: object = None) -> None:
    """Stand for ``exit`` and ``quit``: the rest of the code runs all the same."""
    raise SystemExit(code)


def install(space: dict, give_way: object) -> Shell:
    """Make known what a notebook has without an import: ``get_ipython``, ``display``, ``help``."""
    shell = Shell(space, give_way)

    def get_ipython() -> Shell:
        return shell

    builtins.get_ipython, builtins.display = get_ipython, display
    builtins.help, builtins.exit, builtins.quit = show_nothing, leave, leave
    _offer("IPython.core.getipython", get_ipython=get_ipython)
    shown = {"display": display, "DisplayHandle": DisplayHandle}
    silent = ("clear_output", "publish_display_data", "update_display")
    _offer("IPython.core.display_functions", **shown, **dict.fromkeys(silent, show_nothing))
    return shell


def _offer(name: str, **names: object) -> None:
    """Put a module where ``from IPython import ...`` and the like find it."""
    module = types.ModuleType(name)
    module.__dict__.update(names, __all__=list(names))
    sys.modules[name] = module
