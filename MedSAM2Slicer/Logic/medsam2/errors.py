"""The one exception that people see: what is wrong with their input, and what to do next."""


class InputError(ValueError):
    """Input that cannot be used.

    The message is one sentence for a radiologist: what is wrong, and what to do next. The command
    line prints it and exits with code 2; nothing has been written by then.
    """
