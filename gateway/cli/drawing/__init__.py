"""A flow as a picture for people who do not read flow files."""
