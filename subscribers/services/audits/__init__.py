"""Checks of stored people and mail for `doctor`. May read every model of this app; writes nothing."""
