"""Become another program that does not outlive its parent.

Run as a script: `python -I -S leash.py SIGNAL PARENT UID:GID PROGRAM [ARGUMENT…]`. It drops to the
account UID:GID (or stays who it is, when `-` stands there), asks Linux to deliver SIGNAL when its parent dies, and
executes PROGRAM in its own place, so that the process id the parent knows is the program's.

The order matters: a change of credentials clears the parent-death signal, and the parent may die before the request
is made, which is why the parent's id is compared afterwards. Where there is no `prctl` the program merely starts.
"""

import ctypes
import os
import sys

LEASH = __file__
"""The path of the script."""

PR_SET_PDEATHSIG = 1


def become(account: str) -> None:
    """Drop to `UID:GID`, groups first, for afterwards there is no right to."""
    if account == "-":
        return
    uid, gid = (int(part) for part in account.split(":"))
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def tie(signal_number: int, parent: int) -> None:
    """Be sent `signal_number` when `parent` dies; end at once if it is dead already."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the launcher is gone")


def main(arguments: list[str]) -> None:
    signal_number, parent, account, *program = arguments
    try:
        become(account)
        tie(int(signal_number), int(parent))
        os.execv(program[0], program)  # noqa: S606  (this is what the script is for)
    except OSError as failure:
        sys.exit(f"cannot run {program[0]} as {account}: {failure.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
