"""What may be done with events and rules; one module per noun."""
