"""What a workspace has configured, cached by its version: sync rules and watched sequences."""
