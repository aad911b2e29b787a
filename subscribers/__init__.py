"""WHO may call, WHO we may write to, and how mail leaves."""
