"""Architectures suggested by trials of Optuna's: every one can be, and nothing else is asked for."""

from __future__ import annotations

import sys
from collections import defaultdict

import pytest

import sedspace as ss

optuna = pytest.importorskip("optuna", reason="Optuna is optional")


class Recorded:
    """A trial that goes on where an earlier one left off, through all answers that can be given."""

    def __init__(self):
        self.known = defaultdict(set)
        self.path = []

    def __iter__(self):
        while True:
            self.place = 0
            yield self
            while self.path and self.path[-1][0] + 1 == self.path[-1][1]:
                self.path.pop()
            if not self.path:
                return
            self.path[-1] = (self.path[-1][0] + 1, self.path[-1][1])

    def suggest_categorical(self, name, choices):
        """Return the next choice, having noted what was asked."""
        assert len(choices) > 1
        self.known[name].add(tuple(choices))
        if self.place == len(self.path):
            self.path.append((0, len(choices)))
        self.place += 1
        return choices[self.path[self.place - 1][0]]


@pytest.mark.parametrize(
    "space",
    [
        ss.space("transnas_micro"),
        ss.space("transnas_macro"),
        ss.restrict("transnas_micro", ss.Connected(every_edge=True), ss.AtMost(1, "skip_connect")),
        ss.restrict("sss", ss.Equal("stage 1", "stage 2"), ss.Unequal("stage 3", "stage 4", "stage 5")),
    ],
    ids=lambda space: space.name,
)
def test_every_architecture_is_suggested_once_and_parameters_keep_their_values(space):
    recorded = Recorded()
    assert sorted(ss.suggest_index(trial, space) for trial in recorded) == list(range(space.size))
    assert all(len(choices) == 1 for choices in recorded.known.values())


@pytest.mark.parametrize("name", ["tss5", "darts", "ofa_mbv3", "autoformer_small", "pit"])
def test_what_a_study_is_told_it_suggests_again(name):
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = ss.space(name)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0, n_startup_trials=2))
    for index in (0, space.size // 3, space.size - 1):
        trial = ss.trial_of(space, index, 5)
        study.add_trial(trial)
        study.enqueue_trial(trial.params)
        assert ss.suggest_index(optuna.trial.FixedTrial(trial.params), space) == index
        assert ss.suggest_index(study.ask(), space) == index
    found = [ss.suggest_index(study.ask(), space) for _ in range(3)]
    assert all(0 <= index < space.size for index in found)


def test_several_objectives():
    assert ss.trial_of("tss", 5, [1, 2.5]).values == [1.0, 2.5]


def test_bad_trials(monkeypatch):
    with pytest.raises(ss.BadInput, match="nb101 has 423,624 choices of architecture, expected at most 10,000"):
        ss.suggest_index(Recorded(), "nb101")
    with pytest.raises(ss.BadInput, match="index 15625 is outside tss"):
        ss.trial_of("tss", 15625, 1)
    with pytest.raises(ss.BadInput, match="value of a trial 'a': expected a number"):
        ss.trial_of("tss", 1, ["a"])
    monkeypatch.setitem(sys.modules, "optuna.trial", None)
    with pytest.raises(ss.BadInput, match=r"trials need optuna: pip install .*optuna"):
        ss.trial_of("tss", 1, 2)
