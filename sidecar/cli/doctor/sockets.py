"""Who may connect: the sockets with their groups, the folders on the way to them, and the TCP address."""

import grp
import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sidecar.cli.doctor.finding import Found, Patient, finding, ok, skipped

_CHECK: Final = "sockets"
_MOST_NAMES: Final = 8


def check_sockets(patient: Patient) -> Iterator[Found]:
    config, listening = patient.config, patient.listening
    yield _unix("decision", Path(listening.decision_socket or config.decision_socket), "socket.group")
    if listening.approvals_socket or config.approvals.group:
        path = Path(listening.approvals_socket or config.approvals_socket)
        yield _unix("approvals", path, "approvals.group")
    else:
        yield skipped(_CHECK, "approvals: no socket, because approvals.group is not set")
    yield _tcp(patient)


def _unix(name: str, path: Path, setting: str) -> Found:
    try:
        info = path.stat()
    except FileNotFoundError:
        return skipped(_CHECK, f"{name}: {path} is not there; the daemon or its socket unit makes it")
    except OSError as error:
        hint = f"uid {os.getuid()} may not pass a folder on the way there"
        return finding(_CHECK, f"{name}: {path}: {error.strerror}", hint)
    if not stat.S_ISSOCK(info.st_mode):
        return finding(_CHECK, f"{name}: {path} is not a socket", "remove it and start the daemon again")
    return _reached(name, path, info, setting)


def _reached(name: str, path: Path, info: os.stat_result, setting: str) -> Found:
    mode = stat.S_IMODE(info.st_mode)
    who = f"{name}: {path} {mode:04o}: {_who(mode, info.st_uid, info.st_gid)}"
    if mode & stat.S_IWOTH:
        return finding(_CHECK, f"{who}; every user may connect", "set socket.mode to 0660 and socket.group")
    if closed := _closed(path.parent, info.st_gid) if _is_shared(mode, info.st_uid, info.st_gid) else None:
        hint = f"chmod o+x {closed}, or chgrp it to {_group(info.st_gid)} and chmod g+x"
        return finding(_CHECK, f"{who}; but the group may not pass {closed}", hint)
    if not os.access(path, os.W_OK):
        return ok(_CHECK, f"{who}; uid {os.getuid()}, which asks here, is not among them ({setting})")
    return ok(_CHECK, who)


def _is_shared(mode: int, uid: int, gid: int) -> bool:
    """Whether the group is there to let others in, and not merely the owner's own."""
    try:
        return bool(mode & stat.S_IWGRP) and pwd.getpwuid(uid).pw_gid != gid
    except KeyError:
        return bool(mode & stat.S_IWGRP)


def _closed(folder: Path, gid: int) -> Path | None:
    """The first folder on the way that members of the group may not pass."""
    for place in (folder, *folder.parents):
        info = place.stat()
        bit = stat.S_IXGRP if info.st_gid == gid else stat.S_IXOTH
        if not info.st_mode & bit:
            return place
    return None


def _who(mode: int, uid: int, gid: int) -> str:
    people = ["root", *([] if uid == 0 else [_user(uid)])]
    if mode & stat.S_IWGRP:
        people.append(f"the group {_group(gid)} ({_members(gid)})")
    return f"may be asked by {', '.join(people)}"


def _user(uid: int) -> str:
    try:
        return f"{pwd.getpwuid(uid).pw_name} (uid {uid})"
    except KeyError:
        return f"uid {uid}"


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return f"gid {gid}"


def _members(gid: int) -> str:
    """Those that are listed with the group; who has it as the first group is in no such list."""
    try:
        names = grp.getgrgid(gid).gr_mem
    except KeyError:
        return "no such group on this host"
    if not names:
        return "nobody is listed in it"
    return ", ".join(names[:_MOST_NAMES]) + (" and others" if len(names) > _MOST_NAMES else "")


def _tcp(patient: Patient) -> Found:
    config = patient.config
    address = patient.listening.decision or str(config.listen)
    if config.tokens_file is not None:
        return ok(_CHECK, f"TCP: {address}: whoever bears a token of {config.tokens_file}")
    return ok(_CHECK, f"TCP: {address}: every process of this machine, and the daemon cannot tell which")
