"""TPE of Optuna on a space: an architecture is asked for digit by digit."""

from __future__ import annotations

from random import Random

from sedspace.errors import needs
from sedspace.searching.task import Fitness, Proposals, Task
from sedspace.searching.trials import suggest_index, trial_of

_MISSES = 5  # proposals in a row that do not exist or are known, before an architecture is drawn


def tree_parzen(task: Task, random: Random, startup: int) -> Proposals:
    """Have Optuna's TPE sampler propose each digit, among the choices that lead on from those before it.

    Bergstra et al. (2011), with Optuna's defaults: the first `startup` (10) are random. A proposal that does not exist
    is told to have failed, and is no step; after many in a row that do not exist, or are known, one is drawn.
    """
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise needs(str(error.name), "search", "tpe needs") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(n_startup_trials=startup, seed=random.getrandbits(31))
    study = optuna.create_study(direction="maximize", sampler=sampler)
    misses, known = 0, dict[int, Fitness]()
    while True:
        if misses >= _MISSES:
            drawn = task.draw(random)
            if drawn in known:
                yield drawn
                continue
            study.enqueue_trial(trial_of(task.space, drawn, 0.0).params)
        trial = study.ask()
        index = suggest_index(trial, task.space)
        if index in known or not task.exists(index):
            misses += 1
        else:
            misses = 0
            known[index] = yield index
        fitness = known.get(index)
        if fitness is None:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(trial, fitness[0])
