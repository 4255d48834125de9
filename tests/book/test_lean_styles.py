import pytest
from lean_styles import lean_styles, words

USED = words(['<p class="note wide" id="top">', "element.classList.add('shown-by-a_script')"])


@pytest.mark.parametrize(
    ("sheet", "lean"),
    [
        (".note { color: red }", ".note{color:red}"),
        (".gone { color: red }", ""),
        (".gone, .note{ color: red; }", ".note{color:red}"),
        (".note.gone { color: red }", ""),
        (
            ".note .wide > a:hover { margin: 0 !important }",
            ".note .wide>a:hover{margin:0!important}",
        ),
        (".note:not(.gone)::before { content: '}' }", '.note:not(.gone)::before{content:"}"}'),
        ("#top p, #gone { margin: 0 }", "#top p{margin:0}"),
        ("p, :is(.gone, em) { margin: 0 }", "p,:is(.gone, em){margin:0}"),
        (
            '[data-theme="dark"] a { --x: ; color: var(--x, red) }',
            '[data-theme="dark"] a{--x:;color:var(--x, red)}',
        ),
        (".shown-by-a_script { margin: 0 }", ".shown-by-a_script{margin:0}"),
        ("@media print { .gone { margin: 0 } }", ""),
        (
            "@media print { .gone { margin: 0 } .note { margin: 0 } }",
            "@media print{.note{margin:0}}",
        ),
        (
            "@supports (gap: 1px) { @media print { p { gap: 1px } } }",
            "@supports (gap: 1px){@media print{p{gap:1px}}}",
        ),
        ('@import url("basic.css");', '@import url("basic.css");'),
        ("@font-face { src: url(a.woff2) }", "@font-face { src: url(a.woff2) }"),
        ("/* words */ p { margin: 0 /* more */ }", "p{margin:0}"),
        (r".w\:x { margin: 0 }", ""),
    ],
)
def test_a_rule_is_kept_if_its_classes_and_ids_are_there(sheet, lean):
    assert lean_styles(sheet, USED) == lean


def test_a_lean_sheet_stays_as_it_is():
    sheet = lean_styles(".note > p { margin: 0 } @media print { p { margin: 0 } }", USED)

    assert lean_styles(sheet, USED) == sheet
