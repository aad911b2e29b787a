"""Checks of stored people and mail that `doctor` reports. May read every model of this app; writes
nothing.
"""
