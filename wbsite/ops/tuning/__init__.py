"""What units are tuned to: stimuli, indices, categories."""
