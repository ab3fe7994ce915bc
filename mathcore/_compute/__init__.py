"""_compute."""
