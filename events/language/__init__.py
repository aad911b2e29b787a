"""The words that sequences are written in: specs, steps, timing, filters and files.

Pure: knows other leaf rooms only, no Django and no services.
"""
