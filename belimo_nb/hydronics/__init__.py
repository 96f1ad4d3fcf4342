"""Hydronics."""
