"""Where runs, studies and tables lie: a directory of this machine, or a prefix of a store such as ``s3://bucket/run``.

A `Location` knows how its kind of storage reads, writes, lists and locks: `local` and `objects` are the two kinds.
"""

from sedspace.storage.base import Location, read_given
from sedspace.storage.failures import naming, storage_errors, what_failed
from sedspace.storage.local import LocalPath
from sedspace.storage.urls import as_file, as_location

__all__ = ["LocalPath", "Location", "as_file", "as_location", "naming", "read_given", "storage_errors", "what_failed"]
