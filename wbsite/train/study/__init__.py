"""Studies of the information plane: many small networks trained as one batched computation, and shown samples again."""
