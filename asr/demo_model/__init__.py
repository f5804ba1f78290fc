"""The demo model: a small Vosk model of one synthesiser's Mandarin, and the builder that makes it from nothing.

At run time only the files under `model/` are used. The modules here are the builder; they need the `train` extra.
"""
