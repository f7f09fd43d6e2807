"""``python -m sedspace``: the same as the command ``sedspace``."""

from sedspace.cli import main

main()
