"""What results are computed of; one file each."""
