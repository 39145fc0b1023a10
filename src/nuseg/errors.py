"""The one exception that users meet."""


class NusegError(Exception):
    """A problem the user can mend.

    The message is one clear line that names the file or setting, what was expected, what was found and what to do.
    The command line prints it without a traceback (unless ``--debug``) and exits with a non-zero code.
    """
