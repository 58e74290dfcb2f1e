"""Arguments of the wrong sort, refused in a sentence that says what was given and what would do."""

from __future__ import annotations

import math
import os
from pathlib import Path

from murmur._guard import heard, text_of
from murmur.errors import InvalidArgumentError

SHOWN = 60  # characters of what was given


def needed(holds: object, name: str, value: object, remedy: str) -> None:
    """Raise `InvalidArgumentError` that names `value`, unless something `holds`.

    Examples
    --------
    >>> needed(isinstance("amoc.*", str), "pattern", "amoc.*", "give a text")
    """
    if not holds:
        told = text_of(value, repr).splitlines() or [""]
        more = "..." if len(told) > 1 or len(told[0]) > SHOWN else ""
        raise InvalidArgumentError(f"{name}={told[0][:SHOWN]}{more}", remedy)


def path_given(name: str, value: object, example: str) -> Path:
    """Return the path that was given.

    Examples
    --------
    >>> path_given("directory", 5, "results/friday")
    Traceback (most recent call last):
    murmur.errors.InvalidArgumentError: directory=5: give a path, such as 'results/friday'
    """
    path = os.fspath(value) if isinstance(value, str | os.PathLike) else value
    needed(isinstance(path, str), name, value, f"give a path, such as {example!r}")
    assert isinstance(path, str)
    fits = "\0" not in path and len(path) < 4096 and all(len(p) < 256 for p in path.split("/"))
    needed(fits, name, value, f"give a path that a file can have, such as {example!r}")
    return Path(path)


def integer_given(name: str, value: object, remedy: str, *, least: float = -math.inf) -> int:
    """Return the whole number that was given, of whatever class, from `least`.

    Examples
    --------
    >>> integer_given("user_id", 2.0, "give the id of a user, such as 7")
    2
    """
    try:
        number = int(value)  # type: ignore[call-overload]
        is_whole = bool(number == value) and not isinstance(value, str | bytes)
    except Exception:  # noqa: BLE001 - whatever a class that is no number raises
        needed(False, name, value, remedy)
    needed(is_whole and number >= least, name, value, remedy)
    return int(number)


def port_given(name: str, value: object) -> int:
    """Return the port that was given; 0 is one that the system chooses.

    Examples
    --------
    >>> port_given("port", 70_000)
    Traceback (most recent call last):
    murmur.errors.InvalidArgumentError: port=70000: give a port, from 0 to 65535
    """
    remedy = "give a port, from 0 to 65535"
    port = integer_given(name, value, remedy, least=0)
    needed(port < 2**16, name, value, remedy)
    return port


def truth_given(name: str, value: object) -> bool:
    """Return the truth that was given: whatever is true or false, which some values are not.

    Examples
    --------
    >>> truth_given("force", 1)
    True
    """
    truth, error = heard(bool, value)
    needed(error is None, name, value, "give True or False")
    return bool(truth)


def amount_given(
    name: str, value: object, remedy: str = "give seconds, such as 30", *, least: float = 0.0
) -> float:
    """Return the number that was given, from `least` to infinity; seconds, unless told else.

    Examples
    --------
    >>> amount_given("timeout", "5s")
    Traceback (most recent call last):
    murmur.errors.InvalidArgumentError: timeout='5s': give seconds, such as 30
    """
    try:
        amount = float(value)  # type: ignore[arg-type]
        is_number = not isinstance(value, str | bytes) and amount >= least
    except Exception:  # noqa: BLE001 - likewise
        is_number, amount = False, 0.0
    needed(is_number, name, value, remedy)
    return amount


def wait_given(name: str, value: object) -> float:
    """Return for how many seconds to wait; what is below zero is no time.

    Examples
    --------
    >>> wait_given("timeout", -0.5)
    0.0
    """
    return max(0.0, amount_given(name, value, least=-math.inf))
