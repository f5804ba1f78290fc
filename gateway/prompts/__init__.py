"""What a caller hears: texts, recordings and the voice, made into sound."""
