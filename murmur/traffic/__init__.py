"""Recorded traffic, read from what others write, and written down as a scenario.

Reads HAR files of browsers and proxies, OpenAPI documents, and lines of curl.
"""

from ._scenario import Written, scenario_from

__all__ = ["Written", "scenario_from"]
