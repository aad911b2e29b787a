"""Erases, merges and exports subscribers, and changes addresses. May know `dispatch` and the rooms
below; events follow through `reactions`.
"""
