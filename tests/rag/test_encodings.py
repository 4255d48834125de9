"""Encodings: from bytes to text."""

import unicodedata

import pytest

from companion.errors import DocumentError
from companion.rag.encodings import declared_encoding, decode
from companion.rag.readers import read_sections

GERMAN = (
    "Die Bücherei öffnet täglich um zehn Uhr. Für Schüler ist der Eintritt frei, für alle übrigen "
    "kostet er fünf Euro. Größere Gruppen müssen sich vorher anmelden."
)
FRENCH = (
    "La bibliothèque est ouverte tous les jours. L'entrée est gratuite pour les élèves et les "
    "étudiants ; les autres paient cinq euros. Où déposer ses affaires ? À l'entrée."
)
JAPANESE = "図書館は毎日十時に開きます。学生の入場は無料です。荷物はロッカーに預けてください。"
RUSSIAN = "Библиотека открыта каждый день с десяти часов. Для студентов вход бесплатный."


def test_a_text_loses_its_byte_order_mark_and_old_line_breaks() -> None:
    assert decode(b"\xef\xbb\xbfone\r\ntwo\rthree", "a") == ("one\ntwo\nthree", "")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("given", [None, "right"])
def test_a_byte_order_mark_decides(encoding, given) -> None:
    chosen = given and encoding

    assert decode("Käse 🧀".encode(encoding), "a", chosen) == ("Käse 🧀", "")
    assert decode(b"\xfe\xff" + "Käse".encode("utf-16-be"), "a") == ("Käse", "")


def test_the_encoding_that_is_passed_is_taken() -> None:
    assert decode("Käse".encode("cp1252"), "a", "cp1252") == ("Käse", "")
    assert decode("手順①".encode("cp932"), "a", "cp932") == ("手順①", "")


def test_letters_come_out_composed() -> None:
    assert decode(unicodedata.normalize("NFD", "café 서울").encode(), "a")[0] == "café 서울"
    assert decode("x² ①".encode(), "a")[0] == "x² ①"  # these mean something


def test_a_wrong_encoding_names_byte_and_position() -> None:
    with pytest.raises(
        DocumentError, match=r"a.txt is not utf-8: byte 0xe4 at position 1\. .*1252"
    ):
        decode("Käse".encode("latin-1"), "a.txt")
    with pytest.raises(DocumentError, match=r"a.txt is not ascii: byte 0xc3 at position 1"):
        decode("Käse".encode(), "a.txt", "ascii")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (GERMAN, "cp1252"),
        (GERMAN, "iso8859-15"),
        (FRENCH, "cp1252"),
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc_jp"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8_r"),
        ("도서관은 매일 열 시에 문을 엽니다. 학생은 무료로 입장할 수 있습니다.", "cp949"),
        ("图书馆每天十点开门。学生免费入场，其他人需要付五欧元。", "gb18030"),
    ],
)
def test_a_paragraph_in_another_encoding_is_read_and_the_guess_is_told(text, encoding) -> None:
    read, guessed = decode(text.encode(encoding), "a")

    assert read == text
    assert guessed


@pytest.mark.parametrize(
    "data", ["Reifer Käse aus Bern.".encode("cp1252"), b"caf\xe9", "手順".encode("cp932")]
)
def test_a_few_odd_bytes_are_not_guessed(data) -> None:
    with pytest.raises(DocumentError, match="or pass the right one, such as encoding="):
        decode(data, "a.txt")


@pytest.mark.parametrize("data", [b"\x7fELF\x00\xff", b"GIF89a\x00\x01", b"text\x00more"])
def test_a_binary_file_is_called_binary(data) -> None:
    with pytest.raises(DocumentError, match=r"a.txt is binary"):
        decode(data, "a.txt")


@pytest.mark.parametrize("encoding", ["klingon", "rot13", "zlib"])
def test_an_unknown_encoding_is_named(encoding) -> None:
    with pytest.raises(DocumentError, match=f"'{encoding}' is not a text encoding"):
        decode(b"x", "a.txt", encoding)


def page(head: str, body: str, encoding: str, mark: bytes = b"") -> bytes:
    return mark + f"<html><head>{head}</head><body><p>{body}</p></body></html>".encode(encoding)


@pytest.mark.parametrize(
    ("label", "body", "encoding"),
    [
        ("Shift_JIS", "手順①", "cp932"),
        ("x-sjis", "手順", "cp932"),
        ("windows-31j", "髙橋①", "cp932"),
        ("euc-jp", "手順①", "euc_jis_2004"),
        ("gb2312", "朱镕基", "gbk"),
        ("GBK", "朱镕基", "gb18030"),
        ("big5-hkscs", "啫喱", "big5hkscs"),
        ("Big5", "香港嘅嘢", "big5hkscs"),
        ("ks_c_5601-1987", "펲시콜라", "cp949"),
        ("iso-8859-1", "5 € – “café”", "cp1252"),
        ("latin1", "café", "cp1252"),
        ("us-ascii", "café", "cp1252"),
        ("iso-8859-9", "ışık", "cp1254"),
        ("tis-620", "กรุงเทพ", "cp874"),
        ("utf-16", "café", "utf-8"),  # it could not be read if it were true
        (" UTF8 ", "café", "utf-8"),
    ],
)
def test_labels_mean_what_browsers_take_them_for(label, body, encoding) -> None:
    data = page(f'<meta charset="{label}">', body, encoding)

    assert read_sections(data, ".html", name="a")[0].text == body


