"""Which enrollments the events of a request start, stop and release."""
