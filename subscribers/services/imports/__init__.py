"""Imports: the loop over rows, its runs, and the rows that were rejected."""
