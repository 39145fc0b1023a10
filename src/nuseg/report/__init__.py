"""HTML pages that need nothing beside themselves: the parts that all of them share."""
