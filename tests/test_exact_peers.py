"""Exact peers answer what sedspace answers, on a space that both can go through: what the benchmark asserts."""

from __future__ import annotations

import pytest

from bench import exact, solvers

WHERE = {"Graphillion": "graphillion", "CP-SAT": "ortools", "dd": "dd", "OxiDD": "oxidd"}


@pytest.fixture(scope="module", params=["tss", "nas_bench_macro"])
def questions(request):
    return list(exact.questions(request.param))


@pytest.mark.parametrize("peer", WHERE)
def test_every_question_of_a_peer(questions, peer):
    """Without and with states, with a factor that multiplies and without."""
    pytest.importorskip(WHERE[peer], reason=f'needs {peer}: pip install "sedspace[bench]"')
    answered = 0
    for question in questions:
        if peer in question.peers:
            assert question.agrees(question.ours(), question.peers[peer]()), question.text
            answered += 1
    assert answered


def test_how_much_of_the_front_is_found():
    pytest.importorskip("pymoo", reason='needs pymoo: pip install "sedspace[bench]"')
    found = exact.nsga2("tss", "params", generations=20)
    assert 0 < found["found"] <= found["front"]


def test_a_peer_that_takes_too_long_is_said_to():
    pytest.importorskip("ortools", reason='needs CP-SAT: pip install "sedspace[bench]"')
    problem = exact.Problem.of("tss", "sed", {"params": 100_000})
    for call in (solvers.cp_sat_top, solvers.cp_sat_front):
        with pytest.raises(solvers.Late):
            call(problem, *([3] if call is solvers.cp_sat_top else []), 0.0)
