"""The record of each call: journal, audio file, database catalogue."""
