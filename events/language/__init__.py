"""The language of sequences: triggers, steps, times and filters, to the wire form and back. May
know `intake`, `egress` and the leaf rooms of `subscribers`; no Django.
"""
