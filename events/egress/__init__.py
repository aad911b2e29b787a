"""Calls to the outside, safe from server-side request forgery.

Pure of Django: an address and a body come in, an answer goes out.
"""
