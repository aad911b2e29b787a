"""The HTTP interface for people, and what both APIs share: keys, limits, errors. May know services,
and Django REST framework; no other interface.
"""
