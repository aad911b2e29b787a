"""Wiring: settings, paths, what every request passes; the product lives in the two apps."""
