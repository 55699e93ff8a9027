"""Letters and cards on paper: where they go, what waits to be printed, and what was printed together."""
