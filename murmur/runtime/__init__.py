"""Runs a scenario on one node: users, throttles, coordinators and their measurements."""
