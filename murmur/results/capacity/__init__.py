"""Capacity of a system: the load up to which a check holds, found by steps that may be noisy."""

from ._capacity import Capacity as Capacity
from ._measure import Step as Step
from ._measure import step_of as step_of
from ._search import Search as Search
from ._usl import fitted as fitted

__all__ = ["Capacity", "Search", "Step", "fitted", "step_of"]
