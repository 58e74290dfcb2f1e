"""Massively parallel, stateful load tests from a notebook."""

__version__ = "0.1.0"
