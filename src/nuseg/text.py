"""How counts and problems are worded."""


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    """Say how many: "1 image", "2,000 images", and with `nouns` "3 nuclei"."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def one_line(problem: object) -> str:
    """Text of an error or a warning in one line."""
    return " ".join(str(problem).split())


def in_short(problem: object, limit: int = 200) -> str:
    """Text of a library's error in one line of at most `limit` characters; its type where it says nothing."""
    text = one_line(problem) or type(problem).__name__
    return text if len(text) <= limit else text[: limit - 3] + "..."
