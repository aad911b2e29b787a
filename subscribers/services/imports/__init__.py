"""Imports: the loop over rows, runs, rejected rows. May know `rows`, `consent` and below."""
