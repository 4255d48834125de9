"""A page of exercises as a SCORM 1.2 package, in a made-up learning platform."""

import re
import threading
import zipfile
from xml.etree import ElementTree

import pytest
import scorm
from bs4 import BeautifulSoup

from companion.exercises import catalog
from tests.in_page.conftest import Page, Server, exercises_and_points

NAMES = {
    "c": "http://www.imsproject.org/xsd/imscp_rootv1p1p2",
    "adlcp": "http://www.adlnet.org/xsd/adlcp_rootv1p2",
}
MASK = "def causal_mask(length):\n    return np.tril(np.ones((length, length), dtype=bool))"
# What values look like, by SCORM 1.2, "The SCORM Run-Time Environment", section 3.4.
FORMS = {
    "cmi.core.score.raw": r"\d{1,3}(\.\d{1,2})?",
    "cmi.core.score.min": r"0",
    "cmi.core.score.max": r"100",
    "cmi.core.lesson_status": r"passed|completed|failed|incomplete|browsed|not attempted",
    "cmi.core.exit": r"time-out|suspend|logout|",
    "cmi.core.session_time": r"\d{2,4}:\d\d:\d\d(\.\d{1,2})?",
    "cmi.suspend_data": r"[\s\S]{0,4096}",
}
PLATFORM = """<!doctype html><html lang="en"><title>platform</title><script>
const values = JSON.parse(localStorage.getItem("platform") ?? "{}"), said = [];
values["cmi.core.student_id"] = "ada";
const API = window.API = {
  LMSInitialize: (none) => { said.push(["init", none]); return "true"; },
  LMSGetValue: (name) => values[name] ?? "",
  LMSSetValue: (name, value) => { values[name] = value; said.push([name, value]); return "true"; },
  LMSCommit: () => { localStorage.setItem("platform", JSON.stringify(values)); return "true"; },
  LMSFinish: (none) => { said.push(["finish", none]); return "true"; },
  LMSGetLastError: () => "0", LMSGetErrorString: () => "", LMSGetDiagnostic: () => "",
};
</script><iframe title="page" width="1200" height="800" src="../book/gpt/exercises.html">
</iframe></html>
"""


@pytest.fixture(scope="session")
def package(site, tmp_path_factory):
    """The zip of the first page of exercises."""
    out = tmp_path_factory.mktemp("scorm") / "gpt.zip"
    assert scorm.main(["gpt", "--site", str(site), "--out", str(out)]) == 0
    return out


def test_the_manifest_names_one_page_and_every_file(package):
    with zipfile.ZipFile(package) as archive:
        root = ElementTree.fromstring(archive.read("imsmanifest.xml"))
        names = set(archive.namelist())

    assert root.findtext("c:metadata/c:schemaversion", namespaces=NAMES) == "1.2"
    organizations = root.find("c:organizations", NAMES)
    (organization,) = organizations.findall("c:organization", NAMES)
    assert organizations.get("default") == organization.get("identifier")
    (item,) = organization.findall("c:item", NAMES)
    (resource,) = root.findall("c:resources/c:resource", NAMES)
    assert item.get("identifierref") == resource.get("identifier")
    assert resource.get(f"{{{NAMES['adlcp']}}}scormtype") == "sco"
    assert resource.get("type") == "webcontent"
    files = {file.get("href") for file in resource.findall("c:file", NAMES)}
    assert resource.get("href") in files
    assert names == files | {"imsmanifest.xml"}


def test_it_is_the_same_each_time_and_has_the_runtime(package, site, tmp_path):
    again = tmp_path / "again.zip"

    scorm.main(["gpt", "--site", str(site), "--out", str(again)])

    assert again.read_bytes() == package.read_bytes()
    with zipfile.ZipFile(package) as archive:
        assert "_static/vendor/pyodide/companion.zip" in archive.namelist()


def test_what_a_script_imports_is_in_the_package_too(tmp_path):
    sources = {
        "page.js": 'import { a } from "./a.js";\nimport "./b.js";\nimport {\n c,\n} from "./c.js";',
        "a.js": 'export { d } from "./more/d.js";',
        "b.js": 'const { e } = await import("./e.js");\nconst text = "./none.js";',
        "c.js": 'import { a } from "./a.js";',
        "more/d.js": 'import { page } from "../page.js";',
        "e.js": "",
        "f.js": "",
    }
    (tmp_path / "more").mkdir()
    for name, source in sources.items():
        (tmp_path / name).write_text(source, encoding="utf-8")

    found = scorm.with_imports({tmp_path / "page.js"})

    assert found == {tmp_path / name for name in sources if name != "f.js"}
    (tmp_path / "e.js").unlink()
    with pytest.raises(scorm.BookError, match=r"imports \./e\.js, which is not there"):
        scorm.with_imports({tmp_path / "page.js"})


