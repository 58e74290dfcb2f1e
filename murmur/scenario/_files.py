"""Data files that a scenario names (``files = [...]``): where they are, here or on a node.

They are looked for beside the file of the class, then in the working directory.  On a node
they are in a folder of their own, to which `keep_files` points the class.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path, PurePath
from weakref import WeakKeyDictionary

from murmur._given import needed
from murmur.errors import InvalidScenarioError, closest

MAX_FILES = 32 * 2**20
"""Bytes of all files of a scenario together: they go to every node at each start of a run,
before any word of the run itself, and a node must not seem silent meanwhile."""

_folders: WeakKeyDictionary[type, Path] = WeakKeyDictionary()
"""Where the files of a class are that came from another kernel."""


def keep_files(cls: type, folder: Path | None) -> None:
    """Let a class find its files in `folder` from now on; None: where it looks by itself."""
    if folder is None:
        _folders.pop(cls, None)
    else:
        _folders[cls] = folder


def files_of(cls: type) -> dict[str, Path]:
    """Return the files of a class by their places in the folder that travels.

    A place is the path as it was given; of one that is absolute, or leads upwards, its last
    part.

    Raises `InvalidScenarioError` if one is missing, two would have one place, or they are too
    large to travel.
    """
    if faults := file_faults(cls):
        raise InvalidScenarioError(cls.__qualname__, faults)
    return {_place(given): _located(cls, given) for given in _given(cls)}


def path_to(cls: type, name: str | PurePath) -> Path:
    """Return where one of the files of a class is on this machine.

    Raises `InvalidScenarioError` if the class does not name it in ``files``.
    """
    needed(
        isinstance(name, str | PurePath), "name", name, "give one of `files`, such as 'users.csv'"
    )
    named = {_place(given): given for given in _given(cls)}
    given = named.get(_place(name))
    if given is None:
        known = closest(str(name), sorted(named), "named there")
        raise InvalidScenarioError(cls.__qualname__, [f"`files` does not name {name!r}{known}"])
    return _located(cls, given)


def file_faults(cls: type) -> list[str]:
    """Return what is wrong with the files of a class, one sentence for each fault."""
    given = getattr(cls, "files", ())
    if not isinstance(given, list | tuple | set | frozenset):
        return [f"`files` must be a list of paths, as ['users.csv'], not {given!r}"]
    strange = [each for each in given if not isinstance(each, str | PurePath)]
    if strange:
        return [f"`files` must hold paths, not {each!r}" for each in strange]
    faults = [fault for each in given for fault in _absence(cls, each)]
    places = [_place(each) for each in given]
    faults += [
        f"`files` names two files that would be {place!r} on a node"
        for place in sorted({place for place in places if places.count(place) > 1})
    ]
    return faults or list(_excess(cls))


def _absence(cls: type, given: str | PurePath) -> Iterator[str]:
    path = _located(cls, given)
    if path.is_dir():
        yield f"`files` names the folder {str(given)!r}; name the files in it"
    elif not path.is_file():
        looked = " or ".join(dict.fromkeys(str(place) for place in _places(cls)))
        yield f"`files` names {str(given)!r}, and there is no such file in {looked}"


def _excess(cls: type) -> Iterator[str]:
    sizes = {str(each): _located(cls, each).stat().st_size for each in _given(cls)}
    if sum(sizes.values()) > MAX_FILES:
        largest = max(sizes, key=lambda name: sizes[name])
        yield (
            f"`files` are {sum(sizes.values()) / 2**20:.1f} MiB together, of which {largest!r} "
            f"has {sizes[largest] / 2**20:.1f}; {MAX_FILES // 2**20} MiB travel: put what is "
            "larger where every node can read it, and give its path in a setting"
        )


def _given(cls: type) -> Iterator[str | PurePath]:
    yield from getattr(cls, "files", ())


def _place(given: str | PurePath) -> str:
    path = PurePath(given)
    return path.name if path.is_absolute() or ".." in path.parts else path.as_posix()


def _located(cls: type, given: str | PurePath) -> Path:
    """Return where a file is, or would have to be."""
    if cls in _folders:
        return _folders[cls] / _place(given)
    candidates = [place / given for place in _places(cls)]
    return next((path for path in candidates if path.exists()), candidates[0])


def _places(cls: type) -> Iterator[Path]:
    """Yield the folders to look in: of the file of each class that it derives from; this one."""
    for base in cls.__mro__:
        if vars(base).get("files"):
            home = getattr(sys.modules.get(base.__module__), "__file__", None)
            if home is not None:
                yield Path(home).absolute().parent
    yield Path.cwd()
