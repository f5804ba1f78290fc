"""Signalling and media: the SIP stack, legs, what an INVITE says, and the pump that empties their audio."""
