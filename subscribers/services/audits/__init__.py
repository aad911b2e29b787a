"""Checks of stored people and mail for `doctor`. May read all models of this app; only reads."""
