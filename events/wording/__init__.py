"""Sentences for people, for the admin and the terminal alike.

May read models and the reports of services; decides nothing.
"""
