"""Signing in to the admin: limits, few password hashings at a time, sessions, the second factor.

Knows Django's users and sessions, and nothing of events and subscribers.
"""
