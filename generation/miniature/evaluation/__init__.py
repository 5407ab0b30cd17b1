"""Does the miniature paint what it is told? Asked of the real pipeline, answered by the judge."""
