"""A plugin for pytest: load tests as ordinary tests."""
