"""Checks of stored data that `doctor` reports."""
