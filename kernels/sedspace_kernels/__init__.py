"""Kernels of sedspace: pure functions over arrays (numpy and numba only), which know neither spaces nor files.

Every kernel works on C-contiguous arrays and on one range of cells; its callers split ranges over threads with
`sedspace_kernels.parallel.split`. Results are integers or one independent row per cell, so they never depend on the
number of threads. A slow, obvious twin of each stands in ``tests/naive.py``.
"""
