"""Measurements; off unless asked for with `-m benchmark`."""
