"""Imports: the loop over rows, its runs, and the rows that were rejected. May know `rows`,
`consent` and the rooms below it.
"""
