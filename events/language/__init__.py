"""The language of sequences: triggers, steps, times and filters, read from the wire form and
written back. May know `intake`, `egress` and the leaf rooms of `subscribers`; no Django.
"""
