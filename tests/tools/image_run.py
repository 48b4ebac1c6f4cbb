"""Become a process as a container engine makes one: this root, this user, no capabilities, no new privileges.

Runs in namespaces that its caller made. Arguments: the root, the uid that is also the gid, the program and its own.
Uses nothing but the standard library, because it is run by whatever interpreter the host has.
"""

import ctypes
import os
import sys

_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _LAST_CAPABILITY = 24, 38, 63


def become(root: str, uid: int) -> None:
    os.chroot(root)
    os.chdir("/")
    libc = ctypes.CDLL(None)
    for capability in range(_LAST_CAPABILITY + 1):
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise SystemExit("no_new_privs cannot be set")


if __name__ == "__main__":
    _, root, uid, *command = sys.argv
    become(root, int(uid))
    os.execve(command[0], command, dict(os.environ))  # noqa: S606 - there is no shell
