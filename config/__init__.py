"""Wiring: settings, paths, and what every request passes; the product is in the two apps."""
