"""What people drew: nuclei and regions, in any registered file format; `registry` is the way in."""
