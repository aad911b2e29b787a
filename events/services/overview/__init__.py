"""The numbers of the home page, for one workspace or all, and those of the System page; reads
counts, and counts little itself.

Each function costs the same however many workspaces, sequences and rows there are.
"""
