"""Sentences for people, for the admin and the terminal alike; decides nothing. May read models and
the reports of services.
"""
