"""Files of ours are for our own user alone, from the moment that each of them is made.

The settings call this before anything else makes a file: they are what every process of ours reads first.
"""

import os
import stat
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
# These write into the checkout, which an image may be built from: such files keep the developer's own umask.
_DEVELOPERS_COMMANDS = {"makemigrations", "makemessages", "compilemessages", "startapp", "squashmigrations"}


def keep_private(folder: Path, *, arguments: Sequence[str] = sys.argv) -> None:
    """Make `folder` if it is missing, open to nobody else, and so everything that this process makes from now on.

    A folder of ours that is open to others is closed, with all that lies in it: it was made before, or by hand.
    """
    if not _DEVELOPERS_COMMANDS.intersection(arguments[1:2]):
        os.umask(_OTHERS)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if _close(folder):
        for path in folder.rglob("*"):
            if not path.is_symlink():
                _close(path)


def _close(path: Path) -> bool:
    """Take others' rights away; whether there were any. What is not ours, or went away meanwhile, stays as it is."""
    with suppress(FileNotFoundError, PermissionError):
        found = path.stat()
        if found.st_uid == os.geteuid() and found.st_mode & _OTHERS:
            path.chmod(stat.S_IMODE(found.st_mode) & ~_OTHERS)
            return True
    return False
