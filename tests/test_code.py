"""By what a study knows a proxy of one's own: what changes its hash, and what does not."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import types

import pytest

from sedspace.studies.code import code_of

HELPER = "def used(x):\n    return x + 1\n\ndef unused(x):\n    return x\n"
MINE = """
import functools, math, numpy as np, helper
WEIGHT, TABLE, ARRAY, NEVER = 2, {"a": [1, 5]}, np.arange(3), 9

def inner(x):
    return x * WEIGHT

class Part:
    base = 1
    @property
    def twice(self):
        return 2 * self.base
    @staticmethod
    def once(x):
        return x

def again(n):
    return again(n - 1) if n else 0

def made(factor):
    return lambda x: x * factor

outer, partial, part = made(3), functools.partial(inner, 4), Part()

@functools.cache
def kept(x):
    return x + 11

def mine(network, batch, loss, exponent=1):
    "What it is."
    found = [inner(x) for x in TABLE["a"]]  # a comment
    if batch in {"one", "two", "three"}:
        return math.log(again(2)) + helper.used(part.twice) + kept(1)
    return sum(found) ** exponent + outer(1) + partial() + ARRAY.sum() + Part.once(1)
"""
HASH = f"""
import sys, types
sys.modules["helper"] = helper = types.ModuleType("helper")
exec({HELPER!r}, vars(helper))
exec({MINE!r})
from sedspace.studies.code import code_of
print(code_of(mine))
"""


def hash_of(text, helper=HELPER):
    """The hash of a user's function."""
    module = types.ModuleType("helper")
    exec(helper, vars(module))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "helper", module)
        scope = {"__name__": "of_a_user"}
        exec(text, scope)
        return code_of(scope["mine"])


def test_the_same_in_every_process():
    command, environment = [sys.executable, "-c", HASH], {**os.environ, "PYTHONHASHSEED": "1"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    assert done.stdout.strip() == hash_of(MINE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("WEIGHT, TABLE, ARRAY, NEVER = 2", "WEIGHT, TABLE, ARRAY, NEVER = 3"),
        ("[1, 5]", "[1, 6]"),
        ("np.arange(3)", "np.arange(1, 4)"),
        ("x * WEIGHT", "x + WEIGHT"),
        ("base = 1", "base = 2"),
        ("2 * self.base", "3 * self.base"),
        ("        return x\n", "        return -x\n"),
        ("again(n - 1)", "again(n - 2)"),
        ("made(3)", "made(4)"),
        ("(inner, 4)", "(inner, 5)"),
        ("x + 11", "x + 12"),
        ("exponent=1", "exponent=2"),
        ("sum(found)", "max(found)"),
        ("math.log(", "math.sqrt("),
        ('"three"', '"four"'),
    ],
)
def test_what_changes_it(old, new):
    assert MINE.count(old) == 1
    assert hash_of(MINE.replace(old, new)) != hash_of(MINE)


@pytest.mark.parametrize(
    ("old", "new"),
    [("# a comment", "# another\n"), ("What it is.", "In other words."), (" = 2, ", "   =  2, "), ("9\n", "8\n")],
)
def test_what_does_not(old, new):
    assert MINE.count(old) == 1
    assert hash_of(MINE.replace(old, new)) == hash_of(MINE)


def test_what_is_used_of_a_users_module():
    assert hash_of(MINE, HELPER.replace("x + 1", "x + 2")) != hash_of(MINE)
    assert hash_of(MINE, HELPER.replace("    return x\n", "    return -x\n")) == hash_of(MINE)


def test_what_a_proxy_needs():
    base = pytest.importorskip("sedspace.studies.proxies.base")

    def needing(*needs, factor=1):
        @base.shared(*needs)
        def shared(network):
            return factor

        @base.shared(shared)
        def mine(shared):
            return shared

        return mine

    some = [needing(base.NETWORK), needing(base.BATCH), needing(base.NETWORK, factor=2)]
    assert len({code_of(one) for one in some}) == 3
    assert code_of(needing(base.NETWORK)) == code_of(some[0]) != code_of(some[0], True)


def test_callables_of_any_kind():
    torch = pytest.importorskip("torch")

    class Scaled:
        def __init__(self, factor):
            self.factor = factor

        def __call__(self, network, batch, loss):
            return self.factor

    weights = torch.ones(2)
    some = [
        Scaled(1),
        Scaled(2),
        Scaled(1).__call__,
        functools.partial(Scaled(1), loss=None),
        lambda network, batch, loss: weights,
        torch.no_grad()(lambda network, batch, loss: weights + 1),
        len,
    ]
    assert len({code_of(one) for one in some}) == len(some)
    assert code_of(Scaled(2)) == code_of(some[1])
    before = code_of(some[4])
    weights[0] = 5
    assert code_of(some[4]) != before


def test_what_comes_with_sedspace_has_none():
    proxies = pytest.importorskip("sedspace.studies.proxies")
    assert [code_of(proxies.find_proxy(name).function) for name in ("zen", "params", "ntk_cond")] == [None] * 3


def test_a_pass_that_a_proxy_needs_counts():
    from sedspace.studies.proxies.base import BATCH, shared

    def made(factor):
        @shared(BATCH)
        def doubled(batch):
            return batch.images.sum() * factor

        @shared(doubled)
        def mine(doubled):
            return doubled

        return code_of(mine)

    assert made(2) == made(2) != made(3)
