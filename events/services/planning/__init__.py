"""Plans what one event changes, and the effects that are stored with it.

May know `decisions` and models; reads and writes no rows.
"""
