"""HTTP calls to other hosts, safe from server-side request forgery. Pure: an address and a body go
in, an answer comes out. Knows no other room and no Django.
"""
