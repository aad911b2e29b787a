"""The HTTP interface for events: translates requests into service calls, and results into answers.
Only this room and `subscribers.api` know Django REST framework.
"""
