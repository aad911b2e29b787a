"""Commands that run the product, and what they are made of."""
