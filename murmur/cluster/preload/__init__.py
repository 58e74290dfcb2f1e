"""Module that dask workers preload to be nodes: ``--preload murmur.cluster.preload``."""

from murmur.cluster._preload import dask_setup, dask_teardown

__all__ = ["dask_setup", "dask_teardown"]
