"""Why a database is not copied or replaced."""


class CannotCopy(RuntimeError):
    """The message is a sentence for the operator."""

    code = "CANNOT_COPY"


class InUse(CannotCopy):
    code = "IN_USE"

    def __init__(self) -> None:
        super().__init__("Other processes use the database: stop web, workers and shells first.")


class NotOurs(CannotCopy):
    """The dump has what runs inside a database, and could undo the hold."""

    code = "NOT_OURS"

    def __init__(self, found: str) -> None:
        plain = "".join(filter(str.isprintable, found[:500]))
        super().__init__(
            f"The backup has {plain}: Cueline makes none, and they could send what is on hold. If"
            " the backup is your own, give --trusted."
        )
