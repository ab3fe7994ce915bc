"""Targets: the implementations that claims are checked on, how they are called, and their conventions."""
