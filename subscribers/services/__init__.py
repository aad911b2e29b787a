"""What may be done to the audience; one module per noun."""
