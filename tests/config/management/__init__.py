"""Tests of config/management."""
