"""docs/vocabulary.md says what the tables say, and every name in it is one of NumPy's, SciPy's or Python's."""

from __future__ import annotations

import importlib
import re

import numpy as np
import pytest

from autograd import Tape, values
from autograd.number.vocabulary import REFUSED
from autograd.record.running import recording
from tests.house.vocabulary import CONDITIONS, PAGE, page, sections


def test_the_page_is_the_one_of_the_tables() -> None:
    assert PAGE.read_text("utf-8") == page(), "python -m tests.house.vocabulary writes it"


@pytest.mark.parametrize("heading", [heading for heading, _ in sections()])
def test_every_name_exists(heading: str) -> None:
    found = re.search(r"`([\w.]+)`", heading) if not heading.startswith("NumPy") else None
    room = found[1].replace("np.", "numpy.") if found else "numpy"
    module = importlib.import_module("scipy.stats").norm if room.endswith("norm") else importlib.import_module(room)
    newer = {"unstack", "matrix_transpose", "permute_dims", "trapezoid", "vecdot", "svdvals"}  # than some NumPy
    missing = [name for name in dict(sections())[heading] if not hasattr(module, name) and name not in newer]
    assert missing == []


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_page_refuses_is_refused(name: str) -> None:
    def code(x: object) -> object:
        return eval(name, {"np": np})(x)

    for x in (values(np.eye(2)), Tape().array(np.eye(2))):
        with pytest.raises(TypeError, match=re.escape(name)), recording(code):
            code(x)


def test_the_conditions_are_about_names_of_the_page() -> None:
    names = {name for _, group in sections() for name in group}
    for said in CONDITIONS:
        last = [word.rpartition(".")[2] for word in re.findall(r"[\w.]+", said)]
        assert names & {*last} or {*last} & {"fft", "distance", "ndimage", "sparse"}, said
