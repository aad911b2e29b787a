"""Commands that run the product, and their parts."""
