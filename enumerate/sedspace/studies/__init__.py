"""Zero-cost proxies on real networks of a sample of architectures. Only computing them needs torch."""

from sedspace.studies.file import SCHEMA, Row, Sample, SedSeconds, Setting, Study, read_study, write_study
from sedspace.studies.study import chosen_proxies, crosscheck

__all__ = [
    "SCHEMA",
    "Row",
    "Sample",
    "SedSeconds",
    "Setting",
    "Study",
    "chosen_proxies",
    "crosscheck",
    "read_study",
    "write_study",
]