def test_a_byte_order_mark_comes_before_the_label() -> None:
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le")):
        data = page('<meta charset="iso-8859-1">', "café", encoding, mark)

        assert read_sections(data, ".html", name="a", encoding="cp1252")[0].text == "café"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ('<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">', "cp1251"),
        ("<meta content='text/html;charset = \"koi8-r\"' http-equiv=content-type>", "koi8_r"),
        ('<!-- <meta charset="koi8-r"> --><meta charset=windows-1252>', "cp1252"),
        ('<script>"<meta charset=koi8-r>"</script>', None),
        ('<meta name="x" content="charset=koi8-r">', None),
        ("<meta charset=klingon>", None),
        ("", None),
    ],
)
def test_only_a_declaration_declares(head, expected) -> None:
    found = declared_encoding(page(head, "<meta charset=koi8-u>", "ascii"), "a")

    assert (found and found.replace("-", "_")) == expected


def test_an_xml_declaration_counts() -> None:
    data = '<?xml version="1.0" encoding="Shift_JIS"?><html><body>手順①</body></html>'.encode(
        "cp932"
    )

    assert read_sections(data, ".xhtml", name="a")[0].text == "手順①"


def test_an_encoding_that_hides_scripts_is_refused() -> None:
    with pytest.raises(DocumentError, match=r"a says that it is 'hz-gb-2312', an encoding that"):
        declared_encoding(page("<meta charset=hz-gb-2312>", "x", "ascii"), "a")


@pytest.mark.parametrize(
    ("label", "body", "text"),
    [
        ("iso-8859-1", b"caf\xe9 \x81\x9d", "café \x81\x9d"),
        ("windows-1254", b"\xdd\xfe \x8e", "İş \x8e"),
        ("gb2312", b"\xd6\xd0 \x80 5", "中 € 5"),
        ("iso-2022-jp", b"\x1b$BF|K\\8l-!\x1b(B", "日本語①"),
        ("iso-2022-jp", b"\x1b(I1\x1b$BF|\x1b(B", "ｱ日"),
        ("iso-2022-jp", b"\x1b$BF|\x1b$(O-!\x1b(B", "日①"),
        ("shift_jis", "日本".encode("cp932") * 12 + b"\x81 x", "日本" * 12 + "\ufffd x"),
        ("utf-8", "Käse ".encode() * 30 + b"\xe4", "Käse " * 30 + "\ufffd"),
        ("utf-8", GERMAN.encode("cp1252"), GERMAN),
        ("iso-2022-jp", "Käse".encode(), "Käse"),
    ],
)
def test_a_page_is_read_as_browsers_read_it(label, body, text) -> None:
    data = f"<meta charset={label}><p>".encode() + body

    assert read_sections(data, ".html", name="a")[0].text == text


@pytest.mark.parametrize(
    ("label", "body"),
    [("windows-1253", b"\xaa \xd2"), ("tis-620", b"\xca\xc7\xd1\xca\xb4\xd5 \xdb")],
)
def test_a_page_of_broken_characters_is_refused_by_its_label(label, body) -> None:
    data = f"<meta charset={label}><p>".encode() + body

    with pytest.raises(DocumentError, match=r"a says that it is cp\d+, but \d of its \d char"):
        read_sections(data, ".html", name="a")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("手順は二つです。", "iso2022_jp"), ("ｱｲｳ 手順", "iso2022_jp_ext"), ("한국어", "iso2022_kr")],
)
def test_text_in_escape_sequences_does_not_pass_as_utf8(text, encoding) -> None:
    found, guessed = decode(text.encode(encoding), "a.txt")

    assert found == text
    assert guessed.startswith(encoding)
    assert decode(b"a \x1b[1m b \x1b$ c", "a.txt")[0] == "a \x1b[1m b \x1b$ c"


def test_a_page_that_is_wrong_about_itself() -> None:
    data = page("<meta charset=utf-8>", "Käse", "cp1252")

    with pytest.raises(DocumentError, match=r"a says that it is utf-8, but 1 of its 1 char"):
        read_sections(data, ".html", name="a")
    assert read_sections(data, ".html", name="a", encoding="cp1252")[0].text == "Käse"
    (section,) = read_sections(page("", GERMAN, "cp1252"), ".html", name="a")
    assert (section.text, section.encoding) == (GERMAN, "cp1252")  # it says nothing
