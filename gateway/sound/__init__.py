"""This machine's own microphone and loudspeaker: a desk phone, a prompt studio, an ear on a call that goes on."""
