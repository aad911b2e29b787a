"""Pages for the people who get mail: no sign-in, no cookie, and all works without a script. May
know services and models.
"""
