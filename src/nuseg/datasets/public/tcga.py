"""Names that The Cancer Genome Atlas gives: TCGA-18-5592-01Z-00-DX1 is a slide of the patient TCGA-18-5592."""

import re

_PATIENT = re.compile(r"TCGA-\w{2}-\w{4}", re.IGNORECASE)


def patient(name: str) -> str:
    """Name the patient of a slide or image; the name itself where it is none of TCGA."""
    found = _PATIENT.match(name)
    return found[0].upper() if found else name
