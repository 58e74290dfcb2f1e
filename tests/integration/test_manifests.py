"""The manifests of the how-to page are what Kubernetes takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "run-nodes-in-kubernetes.md"
MANIFESTS = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("text", MANIFESTS, ids=["service", "deployment", "policy", "job"])
def test_a_manifest_fits_its_schema(text: str) -> None:
    yaml = pytest.importorskip("yaml")
    schemas = pytest.importorskip("kubernetes_validate")
    manifest = yaml.safe_load(text)

    schemas.validate(manifest, schemas.latest_version(), strict=True)
    with pytest.raises(schemas.ValidationError):
        schemas.validate({**manifest, "spec": 7}, schemas.latest_version(), strict=True)
