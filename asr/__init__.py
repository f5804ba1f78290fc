"""Speech to text: the Vosk engine, its server and client, endpointing, transcripts, the demo model."""
