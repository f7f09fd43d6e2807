"""What goes wrong with files: the errors of file systems, and what is said about them."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from sedspace.errors import BadInput, first_line
from sedspace.storage.base import Location


def storage_errors(*others: type[Exception]) -> tuple[type[Exception], ...]:
    """Return the errors of file systems: the operating system's, those of S3 if that is installed, and given others."""
    try:
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        return (OSError, *others)
    return (OSError, BotoCoreError, ClientError, *others)


def what_failed(error: BaseException) -> str:
    """Return what a file system says, in one line, without the secrets that a URL in it may carry."""
    said = getattr(error, "strerror", None) or first_line(error) or type(error).__name__
    return re.sub(r"(?<=://)\S*@|\?\S+", "", str(said))


@contextlib.contextmanager
def naming(location: Location) -> Iterator[None]:
    """Turn what a file system refuses into one line that names where."""
    try:
        yield
    except storage_errors() as error:
        raise BadInput(f"{location}: {what_failed(error)}") from None
