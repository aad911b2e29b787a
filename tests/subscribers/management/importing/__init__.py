"""Tests of what the import commands have in common."""
