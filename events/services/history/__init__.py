"""Events imported, exported and pruned. May know `ingestion` and the rooms below it, and the
services of `subscribers`; history runs no sync rule and starts no sequence.
"""
