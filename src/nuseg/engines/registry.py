"""The engines that there are; other packages add theirs by entry points."""

from nuseg.engines.engine import Backend
from nuseg.registry import Registry

engines: Registry[Backend] = Registry("engine", "nuseg.engines.backends", "ENGINE", "nuseg.engines")
