"""`python -m nuseg` is `nuseg`."""

from nuseg.cli import main

main()
