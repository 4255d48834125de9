import moving_picture


def test_without_a_site_it_says_how_to_build_one(tmp_path, capsys):
    status = moving_picture.main(["--site", str(tmp_path), "--out", str(tmp_path / "a.webp")])

    assert status == 1
    assert "next-token.html does not exist; run: make book" in capsys.readouterr().err
    assert not (tmp_path / "a.webp").exists()


def test_without_a_browser_it_says_what_to_install(tmp_path, capsys, monkeypatch):
    page = tmp_path / moving_picture.PAGE
    page.parent.mkdir(parents=True)
    page.write_text("", encoding="utf-8")
    monkeypatch.setattr(moving_picture, "BROWSER", str(tmp_path / "none"))

    assert moving_picture.main(["--site", str(tmp_path)]) == 1
    assert "sudo apt-get install chromium chromium-driver" in capsys.readouterr().err
