"""Workspaces, their API keys, and the installation."""
