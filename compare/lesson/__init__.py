"""The lesson: why the matrix formula holds, as one HTML page that works offline.

>>> from matrix_backprop import Network
>>> import numpy as np
>>> page = teach(Network([2, 3, 1], ["tanh", "sigmoid"], seed=0), np.eye(2), np.array([[1, 0]]))
>>> page.html.startswith("<!DOCTYPE html>")
True

Every number is made by the engine or the formulas when the page is made; the page's own JavaScript shows them, and
computes them anew when a reader moves one, held to the same engine by the tests.
"""

from compare.lesson.data import LessonError, example
from compare.lesson.page import Lesson, lesson, teach

__all__ = ["Lesson", "LessonError", "example", "lesson", "teach"]
