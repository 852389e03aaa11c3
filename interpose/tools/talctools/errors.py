"""The exceptions whose texts are meant for whoever typed the command."""


class UsageError(Exception):
    """The command line will not do: said with a line of usage, exit status 2."""


class UserError(Exception):
    """Something outside the tools is wrong. `status` is the exit status that says so."""

    def __init__(self, text: str, status: int = 1) -> None:
        super().__init__(text)
        self.status = status
