"""One call from its admission to its filed tickets: the door, the conversation, its record, and what a crash left."""
