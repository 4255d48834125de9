"""Each kind of fault on small made-up sites."""

import base64
import json
import random

import check_site
import pytest
from project import Project


def faults_of(folder, capsys):
    """Check a site and return its faults, one per line."""
    status = check_site.check(folder, "/engine/", Project(folder, "ada/engine"))
    lines = capsys.readouterr().out.splitlines()
    faults = [line.removeprefix("fault: ") for line in lines if line.startswith("fault: ")]

    assert status == bool(faults)
    return faults


GOOD = """
<h1 id="top-k">A</h1>
<a href="other.html#part">x</a> <a href="/engine/other.html">y</a> <a href="#top-k">z</a>
<a href="#">top</a> <a href="https://example.org/">outside is no request</a>
<img src="data:image/png;base64,eA==" alt="a line">
<img src="logo.svg" alt="">
<svg role="img" aria-label="a leads to b"><text>a</text></svg>
<svg><title>named</title></svg>
<span aria-hidden="true"><svg><path/></svg></span>
<p>|x| is a length, | alone is none, <code>a | b</code> an or.</p>
<link rel="canonical" href="https://ada.github.io/engine/">
<button aria-label="Search"><i class="fa-glass"></i></button> <button>Search <kbd>K</kbd></button>
<button><img src="data:image/png;base64,eA==" alt="Colab"></button>
<button aria-label="Copy the code">Copy</button>
<details><summary>More</summary>x</details>
"""


def test_a_good_site_has_no_fault(site, capsys):
    folder = site(page=GOOD, other='<p id="part">b</p>')
    (folder / "logo.svg").write_text("<svg/>", encoding="utf-8")

    assert faults_of(folder, capsys) == []


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('<a href="gone.html">x</a>', "link to a file that does not exist: gone.html"),
        ('<a href="/engine/gone.html">x</a>', "link to a file that does not exist"),
        ('<a href="index.html#gone">x</a>', "link to an anchor that does not exist"),
        ('<a href="#gone">x</a>', "link to an anchor that does not exist: #gone"),
        ('<img src="gone.png" alt="x">', "link to a file that does not exist: gone.png"),
        ('<script src="https://cdn.example.org/a.js"></script>', "third party"),
        ('<link rel="stylesheet" href="//cdn.example.org/a.css">', "third party"),
        ('<link rel="preconnect" href="https://cdn.example.org">', "third party"),
        ('<img src="https://example.org/a.png" alt="x">', "third party"),
        ('<img srcset="https://example.org/a.png 2x" alt="x">', "third party"),
        ('<iframe src="https://example.org/"></iframe>', "third party"),
        ("<style>@import 'https://example.org/a.css';</style>", "third party"),
        ('<p style="background: url(https://example.org/a.png)">x</p>', "third party"),
        ('<script>import("https://cdn.example.org/a.js")</script>', "third party"),
        ('<span class="katex-error" title="bad \\frac">x</span>', "a formula failed: bad"),
        ("<math><merror>x</merror></math>", "a formula failed"),
        ("<p>| a | b |\n|—|—|\n| 1 | 2 |</p>", "a table is shown as raw text: | a | b |"),
        ('<img src="data:,x">', "a picture has no description"),
        ('<img src="data:,x" alt="data:,x">', "a picture has no description"),
        ('<figure><img src="data:,x" alt=""></figure>', "a picture has no description"),
        ("<figure><svg><text>a</text></svg></figure>", "an svg has no aria-label"),
    ],
)
def test_a_fault_in_a_page_is_found(body, fault, site, capsys):
    [found] = faults_of(site(page=body), capsys)

    assert found.startswith("page.html: ")
    assert fault in found


FRAME = [
    ('data-theme="light"', 'data-theme="auto"', "no colors: data-theme is 'auto'"),
    (' data-theme="light"', "", "no colors: data-theme is None"),
    ("</head>", '<meta name="viewport"></head>', "the viewport is declared 2 times"),
    ("<meta ", "<meta data-old-", "the viewport is declared 0 times"),
    ("</head>", '<link href="_static/a.css"></head>', "the color scheme of the reader"),
    ("</head>", '<script src="a.js"></script></head>', "holds up the page: a.js"),
    ("<main", "<p>Logo</p><main", "text outside of every landmark: Logo"),
    ("<main", "<div><b>Logo</b></div><main", "text outside of every landmark: Logo"),
]


