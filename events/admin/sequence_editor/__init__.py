"""The form in which a sequence is edited, and its way to the wire form and back."""
