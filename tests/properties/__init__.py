"""What holds for any history, any structure and any bytes (Hypothesis)."""
