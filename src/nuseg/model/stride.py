"""Lengths on a network's grid of strides."""


def round_up(length: int, stride: int) -> int:
    """Give the next multiple of `stride`."""
    return -(-length // stride) * stride
