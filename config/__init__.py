"""The embedded default configuration, and the strict reader every configuration file goes through."""
