"""Segments: saved, asked who belongs to them, and what uses them.

May know the models, the language of segments, and the services of `subscribers`.
"""
