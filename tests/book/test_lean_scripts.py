"""Scripts of the theme without what has a page laid out while it loads."""

import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import lean_scripts
import pytest
from project import BookError

FOCUS = (
    "(()=>{function O(){e.tabIndex=e.scrollWidth>e.clientWidth?0:-1}e(1),"
    '"complete"===document.readyState?O():window.addEventListener("load",O)})();'
)
SPY = (
    "fe.on(window,Es,(()=>{for(const t of we.find('[data-bs-spy=\"scroll\"]'))"
    "Ls.getOrCreateInstance(t)})),Qt(Ls);"
)
TOP = (
    'mo((function(){var t=1,e=document.getElementsByClassName("bd-header")[0]'
    '.getBoundingClientRect();window.addEventListener("scroll",(function(){e.bottom}))}))'
)
LEAN_FOCUS = (
    "(()=>{function O(){e.tabIndex=e.scrollWidth>e.clientWidth?0:-1}e(1),"
    "void 0/* see scrolling.js */})();"
)
LEAN_SPY = (
    'addEventListener(matchMedia("(min-width: 992px)").matches?"load":"scroll",'
    "(()=>{for(const t of we.find('[data-bs-spy=\"scroll\"]'))Ls.getOrCreateInstance(t)}),"
    "{once:!0}),Qt(Ls);"
)
LEAN_TOP = (
    'mo((function(){var t=1,e;window.addEventListener("scroll",(function(){'
    'e??=document.getElementsByClassName("bd-header")[0].getBoundingClientRect();e.bottom}))}))'
)
SCRIPTS = {
    "pydata-sphinx-theme.js": (FOCUS, LEAN_FOCUS),
    "bootstrap.js": (SPY + TOP, LEAN_SPY + LEAN_TOP),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_theme_asks_for_no_layout_while_the_page_loads(tmp_path, name):
    before, after = SCRIPTS[name]
    path = tmp_path / name
    path.write_text(before, encoding="utf-8")

    for _ in range(2):  # the second changes nothing more
        lean_scripts.lean_scripts(tmp_path)
        assert path.read_text(encoding="utf-8") == after


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_scripts_of_the_installed_theme_are_still_such_and_scripts_afterwards(tmp_path):
    folder = Path(find_spec("pydata_sphinx_theme").origin).parent / "theme"
    for name in SCRIPTS:
        (script,) = folder.rglob(name)
        shutil.copy(script, tmp_path)

    lean_scripts.lean_scripts(tmp_path)

    for name, changes in lean_scripts.CHANGES.items():
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert [change.done for change in changes if change.done not in text] == []
        subprocess.run(["node", "--check", tmp_path / name], check=True)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("pydata-sphinx-theme.js", "tabIndex", "tabindex"),
        ("pydata-sphinx-theme.js", '"load"', '"click"'),
        ("bootstrap.js", "data-bs-spy", "data-spy"),
        ("bootstrap.js", "bd-header", "pst-header"),
    ],
)
def test_another_script_of_the_theme_is_not_taken_in_silence(name, old, new):
    with pytest.raises(BookError, match="a script of the theme has 0 parts like"):
        lean_scripts.changed(SCRIPTS[name][0].replace(old, new), lean_scripts.CHANGES[name])


def test_two_such_parts_are_not_taken_either():
    with pytest.raises(BookError, match="a script of the theme has 2 parts like"):
        lean_scripts.changed(SPY + TOP + TOP, lean_scripts.CHANGES["bootstrap.js"])
