"""Results for the eye: self-contained HTML pages."""
