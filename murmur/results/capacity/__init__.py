"""Capacity of a system: the load up to which a check holds, found by steps that may be noisy."""

from ._capacity import Capacity as Capacity
from ._capacity import fitted as fitted
from ._capacity import load_text as load_text
from ._capacity import unit_of as unit_of
from ._measure import Step as Step
from ._measure import crowding as crowding
from ._measure import step_of as step_of
from ._search import Search as Search

__all__ = ["Capacity", "Search", "Step", "crowding", "fitted", "load_text", "step_of", "unit_of"]
