"""Header cells of a page's tables say something."""

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from theme import plain_corners

TABLE = pd.DataFrame({"a": [1, 2], "b": [3, 4]}, index=pd.Index(["x", "y"], name="name"))


@pytest.mark.parametrize("body", [TABLE.to_html(), TABLE.style.to_html()], ids=["plain", "styled"])
def test_a_table_of_pandas_has_no_empty_header(body):
    before = BeautifulSoup(body, "html.parser")
    after = BeautifulSoup(plain_corners(body), "html.parser")

    assert any(not cell.get_text(strip=True) for cell in before.select("th"))
    assert all(cell.get_text(strip=True) for cell in after.select("th"))
    assert {cell.get_text(strip=True) for cell in after.select("th")} >= {"name", "a", "b", "x"}
    assert len(after.select("th, td")) == len(before.select("th, td"))
