"""What makes a recorded program fast to repeat, thousands of times, forward and back."""
