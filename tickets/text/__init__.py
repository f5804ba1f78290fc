"""What was said, made to be read: numbers in figures, no fillers, marks where the caller paused."""
