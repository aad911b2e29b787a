"""The HTTP interface for events: translates requests into service calls, and results into answers.
The only room besides `subscribers.api` that knows Django REST framework.
"""
