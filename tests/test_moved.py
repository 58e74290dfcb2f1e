"""Names of amoc answer with what has their place."""

from __future__ import annotations

import pytest
from IPython.core.error import UsageError

import murmur
from murmur._moved import MODULES_OF_AMOC, VERBS_OF_AMOC
from murmur._session import Session, ThrottleView
from murmur.jupyter import VERBS, find_verb
from murmur.throttles import Throttle


@pytest.mark.parametrize("name", MODULES_OF_AMOC)
def test_a_module_of_amoc(name: str) -> None:
    with pytest.raises(AttributeError, match=f"amoc's {name} is .+ here"):
        getattr(murmur, name)


@pytest.mark.parametrize(("old", "new"), VERBS_OF_AMOC.items())
def test_a_verb_of_amoc(old: str, new: str) -> None:
    assert new in VERBS
    with pytest.raises(UsageError, match=f"amoc's {old} is {new} here"):
        find_verb(old)
    with murmur.Session() as session, pytest.raises(AttributeError, match=f"amoc's {old} is"):
        getattr(session, old)
    if not old.startswith("change_rate"):  # of the session: those are methods of a throttle
        assert hasattr(Session, new)


@pytest.mark.parametrize("owner", [Throttle, ThrottleView])
def test_a_function_of_a_throttle(owner: type) -> None:
    with pytest.raises(AttributeError, match="amoc's change_rate_gradually is ramp here"):
        owner.__new__(owner).change_rate_gradually  # noqa: B018 - it is looked up


def test_an_example_of_the_guide_that_amoc_does_not_have_either() -> None:
    with pytest.raises(AttributeError, match=r"send_and_wait is send, and then user\.receive here"):
        Throttle.__new__(Throttle).send_and_wait  # noqa: B018 - it is looked up


@pytest.mark.parametrize("name", ["results", "wait"])
def test_what_a_run_has_is_named_where_a_session_is_asked(name: str) -> None:
    with (
        murmur.Session() as session,
        pytest.raises(AttributeError, match=f"no attribute '{name}'; write session.run.{name}"),
    ):
        getattr(session, name)


def test_other_names_are_missing_as_ever() -> None:
    assert not hasattr(murmur, "nothing")
    with murmur.Session() as session:
        assert not hasattr(session, "nothing")
