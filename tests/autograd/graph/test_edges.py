"""A graph as arrays of edges: the chain rule's gradients, and those with some slopes or gradients given."""

from fractions import Fraction

import numpy as np
import pytest

from autograd import Value, graph, values
from autograd.graph.edges import Edges, backward_with


def cost(kind):
    x = values(np.array([kind(1), kind(2), kind(3)]), "x")
    y = x * x + x[::-1]
    return x, y, np.sum(y * y) / y[0] + 3 * x[1]


@pytest.mark.parametrize("kind, dtype", [(float, float), (Fraction, object)])
def test_without_edits_the_gradients_are_those_of_backward(kind, dtype):
    _, _, J = cost(kind)
    grads = Edges.of(J, dtype).sweep([((), ()), ((), ())])
    J.backward()
    for node, (first, second) in zip(graph(J), grads, strict=True):
        if not node.constant:
            assert first == second == node.grad and isinstance(first, kind | int)


def test_an_edit_replaces_the_slopes_of_its_edges_in_its_own_sweep_alone():
    x = Value(3.0, label="x")
    y = x * x
    J = 5 * y + x
    edges = Edges.of(J, float)
    at = edges.nodes.index(x)
    through_y = np.flatnonzero((edges.source == at) & (edges.target == edges.nodes.index(y)))
    assert edges.slope[through_y].tolist() == [3, 3] and edges.position[through_y].tolist() == [0, 1]
    grads = edges.sweep([((), ()), (through_y, [0, 0]), (through_y[:1], [7])])
    assert grads[at].tolist() == [31, 1, 5 * (7 + 3) + 1]


def test_roots_give_the_derivatives_of_any_nodes():
    x, y, J = cost(float)
    edges = Edges.of(J, float)
    number = {node: k for k, node in enumerate(edges.nodes)}
    jacobian = edges.sweep([((), ())] * 3, roots=np.array([number[node] for node in y]))
    found = jacobian[[number[node] for node in x]].T
    assert found.tolist() == [[2, 0, 1], [0, 5, 0], [1, 0, 6]]


@pytest.mark.parametrize("kind, dtype", [(float, float), (Fraction, object)])
def test_an_edge_over_a_whole_step_counts_once_it_has_a_slope(kind, dtype):
    x, _, J = cost(kind)
    edges = Edges.of(J, dtype)
    at = edges.nodes.index(x[0])
    more = edges.with_edges([(np.array([at]), np.array([len(edges.nodes) - 1]))])
    (plain,), (unchanged, longer) = edges.sweep([((), ())])[at], more.sweep([((), ()), ([len(edges.source)], [4])])[at]
    assert unchanged == plain and longer == plain + 4


def test_no_edges_no_gradients_but_that_of_the_root():
    assert Edges.of(Value(2.0)).sweep([((), ())]).tolist() == [[1]]


def test_a_given_gradient_is_passed_on_in_the_place_of_the_chain_rules():
    x, y, J = cost(Fraction)
    J.backward()
    true = [node.grad for node in (*x, *y)]
    backward_with(J, {})
    assert [node.grad for node in (*x, *y)] == true
    backward_with(J, {y[1]: y[1].grad + 1})
    assert [node.grad for node in x] == [true[0], true[1] + 5, true[2]]