def test_the_package_keeps_no_book_offline():
    page = '<script src="exercises/page.js"></script><script src="offline/offline.js"></script>'
    page += '<link rel="manifest" href="book.webmanifest">'

    alone = scorm.alone(BeautifulSoup(page, "html.parser"), "")

    assert "offline.js" not in alone
    assert "manifest" not in alone


@pytest.mark.parametrize("address", ["https://ada.github.io/engine/book/gpt/exercises.html", ""])
def test_a_link_to_the_rest_of_the_site_is_text_where_that_has_no_address(address):
    page = '<a href="../a.html">One</a> <a href="#b">Two</a><script src="exercises/page.js">'

    alone = scorm.alone(BeautifulSoup(page, "html.parser"), address)

    assert ('href="https://ada.github.io/engine/book/a.html"' in alone) is bool(address)
    assert ("a.html" in alone) is bool(address)
    assert "One" in alone
    assert '<a href="#b">Two</a>' in alone


def test_a_section_that_is_not_there_is_named(site, tmp_path, capsys):
    assert scorm.main(["no", "--site", str(site), "--out", str(tmp_path / "x.zip")]) == 1

    assert "run `make book`, and name a section" in capsys.readouterr().err


@pytest.fixture(scope="module")
def platform(package, tmp_path_factory):
    """The package, unpacked and served beside a page that plays the platform."""
    folder = tmp_path_factory.mktemp("platform")
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder)
    (folder / "platform").mkdir()
    (folder / "platform" / "index.html").write_text(PLATFORM, encoding="utf-8")
    with Server(folder) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def course(chromium, platform, warm_page):
    """The package within the platform, in a tab of its own."""
    chromium.switch_to.new_window("tab")
    page = Page(chromium, platform)
    page.launch = lambda: (
        chromium.get(platform.url("platform/index.html")),
        chromium.switch_to.frame(0),
        page.until_built(),
    )
    page.launch()
    yield page
    chromium.close()
    chromium.switch_to.window(warm_page.tab)


def said(page):
    page.driver.switch_to.default_content()
    calls = page.run("return said")
    page.driver.switch_to.frame(0)
    return calls


def test_the_score_goes_to_the_platform_and_comes_back(course):
    count, most = exercises_and_points("gpt")

    course.check("causal-mask", MASK)

    calls = said(course)
    values = dict(map(tuple, calls))
    assert calls[0] == ["init", ""]
    assert float(values["cmi.core.score.raw"]) == pytest.approx(100 / most, abs=0.01)
    assert values["cmi.core.lesson_status"] == "incomplete"
    for name, value in calls:
        assert name in ("init", "finish") or re.fullmatch(FORMS[name], value), (name, value)
    course.run("for (const key of Object.keys(localStorage)) if (key !== 'platform') "
               "localStorage.removeItem(key)")  # fmt: skip
    course.launch()
    assert f"1 of {count} solved" in course.text(".exercise-total")
    keys = course.run("return Object.keys(localStorage)")
    assert "exercise-progress-ada" in keys
    assert "exercise-progress" not in keys


def test_leaving_the_page_finishes_the_session(course):
    course.driver.switch_to.default_content()
    course.run("document.querySelector('iframe').remove()")

    calls = course.run("return said")

    assert calls[-1] == ["finish", ""]
    values = dict(map(tuple, calls))
    assert values["cmi.core.exit"] == "suspend"
    assert re.fullmatch(FORMS["cmi.core.session_time"], values["cmi.core.session_time"])


def test_the_records_of_every_section_fit_into_what_a_platform_keeps():
    record = "9999,0.9999,3,1,2026-11-29T00:00:00Z,1"
    lengths = [
        sum(len(f"{name}:{record};") for name in catalog.ids(section))
        for section in catalog.CONTENTS
    ]

    assert max(lengths) < 4096


def test_without_a_platform_the_page_says_so(course):
    course.driver.get(course.server.url("book/gpt/exercises.html"))

    course.until_it_says("No learning platform answers")
