"""Measured speed; run all with `make bench`."""
