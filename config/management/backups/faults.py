"""Why a database is not copied or replaced."""


class CannotCopy(RuntimeError):
    """The message is a sentence for the operator."""

    code = "CANNOT_COPY"


class InUse(CannotCopy):
    code = "IN_USE"

    def __init__(self) -> None:
        super().__init__("Other processes use the database: stop web, workers and shells first.")
