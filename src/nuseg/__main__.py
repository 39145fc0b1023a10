"""`python -m nuseg` is `nuseg`."""

from nuseg.cli import main

if __name__ == "__main__":  # processes that are started anew import this module as well
    main()
