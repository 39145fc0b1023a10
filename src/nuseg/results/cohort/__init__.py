"""The report on all results of a folder: what is in it, what to look at, one page and its tables."""
