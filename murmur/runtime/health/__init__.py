"""Health of the generator: how late its loop runs, what it uses, and who holds it up."""

from ._saturation import LAG_LIMIT as LAG_LIMIT

__all__ = [
    "LAG_LIMIT",
]
