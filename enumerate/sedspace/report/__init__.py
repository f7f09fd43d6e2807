"""What a study of proxies shows, beside SED and, if there is one, a table of measured accuracies. Needs no torch."""

from sedspace.report.architectures import by_architecture, summary
from sedspace.report.explorer import Explorer, explore
from sedspace.report.writing import reproduce, write_report

__all__ = ["Explorer", "by_architecture", "explore", "reproduce", "summary", "write_report"]
