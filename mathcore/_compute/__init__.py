"""Blocked, multithreaded evaluation of large arrays."""
