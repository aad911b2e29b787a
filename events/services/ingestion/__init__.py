"""Events recorded: the reference path, the stages after it, and the fast path."""
