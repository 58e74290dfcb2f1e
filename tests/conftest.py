"""Every async test runs on both backends and on virtual time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import hypothesis  # noqa: F401 - before trio, whose hook warns when it comes first
import pytest

from murmur.testing import virtual_backend


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, Mapping[str, Any]]:
    """Return the backend's name and the options that make its clock jump."""
    return virtual_backend(request.param)
