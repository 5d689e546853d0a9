"""Giving up what only the opening of sockets and files needed (capabilities(7), prctl(2))."""

import contextlib
import ctypes
import errno
import os
import pwd
import stat
import struct
from collections.abc import Mapping
from typing import NamedTuple

from vsockdump.errors import DeviceError, UsageError

CAP_NET_ADMIN = 12  # linux/capability.h

_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 24, 38  # linux/prctl.h
_LINUX_CAPABILITY_VERSION_3 = 0x20080522
_NOBODY = 65534  # the kernel's overflowuid, where /etc/passwd has no nobody

# struct __user_cap_header_struct { __u32 version; int pid; };
_CAP_HEADER = struct.Struct("=Ii")
# struct __user_cap_data_struct { __u32 effective, permitted, inheritable; } [2], low words first;
_CAP_DATA = struct.Struct("=6I")

_libc = ctypes.CDLL(None, use_errno=True)


class Target(NamedTuple):
    """Whom the process becomes, and to whom its files belong."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    name: str  # for messages


def target(user: str | None = None, environment: Mapping[str, str] = os.environ) -> Target:
    """Choose whom to become: `user`, else who called sudo, else nobody; itself if not root.

    Errors: UsageError if there is no such user.
    """
    if os.geteuid() != 0:
        return Target(os.geteuid(), os.getegid(), tuple(os.getgroups()), "")
    if user is not None:
        return _named(user)
    uid = environment.get("SUDO_UID", "")
    if uid.isdecimal() and int(uid) != 0:
        return _numbered(int(uid), environment.get("SUDO_GID", ""))
    return _numbered(_NOBODY, "")


def drop(to: Target) -> None:
    """Become `to`, without capabilities and any way to get them back; root stays root.

    Call it before threads are started: capabilities and no_new_privs are each thread's own.
    Errors: DeviceError; the process must then not go on.
    """
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if os.geteuid() == 0 and to.uid == 0:
        return
    try:
        if os.geteuid() == 0:
            _empty_bounding_set()
            os.setgroups(to.groups)
            os.setresgid(to.gid, to.gid, to.gid)
            os.setresuid(to.uid, to.uid, to.uid)
        keep_only()
    except OSError as error:
        raise DeviceError(
            f"cannot give up root's rights to become {to.name or to.uid}: {error.strerror};"
            " -Z root keeps them"
        ) from error


def own(file: int | str | os.PathLike[str], to: Target) -> None:
    """Give a file, by descriptor or path, to `to`; what is not a regular file stays as it is.

    Errors: OSError.
    """
    if os.geteuid() != 0 or to.uid == 0:
        return
    status = os.fstat(file) if isinstance(file, int) else os.lstat(file)
    if stat.S_ISREG(status.st_mode):  # a path may have become a symbolic link elsewhere since
        os.chown(file, to.uid, to.gid, follow_symlinks=isinstance(file, int))


def keep_only(*capabilities: int) -> None:
    """Have this thread keep these capabilities at the most. Errors: OSError."""
    mask = sum(1 << number for number in capabilities)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    header = _CAP_HEADER.pack(_LINUX_CAPABILITY_VERSION_3, 0)
    data = _CAP_DATA.pack(low, low, 0, high, high, 0)
    if _libc.capset(header, data):
        raise _error()


def _named(user: str) -> Target:
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise UsageError(f"-Z {user}: there is no such user") from None
    return _target(entry)


def _numbered(uid: int, gid: str) -> Target:
    with contextlib.suppress(KeyError):
        return _target(pwd.getpwuid(uid))
    number = int(gid) if gid.isdecimal() else uid
    return Target(uid, number, (number,), str(uid))


def _target(entry: pwd.struct_passwd) -> Target:
    groups = os.getgrouplist(entry.pw_name, entry.pw_gid)
    return Target(entry.pw_uid, entry.pw_gid, tuple(groups), entry.pw_name)


def _empty_bounding_set() -> None:
    """Take every capability out of reach of later execs, where the kernel lets us."""
    for number in range(64):
        try:
            _prctl(_PR_CAPBSET_DROP, number)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.EPERM):  # past the last; without CAP_SETPCAP
                break
            raise


def _prctl(option: int, value: int) -> None:
    arguments = [ctypes.c_ulong(number) for number in (value, 0, 0, 0)]
    if _libc.prctl(ctypes.c_int(option), *arguments):
        raise _error()


def _error() -> OSError:
    code = ctypes.get_errno()
    return OSError(code, os.strerror(code))
