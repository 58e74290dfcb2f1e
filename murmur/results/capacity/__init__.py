"""Capacity of a system: the load up to which a check holds, found by steps that may be noisy."""

from ._capacity import Capacity, fitted, load_text, unit_of
from ._measure import Step, crowding, step_of
from ._search import Search

__all__ = ["Capacity", "Search", "Step", "crowding", "fitted", "load_text", "step_of", "unit_of"]
