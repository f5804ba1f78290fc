"""The reference intake: what a city's central platform does with a posted ticket, in small."""
