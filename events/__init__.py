"""Events, and what follows from them."""
