"""Studies on a GPU: these tests are skipped where there is none."""

from __future__ import annotations

import math
from unittest import mock

import pytest
import torch

import sedspace as ss
from sedspace.studies.proxies import proxy
from sedspace.studies.proxies.base import REGISTERED

on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
PROXIES = ["grad_norm", "snip", "fisher", "jacob_cov", "naswot", "zico", "wrcor", "synflow"]
OPTIONS = {"batch": 8, "progress": False, "seed": 7}


@on_gpu
def test_values_are_those_of_the_processor():
    cells = [11668, 5555, 6111]
    gpu, cpu = (ss.crosscheck("tss", cells, PROXIES, device=device, **OPTIONS).rows for device in ("cuda", "cpu"))
    assert gpu.select("index", "proxy", "reason").equals(cpu.select("index", "proxy", "reason"))
    for name, ours, theirs in zip(gpu["proxy"], gpu["value"], cpu["value"], strict=True):
        assert math.isclose(ours, theirs, rel_tol=1e-2), name


@on_gpu
def test_values_repeat():
    first, again = (ss.crosscheck("tss", [11668], PROXIES, device="cuda", **OPTIONS).rows for _ in range(2))
    assert first["value"].to_list() == pytest.approx(again["value"].to_list(), rel=1e-6)


@on_gpu
def test_convolutions_are_in_float32_while_a_study_runs():
    before = torch.backends.cudnn.allow_tf32

    with mock.patch.dict(REGISTERED):

        @proxy("mine")
        def mine(network, batch, loss):
            return torch.backends.cudnn.allow_tf32

        study = ss.crosscheck("tss", [11668], ["mine"], device="cuda", **OPTIONS)
    assert study.rows["value"].to_list() == [0]
    assert torch.backends.cudnn.allow_tf32 == before


@on_gpu
def test_several_processes_share_a_gpu():
    alone, together = (
        ss.crosscheck("tss3", range(20, 32), ["grad_norm", "naswot"], device="cuda", workers=workers, **OPTIONS)
        for workers in (None, 4)
    )
    assert together.setting == alone.setting
    assert together.rows["value"].to_list() == pytest.approx(alone.rows["value"].to_list(), rel=1e-6)
