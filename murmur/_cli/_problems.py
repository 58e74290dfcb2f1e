"""Problems of a command line: all of them are told at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from murmur.errors import ConfigError, InvalidCheckError, MurmurError

T = TypeVar("T")


class Problems(list[str]):
    """What is wrong so far; reading goes on, so that all of it is told at once."""

    def read(self, read: Callable[[Any], T], given: Any, what: str = "") -> T | None:  # noqa: ANN401
        """Return ``read(given)``, or None and note what is wrong."""
        if given is None:
            return None
        try:
            return read(given)
        except ConfigError as error:
            self.extend(error.problems)
        except InvalidCheckError as error:
            self.append(f"{what}: {error.problem}\n    {error.text}\n    {' ' * error.at}^")
        except MurmurError as error:
            self.append(str(error))
        except ValueError as error:
            self.append(f"{what}: {error}" if what else str(error))
        return None

    def raise_any(self) -> None:
        """Raise `ConfigError` with every problem, if there is one."""
        if self:
            raise ConfigError(self)
