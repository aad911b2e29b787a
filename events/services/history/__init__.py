"""Events imported, exported and pruned. May know `ingestion` and the rooms below it, and the
services of `subscribers`.
"""
