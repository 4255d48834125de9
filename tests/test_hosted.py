"""What the set-up cell installs, keeps, removes and says, with a pip that installs nothing."""

import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from packaging.requirements import Requirement

from companion import hosted
from companion.errors import InstallError

WANTED = [
    "torch>=2.6",
    "numpy>=2.0",
    'trl>=1.16; extra == "train"',
    'datasets>=4.0; extra == "train"',
    'bitsandbytes>=0.50; extra == "quant"',
    'faiss-cpu>=1.14; extra == "rag"',
    'mcp[cli]>=2.0; extra == "mcp"',
    'winonly>=1; sys_platform == "nowhere" and extra == "mcp"',
    'jupyter-book>=1; extra == "book"',
    'llm-measured[mcp,quant,rag,train]; extra == "all"',
]
COLAB = {"torch": "2.11.0+cu128", "numpy": "2.1.3", "datasets": "4.0.0", "pyarrow": "18.1.0"}


class Machine:
    """A hosted machine: its packages, and a pip that changes them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.packages = dict(COLAB)
        self.brought = {"trl": "1.16.0", "mcp": "2.3.0", "langchain-core": "1.8.0"}
        self.asked, self.kept, self.error = [], [], ""
        self.wants = {"datasets": None}  # no word about it in its metadata
        monkeypatch.setattr(hosted, "requires", lambda name: WANTED)
        monkeypatch.setattr(hosted, "distributions", self.distributions)
        monkeypatch.setattr(hosted, "packages_distributions", self.owners)
        monkeypatch.setattr(subprocess, "run", self.run)

    def distributions(self) -> list[SimpleNamespace]:
        return [
            SimpleNamespace(name=n, version=v, requires=self.wants.get(n, []))
            for n, v in self.packages.items()
        ]

    def owners(self) -> dict[str, list[str]]:
        return {name.replace("-", "_"): [name] for name in self.packages}

    def run(self, command: list[str], **options: object) -> SimpleNamespace:
        assert command[:3] == [sys.executable, "-m", "pip"]
        words = [word for word in command[3:] if word == "--no-deps" or word[:2] != "--"]
        if "--constraint" in command:
            file = words.pop(1)
            self.kept = Path(file).read_text(encoding="utf-8").split()
        self.asked.append(words)
        if self.error:
            return SimpleNamespace(returncode=1, stdout="", stderr=self.error)
        if words[0] == "uninstall":
            del self.packages[words[1]]
        else:
            self.packages |= self.brought
        said = "Downloading a.whl (1.5 MB)\n  Downloading b.whl.metadata (500 kB)\n"
        return SimpleNamespace(returncode=0, stdout=said, stderr="")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def names(needs: tuple[str, ...] = ()) -> list[str]:
    return [r.name for r in hosted.missing_requirements(COLAB, needs)]


@pytest.mark.parametrize(
    ("needs", "heavy"),
    [((), []), (("bitsandbytes",), ["bitsandbytes"]), (("embeddings",), ["faiss-cpu"])],
)
def test_large_libraries_are_missing_only_where_a_page_needs_them(
    machine: Machine, needs: tuple[str, ...], heavy: list[str]
) -> None:
    assert names(needs) == ["trl", *heavy, "mcp"]


def test_an_unknown_need_is_refused_with_those_that_are_known(machine: Machine) -> None:
    with pytest.raises(ValueError, match=r"must be of \['bitsandbytes', 'embeddings'\], not"):
        hosted.prepare(["bitsandbits"])

    assert machine.asked == []


def test_what_is_there_in_a_version_that_will_do_is_not_asked_for(machine: Machine) -> None:
    too_old = {**COLAB, "mcp": "1.9", "trl": "1.16.0"}

    assert [r.name for r in hosted.missing_requirements(too_old)] == ["mcp"]


def test_trl_is_installed_alone_and_the_rest_beside_what_is_kept(machine: Machine) -> None:
    hosted.prepare()

    assert machine.asked == [["install", "mcp[cli]>=2.0"], ["install", "--no-deps", "trl>=1.16"]]
    assert machine.kept == [
        "torch==2.11.0+cu128",
        "numpy==2.1.3",
        "datasets==4.0.0",
        "pyarrow==18.1.0",
    ]


def test_what_is_too_old_for_the_package_is_not_kept(machine: Machine) -> None:
    machine.packages["datasets"] = "3.6.0"

    hosted.prepare()

    assert "datasets>=4.0" in machine.asked[0]
    assert machine.kept == ["torch==2.11.0+cu128", "numpy==2.1.3", "pyarrow==18.1.0"]


def test_the_report_says_what_was_installed_fetched_kept_and_replaced(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.packages["langchain-core"] = "1.2.0"
    monkeypatch.delitem(sys.modules, "langchain_core", raising=False)

    told = hosted.prepare(said="Downloading own.whl (30.0 MB)\n", since=time.monotonic() - 5)

    first, second, third = told.splitlines()
    assert first.startswith("Packages installed: 2. Fetched 34 MB in 5 s (")
    assert second == "Kept torch 2.11.0+cu128, numpy 2.1.3, datasets 4.0.0, pyarrow 18.1.0."
    assert third == "Replaced langchain-core 1.2.0 -> 1.8.0."


def test_the_report_names_what_asks_for_the_version_that_was_replaced(machine: Machine) -> None:
    machine.packages |= {"langchain-core": "1.2.0", "old-chain": "3", "broken-before": "1"}
    machine.wants = {
        "old-chain": ["langchain_core[x]<1.5,>=1", "numpy<3"],
        "broken-before": ["langchain-core<1"],
        "datasets": ['langchain-core<1.5; extra == "dev"', "langchain-core>=1"],
    }

    told = hosted.prepare()

    (line,) = [line for line in told.splitlines() if "may not work now" in line]
    assert line.endswith(" now: old-chain 3 (wants langchain_core[x]<1.5,>=1).")


def test_a_second_call_does_nothing_and_says_so(machine: Machine) -> None:
    hosted.prepare()
    before = len(machine.asked)

    assert hosted.prepare() == "Nothing to do: the packages are installed."
    assert len(machine.asked) == before


def test_another_page_in_the_same_runtime_gets_what_it_needs_more(machine: Machine) -> None:
    hosted.prepare()
    machine.asked.clear()

    hosted.prepare(["bitsandbytes"])

    assert machine.asked == [["install", "bitsandbytes>=0.50"]]


@pytest.mark.parametrize(("version", "stays"), [("0.10.0", False), ("0.16.0", True)])
def test_a_torchao_that_peft_refuses_is_removed(
    machine: Machine, version: str, stays: bool
) -> None:
    machine.packages["torchao"] = version

    told = hosted.prepare()

    assert ("torchao" in machine.packages) is stays
    assert ("Removed torchao 0.10.0: too old for the PEFT" in told) is not stays


@pytest.mark.parametrize("loaded", [True, False])
def test_a_restart_is_asked_for_if_what_was_replaced_is_in_use(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, loaded: bool
) -> None:
    machine.packages["langchain-core"] = "1.2.0"
    monkeypatch.delitem(sys.modules, "langchain_core", raising=False)
    if loaded:
        monkeypatch.setitem(sys.modules, "langchain_core", SimpleNamespace())

    told = hosted.prepare()

    assert ("Restart the session now: langchain-core had been imported" in told) is loaded


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("OSError: [Errno 28] No space left on device", "The disk is full"),
        (
            "NewConnectionError(...)\nERROR: No matching distribution found for mcp>=2.0",
            "The network can't be reached",
        ),
        ("ERROR: No matching distribution found for mcp>=2.0", "package index that pip asks"),
        ("ERROR: ResolutionImpossible: for help", "start a fresh runtime"),
        (
            "WARNING: Retrying after connection broken by 'ProxyError('Cannot connect to proxy.', "
            "NewConnectionError('...'))'\nERROR: No matching distribution found for trl",
            "The proxy in front of the network refuses",
        ),
        (
            "WARNING: Retrying after connection broken by 'ConnectionResetError(104)'\n"
            "ERROR: No matching distribution found for trl",
            "The network can't be reached",
        ),
        ("ERROR: something new", "needs.\nWhat pip said:\nERROR: something new"),
    ],
)
def test_a_failure_of_pip_is_explained_in_words(machine: Machine, said: str, cause: str) -> None:
    machine.error = said

    with pytest.raises(InstallError) as caught:
        hosted.prepare()

    assert cause in str(caught.value)
    assert said in str(caught.value)


def test_after_a_failure_the_next_call_starts_again(machine: Machine) -> None:
    machine.error = "no space"
    with pytest.raises(InstallError):
        hosted.prepare()
    machine.error = ""

    hosted.prepare()

    assert machine.packages["trl"] == "1.16.0"


def test_no_downloads_are_no_bytes() -> None:
    assert hosted.fetched("Processing ./a.whl\nSuccessfully installed a-1") == 0


def test_a_requirement_is_written_for_pip_without_its_marker() -> None:
    requirement = Requirement('mcp[cli,ws]>=2.0; extra == "mcp"')

    assert hosted.plain(requirement) == "mcp[cli,ws]>=2.0"


def test_the_heavy_libraries_are_requirements_of_the_package() -> None:
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")

    missing = [n for group in hosted.HEAVY.values() for n in group if f'"{n}>=' not in text]
    missing += [name for name in hosted.ALONE if f'"{name}>=' not in text]

    assert missing == []
