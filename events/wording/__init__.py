"""Sentences for people, for the admin and the terminal; decides nothing. May read models and the
reports of services.
"""
