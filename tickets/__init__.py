"""From what was said to an accepted ticket: draft, number, outbox, courier, the reference intake."""
