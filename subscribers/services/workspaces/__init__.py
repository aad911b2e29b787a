"""Workspaces, their API keys and the installation. May know models only."""
