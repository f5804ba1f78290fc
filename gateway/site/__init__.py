"""What every room of the gateway needs: its settings, its measurements, and facts of this installation."""
