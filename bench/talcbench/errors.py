"""The one exception whose text is meant for whoever typed the command."""


class UserError(Exception):
    """Something outside the driver is wrong; the text says what, and what to do."""
