"""The bundled data sets, and CSV files of all kinds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from matrix_backprop import Dataset, load_breast_cancer, load_csv, load_penguins
from matrix_backprop.datasets import DATA


def table(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "table.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


# The bundled data


def test_breast_cancer_is_the_published_data_set() -> None:
    data = load_breast_cancer()
    assert data.X.shape == (30, 569)
    assert data.Y.shape == (1, 569)
    assert data.class_names == ("benign", "malignant")
    assert data.Y.sum() == 212  # malignant
    assert len(set(data.feature_names)) == 30


def test_penguins_are_the_published_data_set() -> None:
    data = load_penguins()
    assert data.X.shape == (4, 342)
    assert data.feature_names == ("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g")
    assert dict(zip(data.class_names, data.Y.sum(axis=1), strict=True)) == {
        "Adelie": 151,
        "Chinstrap": 68,
        "Gentoo": 123,
    }
    assert (data.Y.sum(axis=0) == 1).all()


@pytest.mark.parametrize("load", [load_breast_cancer, load_penguins])
def test_rows_are_standardised(load: Any) -> None:
    data: Dataset = load()
    assert data.X.dtype == data.Y.dtype == np.float64
    np.testing.assert_allclose(data.X.mean(axis=1), 0, atol=1e-13)
    np.testing.assert_allclose(data.X.std(axis=1), 1)


def test_the_licence_of_each_file_ships_with_it() -> None:
    text = (DATA / "LICENSE.md").read_text(encoding="utf-8")
    assert all(path.name in text for path in DATA.glob("*.csv"))
    assert "CC BY 4.0" in text
    assert "CC0" in text


# CSV files that can be used


def test_two_classes_become_0_and_1(tmp_path: Path) -> None:
    data = load_csv(table(tmp_path, "u,kind,v\n1,yes,5\n3,no,5\n"), target="kind")
    assert data.X.tolist() == [[-1.0, 1.0], [0.0, 0.0]]  # a constant column becomes 0
    assert data.Y.tolist() == [[1.0, 0.0]]
    assert data.feature_names == ("u", "v")
    assert data.class_names == ("no", "yes")
    assert data.name == "table"


def test_integers_are_classes_in_the_order_of_numbers(tmp_path: Path) -> None:
    data = load_csv(table(tmp_path, "u,k\n1,10\n2,9\n3,2.0\n"), target="k")
    assert data.class_names == ("2", "9", "10")
    assert data.Y.tolist() == [[0, 0, 1], [0, 1, 0], [1, 0, 0]]


@pytest.mark.parametrize("numbers", [[0.5, 1.5, 2.5], [*range(11)]])
def test_other_numbers_are_to_be_predicted_themselves(tmp_path: Path, numbers: list[float]) -> None:
    text = "u,price\n" + "".join(f"{i},{number}\n" for i, number in enumerate(numbers))
    data = load_csv(table(tmp_path, text), target="price")
    assert data.class_names == ()
    assert data.Y.shape == (1, len(numbers))
    np.testing.assert_allclose([data.Y.mean(), data.Y.std()], [0, 1], atol=1e-15)


@pytest.mark.parametrize(
    "text",
    [
        "u,v,k\n1,2,a\n3,4,b\n",
        "u;v;k\n1;2;a\n3;4;b\n",
        "u\tv\tk\n1\t2\ta\n3\t4\tb\n",
        "\ufeffu,v,k\r\n1,2,a\r\n3,4,b",
        '\n"u", v ,k\n\n 1 ,"2",a\n3,4, b\n\n',
    ],
)
def test_the_usual_kinds_of_csv_are_read(tmp_path: Path, text: str) -> None:
    data = load_csv(str(table(tmp_path, text)), target="k")
    assert data.X.tolist() == [[-1, 1], [-1, 1]]
    assert data.Y.tolist() == [[0, 1]]
    assert data.feature_names == ("u", "v")


def test_a_quoted_name_may_hold_another_delimiter(tmp_path: Path) -> None:
    data = load_csv(table(tmp_path, '"length, width, height";k\n1;a\n2;b\n'), target="k")
    assert data.feature_names == ("length, width, height",)


def test_huge_and_tiny_numbers_are_standardised_too(tmp_path: Path) -> None:
    data = load_csv(table(tmp_path, "u,v,w,k\n1e308,1e-308,0.1,a\n-1e308,-1e-308,0.1,b\n"), target="k")
    np.testing.assert_allclose(data.X, [[1, -1], [1, -1], [0, 0]])


# CSV files that cannot


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", " is empty"),
        (" \n\n", " is empty"),
        ("u,k\n", " has a header line but no data"),
        ("u,v\n1,2\n", " has no column 'k': its columns are u, v"),
        ("k\na\nb\n", " has the column 'k' only: there is nothing to predict it from"),
        ("u,u,k\n1,2,a\n", " has more than one column 'u'"),
        ("u,,k\n1,2,a\n", ": column 2 has no name in the header line"),
        ("u,k\n1,a\n\n2\n", ", line 4: 1 cells, but the header names 2 columns"),
        ("u,k\n1,a\n2,b,3\n", ", line 3: 3 cells, but the header names 2 columns"),
        ("u,k\n1,a\nx,b\n", ", line 3, column 'u': 'x' is not a number"),
        ("u,k\n1,a\n1_0,b\n", ", line 3, column 'u': '1_0' is not a number"),
        ("u,k\n1,a\n,b\n", ", line 3, column 'u': the cell is empty"),
        ("u,k\n1,a\n2,\n", ", line 3, column 'k': the cell is empty"),
        ("u,k\n1,a\nnan,b\n", ", line 3, column 'u': 'nan' is not a finite number"),
        ("u,k\n1,a\n1e999,b\n", ", line 3, column 'u': '1e999' is not a finite number"),
        ("u,k\n1,0.5\n2,NA\n", ", line 3, column 'k': 'NA' is not a number, but others are, such as '0.5'"),
        (
            "u,k\n1,a\n2,a\n",
            ", line 2, column 'k': every observation has the same target 'a', there is nothing to learn",
        ),
        (b"u,k\n1,a\n2,\xe9\n", ", line 3: the byte 0xe9 is not UTF-8 text"),
        ('u,k\n1,"a\n', ", line 2: unexpected end of data"),
        ("u" * 200_000, ", line 1: field larger than field limit (131072)"),
    ],
)
def test_tables_that_are_refused(tmp_path: Path, text: str | bytes, message: str) -> None:
    path = table(tmp_path, text)
    with pytest.raises(ValueError, match=f"^{re.escape(str(path) + message)}$"):
        load_csv(path, target="k")


def test_a_missing_file_and_a_directory_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"^{re.escape(f'there is no file {tmp_path}')}.nothing.csv$"):
        load_csv(tmp_path / "nothing.csv", target="k")
    with pytest.raises(ValueError, match=f"^{re.escape(str(tmp_path))} is not a file$"):
        load_csv(tmp_path, target="k")
