"""Modules of a page of exercises, run by node: what they keep, and what they make of a Worker."""

import json
import shutil
import subprocess
from dataclasses import asdict

import pytest

from companion.exercises.records import Record
from tests.in_page.conftest import BOOK

BROWSER = """
const kept = new Map();
globalThis.addEventListener = () => {};
globalThis.localStorage = {
  getItem: (key) => kept.get(key) ?? null,
  setItem: (key, value) => kept.set(key, value),
  removeItem: (key) => kept.delete(key),
};
"""


@pytest.fixture
def node(tmp_path):
    """Runs lines of a module beside those of the page; returns what `said` is at their end."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed, so the modules of the page can't be run")
    (tmp_path / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    for file in (BOOK / "_static" / "exercises").glob("*.js"):
        shutil.copy(file, tmp_path)

    def run(lines):
        program = f"{BROWSER}\nlet said;\n{lines}\nprocess.stdout.write(JSON.stringify(said));"
        (tmp_path / "test.js").write_text(program, encoding="utf-8")
        command = ["node", "test.js"]
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout)

    return run


@pytest.mark.parametrize("name", ["constructor", "toString", "__proto__", "causal-mask"])
def test_a_record_of_any_name_is_added_and_kept(node, name):
    record = asdict(Record(attempts=2, best=0.5))
    text = json.dumps({"version": 1, "exercises": {name: record}})
    lines = f"""
    const {{ progress }} = await import("./progress.js");
    const name = {json.dumps(name)}, text = {json.dumps(text)};
    const none = progress.of(name);
    const count = progress.add(text);
    said = [none, count, progress.of(name), kept.get("exercise-progress")];
    """

    none, count, added, kept = node(lines)

    assert (none, count, added) == (asdict(Record()), 1, record)
    assert json.loads(kept) == json.loads(text)


WORKERS = """
const workers = [];
globalThis.Worker = class {
  constructor() { this.number = workers.push(this) - 1; this.ended = false; }
  terminate() { this.ended = true; }
  postMessage({ call, request }) {
    if (!call) return;
    this.request = request;
    const say = (message) => this.ended || this.onmessage({ data: { ...message, call } });
    setTimeout(() => [{ heard: true }, ...script[this.number].shift()].forEach(say));
  }
};
const verdict = (state) => ({ verdict: { state, share: 0, html: "" } });
const done = (state) => [verdict(state), { idle: true }];
const { NoPython, Runner } = await import("./runner.js");
const runner = new Runner("worker.js");
const seen = { status() {}, printed() {} };
const check = () => runner.check({ exercise: "x", place: [] }, seen)
  .then(({ verdict, trouble }) => verdict?.state ?? trouble, (error) =>
    [error instanceof NoPython, error.message]);
"""
RAN = (
    "{ started: { seconds: 1, cases: 2 } }, { defined: true }, "
    "{ outcome: { state: 'value' } }, { outcome: { state: 'error' } }, { ran: true }"
)


@pytest.mark.parametrize(
    ("script", "told", "workers"),
    [
        ("[[[{ missing: 'none' }]]]", [[True, "none"]], 1),
        ("[[[{ failed: 'died' }]]]", [[False, "died"]], 1),
        ("[[done('not judged')]]", ["not judged"], 1),
        ("[[done('wrong'), done('not judged')], [done('right')]]", ["wrong", "right"], 2),
        ("[[done('wrong'), [{ failed: 'died' }]], [done('right')]]", ["wrong", "right"], 2),
        (f"[[[{RAN}, {{ failed: 'died' }}]], [done('right')]]", ["right"], 2),
        (f"[[[{RAN}, {{ failed: 'a' }}]], [[{{ failed: 'b' }}]]]", [[False, "b"]], 2),
    ],
)
def test_a_new_worker_is_asked_where_another_answer_may_have_broken_this_one(
    node, script, told, workers
):
    lines = f"""{WORKERS}
    const script = {script};
    const told = [];
    for (let left = {len(told)}; left; left--) told.push(await check());
    said = [told, workers.length, workers.at(-1).request?.outcomes?.length ?? 0];
    """

    outcomes = 2 if "ran" in script else 0
    assert node(lines) == [told, workers, outcomes]
