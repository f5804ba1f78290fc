"""How well, how fast and for how many at once a model hears: measured on recordings whose words are known."""
