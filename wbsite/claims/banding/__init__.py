"""Claims about this subject, one file each."""
