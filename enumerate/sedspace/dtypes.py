"""The types of columns: what a name such as ``float32`` is to numpy, Arrow and polars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

TEXT = "string"


@dataclass(frozen=True)
class Dtype:
    """A column's type, as each library has it.

    Attributes
    ----------
    numpy : numpy.dtype
    arrow : pyarrow.DataType
    polars : polars.DataType
    bits : int
        How many bits the greatest integer of it has; 63, which is more than it holds exactly, if it has fractions.
    """

    numpy: np.dtype[Any]
    arrow: pa.DataType
    polars: pl.DataType
    bits: int = 63


DTYPES = {
    "uint8": Dtype(np.dtype(np.uint8), pa.uint8(), pl.UInt8(), 8),
    "int16": Dtype(np.dtype(np.int16), pa.int16(), pl.Int16(), 15),
    "int32": Dtype(np.dtype(np.int32), pa.int32(), pl.Int32(), 31),
    "int64": Dtype(np.dtype(np.int64), pa.int64(), pl.Int64()),
    "float32": Dtype(np.dtype(np.float32), pa.float32(), pl.Float32()),
    "float64": Dtype(np.dtype(np.float64), pa.float64(), pl.Float64()),
    TEXT: Dtype(np.dtype(object), pa.string(), pl.String()),
}
"""Every type that a column of a run may have, by the name that the manifest records."""

NUMBERS = tuple(name for name in DTYPES if name != TEXT)
"""Those that a score may have."""
