"""The base of all configuration."""

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Base of all configuration: unknown keys are errors, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)
