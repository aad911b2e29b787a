"""One person erased, merged, exported, or given another address. May know `dispatch` and the rooms
below it; events follow by `reactions`.
"""
