"""Modules of a page of exercises, run by node: what they keep, and what they make of a Worker."""

import json
from dataclasses import asdict

import pytest

from companion.exercises import records
from companion.exercises.records import Record


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

    assert (none, count, added) == (asdict(Record()), {"count": 1, "kept": True}, record)
    assert json.loads(kept) == json.loads(text)


def of_one(**values):
    """The text of a progress file with one record."""
    record = asdict(Record()) | values
    return json.dumps({"version": 1, "exercises": {"causal-mask": record}})


FULL = """
let room = Infinity;
const put = localStorage.setItem;
localStorage.setItem = (key, value) => {
  if (value.length > room) throw new Error("full");
  put(key, value);
};
const { progress } = await import("./progress.js");
const attempt = (record) => ({ ...record, attempts: record.attempts + 1 });
"""


def test_what_a_full_browser_can_not_keep_lives_as_long_as_the_page(node):
    lines = f"""{FULL}
    progress.update("causal-mask", attempt);
    room = 0;
    progress.update("causal-mask", attempt);
    progress.update("layer-norm", attempt);
    const added = progress.add({json.dumps(of_one(hints=2))}, {{ toKeep: true }});
    const {{ attempts, hints }} = progress.of("causal-mask");
    said = [attempts, hints, progress.of("layer-norm").attempts, added, progress.trouble];
    room = Infinity;
    progress.update("causal-mask", attempt);
    said.push(progress.trouble, JSON.parse(kept.get("exercise-progress")).exercises);
    """

    attempts, hints, other, added, trouble, later, stored = node(lines)

    assert (attempts, hints, other) == (2, 2, 1)
    assert added == {"count": 1, "kept": False}
    assert trouble.startswith("This browser keeps nothing for this site")
    assert later == ""
    assert stored["causal-mask"]["attempts"] == 3
    assert stored["layer-norm"]["attempts"] == 1


def test_a_file_that_is_too_large_to_keep_is_refused_and_the_rest_is_kept_on(node):
    lines = f"""{FULL}
    progress.update("causal-mask", attempt);
    room = kept.get("exercise-progress").length;
    try {{
      progress.add({json.dumps(of_one(solved="x" * 99))}, {{ toKeep: true }});
    }} catch (error) {{
      said = error.message;
    }}
    progress.update("causal-mask", attempt);
    said = [said, progress.trouble, progress.of("causal-mask"), kept.get("exercise-progress")];
    """

    refused, trouble, record, stored = node(lines)

    assert refused == "it holds 1 exercise, more than this browser can keep"
    assert trouble == ""
    assert record["attempts"] == 2
    assert json.loads(stored)["exercises"] == {"causal-mask": record}


NUMBERS = ["0", "7", "2.0", "1e3", "9007199254740991", "9007199254740992", "1e308", "1e400", "-1",
           "0.5", "true", '"1"', "null"]  # fmt: skip


def test_page_and_notebook_take_the_same_counts(node, tmp_path):
    texts = [of_one().replace('"attempts": 0', f'"attempts": {number}') for number in NUMBERS]
    lines = f"""
    const {{ parse }} = await import("./progress.js");
    const isRead = (text) => {{ try {{ return Boolean(parse(text)); }} catch {{ return false; }} }};
    said = {json.dumps(texts)}.map(isRead);
    """
    file = tmp_path / "other.json"

    def is_read(text):
        file.write_text(text, encoding="utf-8")
        try:
            return bool(records.add(file, tmp_path / "progress.json"))
        except ValueError:
            return False

    assert node(lines) == [is_read(text) for text in texts] == [True] * 5 + [False] * 8


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


def test_a_page_whose_parts_do_not_arrive_says_so(node):
    lines = """
    const said_ = [];
    const heading = { after: ({ textContent }) => said_.push(textContent) };
    globalThis.document = {
      querySelector: () => ({ querySelector: () => heading }), createElement: () => ({}),
    };
    globalThis.Worker = class {};
    const { rmSync } = await import("node:fs");
    rmSync("catalog.js");
    await import("./page.js");
    said = said_;
    """

    (note,) = node(lines)

    assert note.startswith("A part of this page did not arrive, so nothing can be checked here.")
    assert "Reload the page" in note
