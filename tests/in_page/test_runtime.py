"""The Worker that loads Python, run by node: what it says of files that arrive broken."""

import json

import pytest

from tests.in_page.conftest import BOOK

WORKER = BOOK / "_static" / "exercises" / "worker.js"
LOADING = """
import {{ createHash }} from "node:crypto";
import {{ readFileSync }} from "node:fs";
import {{ gzipSync }} from "node:zlib";

const hash = (bytes) => createHash("sha256").update(bytes).digest("hex");
const packed = gzipSync("content");
const manifest = {{ files: {{ "python_stdlib.zip": {{
  at: "vendor/x", bytes: packed.length, sha256: hash("content"), integrity: "" }} }} }};
const broken = () => new Response(new ReadableStream({{
  pull(pipe) {{ pipe.enqueue(packed.subarray(0, 5)); pipe.error(new TypeError("network error")); }},
}}));
let answers = {{
  "runtime.json": () => new Response(JSON.stringify(manifest)), x: () => new Response(packed),
}};
Object.assign(answers, {answers});
globalThis.self = globalThis;
self.location = "https://book.example/_static/exercises/worker.js";
self.fetch = async (address) => answers[new URL(address).pathname.split("/").pop()]();
const messages = [];
self.postMessage = (message) => messages.push(message);
self.importScripts = () => {{ throw new Error("Python begins"); }};
new Function(readFileSync({path}, "utf8"))();
await self.onmessage({{ data: {{ call: "1" }} }});
said = messages.at(-1).missing;
"""


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ("{}", "Python did not start: Python begins. Press Check to try again"),
        ("{ x: broken }", "python_stdlib.zip did not arrive in full. Are you offline? Press Check"),
        ("{ 'runtime.json': broken }", "runtime.json did not arrive in full. Are you offline?"),
        (
            "{ x() { throw new TypeError('Failed to fetch'); } }",
            "python_stdlib.zip did not arrive.",
        ),
        ("{ x: () => new Response('other') }", "python_stdlib.zip is not the file that was"),
        ("{ x: () => new Response(packed.subarray(0, 9)) }", "python_stdlib.zip is not the file"),
        ("{ x: () => new Response('') }", "python_stdlib.zip is not the file that was published"),
        ("{ 'runtime.json': () => new Response('<p>') }", "runtime.json is not the file of this"),
        ("{ 'runtime.json': () => new Response('{}') }", "runtime.json is not the file of this"),
        ("{ 'runtime.json': () => new Response('null') }", "runtime.json is not the file of this"),
    ],
)
def test_a_file_that_does_not_arrive_as_it_was_is_named_with_what_to_do(node, answers, says):
    said = node(LOADING.format(answers=answers, path=json.dumps(str(WORKER))))

    assert said.startswith(says)
    assert "ress Check" in said
    assert said.endswith("Your text stays where it is.")


USING = """
import {{ createHash }} from "node:crypto";
import {{ readFileSync }} from "node:fs";

const hash = (bytes) => createHash("sha256").update(bytes).digest("hex");
const files = {{}};
for (const name of ["pyodide.asm.js", "pyodide.js", "companion.zip"]) {{
  files[name] = {{ at: name, bytes: 1, sha256: hash("x"), integrity: "" }};
}}
globalThis.self = globalThis;
self.location = "https://book.example/_static/exercises/worker.js";
self.fetch = async (address) =>
  new Response(String(address).endsWith(".json") ? JSON.stringify({{ files }}) : "x");
const messages = [];
self.postMessage = (message) => messages.push(message);
self.importScripts = () => {{}};
const check = (request, say) => {{
  JSON.parse(request).forEach((message) => say(JSON.stringify(message)));
  throw new Error("Traceback\\nModuleNotFoundError: No module named 'torch'");
}};
self.loadPyodide = async () => ({{ unpackArchive() {{}}, pyimport: () => ({{ check }}) }});
new Function(readFileSync({path}, "utf8"))();
for (const request of {requests}) await self.onmessage({{ data: {{ call: "1", request }} }});
said = messages.filter(({{ failed }}) => failed).map(({{ failed }}) => failed);
"""
STARTED = {"started": {"seconds": 2, "cases": 3}}
THEIRS = "Your code has ended it, or changed a part of it."
OURS = "This is a fault of the book, not of your answer: please report it."


@pytest.mark.parametrize(
    ("requests", "whose"),
    [
        ([[]], [OURS]),
        ([[STARTED]], [THEIRS]),
        ([[], [STARTED], []], [OURS, THEIRS, THEIRS]),  # the third may suffer from the second
    ],
)
def test_a_failure_before_any_code_of_the_reader_has_run_is_the_books(node, requests, whose):
    said = node(USING.format(requests=json.dumps(requests), path=json.dumps(str(WORKER))))

    for sentence, owner in zip(said, whose, strict=True):
        assert sentence.startswith("Python stopped: ModuleNotFoundError: No module named 'torch'.")
        assert owner in sentence
        assert sentence.endswith("Your text stays where it is.")