@pytest.mark.parametrize(("old", "new", "fault"), FRAME)
def test_a_fault_in_the_frame_of_a_page_is_found(old, new, fault, site, capsys):
    folder = site(page="<p>x</p>")
    text = (folder / "page.html").read_text(encoding="utf-8")
    (folder / "page.html").write_text(text.replace(old, new, 1), encoding="utf-8")
    for name in ("a.js", "_static/a.css"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("", encoding="utf-8")

    [found] = faults_of(folder, capsys)

    assert fault in found


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('<button title="Search"><i class="fa-glass"></i></button>', "a button has no name"),
        ("<details><summary><span></span></summary>x</details>", "a summary has no name"),
        ('<button aria-label="Search">Search Ctrl+K</button>', "'Search' of a button is not its"),
        ('<summary aria-label="Toggle">Show the code</summary>', "'Toggle' of a summary is not"),
        ("<h1> </h1>", "an empty heading: h1"),
        ('<div role="list" class="citation-list"></div>', "roles that screen readers reject"),
        ('<div role="doc-biblioentry">x</div>', "roles that screen readers reject"),
    ],
)
def test_names_and_roles_are_for_screen_readers_too(body, fault, site, capsys):
    [found] = faults_of(site(page=body), capsys)

    assert fault in found


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("a.css", "p { background: url(https://example.org/x.png) }", "third party"),
        ("a.css", "p { background: url(gone.png) }", "a file that does not exist: gone.png"),
        ("a.js", "fetch('https://example.org/data')", "third party"),
    ],
)
def test_a_fault_in_an_asset_is_found(name, text, fault, site, capsys):
    tag = (
        '<link rel="stylesheet" href="a.css">' if "css" in name else '<script src="a.js"></script>'
    )
    folder = site(page=tag)
    (folder / name).write_text(text, encoding="utf-8")

    [found] = faults_of(folder, capsys)

    assert found.startswith(name)
    assert fault in found


@pytest.mark.parametrize(
    ("branch", "fault"),
    [
        ("ada/engine/blob/notebooks", "does not exist: gpt/one.ipynb"),
        ("ada/engine/blob/main", "does not exist: gpt/here.ipynb"),
        ("else/where/blob/notebooks", "leads to else/where, not ada/engine"),
    ],
)
def test_a_colab_link_to_nowhere_is_found(branch, fault, site, capsys):
    name = "here" if "main" in branch else "one"
    url = f"https://colab.research.google.com/github/{branch}/gpt/{name}.ipynb"
    folder = site(page=f'<a href="{url}">Colab</a>')
    (folder / "notebooks" / "gpt").mkdir(parents=True)
    (folder / "notebooks" / "gpt" / "here.ipynb").write_text("{}", encoding="utf-8")

    [found] = faults_of(folder, capsys)

    assert fault in found


def test_a_colab_link_to_a_notebook_of_the_site_is_none(site, capsys):
    url = "https://colab.research.google.com/github/ada/engine/blob/notebooks/gpt/here.ipynb"
    folder = site(page=f'<a href="{url}">Colab</a>')
    (folder / "notebooks" / "gpt").mkdir(parents=True)
    (folder / "notebooks" / "gpt" / "here.ipynb").write_text("{}", encoding="utf-8")

    assert faults_of(folder, capsys) == []


def test_a_link_from_a_notebook_to_a_missing_page_is_found(site, capsys):
    folder = site(page='<p id="here">x</p>')
    links = ["page.html#here", "page.html#gone", "gone.html"]
    text = " ".join(f"[x](https://ada.github.io/engine/{link})" for link in links)
    (folder / "notebooks").mkdir()
    (folder / "notebooks" / "one.ipynb").write_text(json.dumps([text]), encoding="utf-8")

    found = faults_of(folder, capsys)

    assert [fault.split(": ")[0] for fault in found] == ["notebooks/one.ipynb"] * 2


def noise(kilobytes):
    """Bytes that gzip cannot make smaller."""
    return random.Random(0).randbytes(1000 * kilobytes)


def test_the_weight_of_a_page_counts_every_asset_once(site):
    folder = site(page='<link rel="stylesheet" href="a.css"><script src="a.js"></script>')
    (folder / "a.css").write_text("@font-face { src: url(a.woff2) } p { src: url(a.woff2) }")
    (folder / "a.woff2").write_bytes(noise(30))
    (folder / "a.js").write_bytes(noise(20))

    weight = check_site.Site(folder, "/").weight_kb(folder / "page.html")

    assert weight == pytest.approx(50, abs=1)


def test_heavy_pages_are_faults(site, capsys):
    folder = site(page='<img src="a.png" alt="noise">', other='<img src="b.png" alt="noise">')
    (folder / "a.png").write_bytes(noise(1600))
    (folder / "b.png").write_bytes(noise(250))

    found = faults_of(folder, capsys)

    assert "page.html: 1600 kB" in found[0].replace("1601", "1600")
    assert "the median page has 250 kB" in found[1].replace("251", "250")


@pytest.mark.parametrize(("kilobytes", "heavy"), [(400, []), (550, ["the median page has 5"])])
def test_pages_that_draw_their_formulas_may_be_heavier(site, capsys, kilobytes, heavy):
    """As they do where node was missing."""
    script = '<script defer src="katex.min.js"></script>'
    folder = site(page=script, other=script)
    (folder / "katex.min.js").write_bytes(base64.b64encode(noise(kilobytes)))

    assert [fault[:21] for fault in faults_of(folder, capsys)] == heavy


def test_a_folder_without_a_site_is_reported(tmp_path, capsys):
    assert check_site.main([str(tmp_path)], Project(tmp_path)) == 1
    assert "has no index.html; build the site first" in capsys.readouterr().err
