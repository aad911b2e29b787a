"""Tests of config/management/backups."""
