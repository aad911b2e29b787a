"""Imports: the loop over rows, its runs, and rejected rows. May know `rows`, `consent` and the
rooms below.
"""
