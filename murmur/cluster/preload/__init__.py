"""What dask workers preload to be nodes: ``dask worker ADDRESS --preload murmur.cluster.preload``."""

from .._preload import dask_setup as dask_setup
from .._preload import dask_teardown as dask_teardown

__all__ = ["dask_setup", "dask_teardown"]
